"""Opens what was wrapped to a recovery key, for read-repository.py: written from docs/reference/format.md, FIPS 203, RFC 9180 and
draft-connolly-cfrg-xwing-kem. Opens only, for who has the sheet: leaves out FIPS 203's check that a ciphertext was made
by the rules, as what was not fails at the seal after it. Slow, and not in constant time."""
import base64, hashlib, hmac, os, sys
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
N, Q, K, DU, DV, ETA = 256, 3329, 3, 10, 4, 2
reverse7 = lambda i: int(f'{i:07b}'[::-1], 2)
ZETA = [pow(17, reverse7(i), Q) for i in range(128)]
GAMMA = [pow(17, 2 * reverse7(i) + 1, Q) for i in range(128)]

def bits(data):
    return [byte >> i & 1 for byte in data for i in range(8)]
def decode(data, width):
    """ByteDecode of one polynomial."""
    stream = bits(data)
    return [sum(stream[i * width + j] << j for j in range(width)) for i in range(N)]
def encode(poly, width):
    stream = [value >> j & 1 for value in poly for j in range(width)]
    return bytes(sum(stream[i + j] << j for j in range(8)) for i in range(0, len(stream), 8))
def ntt(poly):
    poly, i, length = list(poly), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                t = ZETA[i] * poly[j + length] % Q
                poly[j + length], poly[j] = (poly[j] - t) % Q, (poly[j] + t) % Q
            i += 1
        length //= 2
    return poly
def inverse_ntt(poly):
    poly, i, length = list(poly), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                t = poly[j]
                poly[j] = (t + poly[j + length]) % Q
                poly[j + length] = ZETA[i] * (poly[j + length] - t) % Q
            i -= 1
        length *= 2
    return [value * 3303 % Q for value in poly]
def multiply(a, b):
    product = []
    for i in range(128):
        a0, a1, b0, b1 = a[2 * i], a[2 * i + 1], b[2 * i], b[2 * i + 1]
        product += [(a0 * b0 + a1 * b1 * GAMMA[i]) % Q, (a0 * b1 + a1 * b0) % Q]
    return product
def add(*polys):
    return [sum(values) % Q for values in zip(*polys)]
def sample_ntt(seed):
    stream, poly, i = hashlib.shake_128(seed).digest(3 * 1024), [], 0
    while len(poly) < N:
        c0, c1, c2 = stream[i : i + 3]
        poly += [d for d in (c0 + 256 * (c1 % 16), c1 // 16 + 16 * c2) if d < Q]
        i += 3
    return poly[:N]
def sample_noise(seed, counter):
    stream = bits(hashlib.shake_256(seed + bytes([counter])).digest(64 * ETA))
    take = lambda i: sum(stream[i : i + ETA])
    return [(take(2 * ETA * i) - take(2 * ETA * i + ETA)) % Q for i in range(N)]

def hkdf(key, info, salt=None):
    return HKDF(SHA256(), 32, salt, info.encode()).derive(key)

class MlKem768:
    def __init__(self, seed):
        rho_sigma = hashlib.sha3_512(seed[:32] + bytes([K])).digest()
        rho, sigma = rho_sigma[:32], rho_sigma[32:]
        self.s = [ntt(sample_noise(sigma, i)) for i in range(K)]
        e = [ntt(sample_noise(sigma, K + i)) for i in range(K)]
        a = [[sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]
        t = [add(*(multiply(a[i][j], self.s[j]) for j in range(K)), e[i]) for i in range(K)]
        self.public = b''.join(encode(poly, 12) for poly in t) + rho
    def decapsulate(self, ciphertext):
        expand = lambda poly, width: [(value * Q + (1 << width - 1)) >> width for value in poly]
        size = 32 * DU
        u = [expand(decode(ciphertext[i * size : (i + 1) * size], DU), DU) for i in range(K)]
        v = expand(decode(ciphertext[K * size :], DV), DV)
        product = inverse_ntt(add(*(multiply(self.s[i], ntt(u[i])) for i in range(K))))
        message = [((x - y) % Q * 2 + Q // 2) // Q % 2 for x, y in zip(v, product)]
        return hashlib.sha3_512(encode(message, 1) + hashlib.sha3_256(self.public).digest()).digest()[:32]

class XWing:
    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self.kem, self.x = MlKem768(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])
        self.public_x = self.x.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = self.kem.public + self.public_x
    def decapsulate(self, ciphertext):
        shared_x = self.x.exchange(X25519PublicKey.from_public_bytes(ciphertext[1088:]))
        parts = self.kem.decapsulate(ciphertext[:1088]) + shared_x + ciphertext[1088:] + self.public_x
        return hashlib.sha3_256(parts + b'\\.//^\\').digest()

def hpke_open(shared, info, associated, sealed, suite=(0x647A, 1, 2), key_bytes=32):
    """RFC 9180, base mode, the first message."""
    suite_id = b'HPKE' + b''.join(number.to_bytes(2, 'big') for number in suite)
    extract = lambda salt, label, data: hmac.new(salt, b'HPKE-v1' + suite_id + label + data, hashlib.sha256).digest()
    context = bytes(1) + extract(b'', b'psk_id_hash', b'') + extract(b'', b'info_hash', info)
    secret = extract(shared, b'secret', b'')
    expand = lambda label, length: hmac.new(secret, length.to_bytes(2, 'big') + b'HPKE-v1' + suite_id + label + context + b'\x01',
                                            hashlib.sha256).digest()[:length]
    return AESGCM(expand(b'key', key_bytes)).decrypt(expand(b'base_nonce', 12), sealed, associated)

class Recovery:
    """Stands in for the root key of a repository of read-repository.py."""
    def __init__(self, repository, seed):
        self.repository, self.key = repository, XWing(seed)
        self.own = hashlib.sha256(self.key.public).hexdigest()[:32]
        raw, file = self.read(f'keys/recovery/{self.own}.json', 'holdfast-recovery-key', f'the repository has no recovery key {self.own}')
        sealed, self.id = base64.b64decode(file['secret']), file['repository']
        own = AESGCM(hkdf(seed, 'holdfast/1 recovery secret', self.id.encode()))
        # Sealed under the private half: only its maker can have said what all else is believed by.
        self.secret = own.decrypt(sealed[:12], sealed[12:], f'{self.id}/{self.own}/repository'.encode())
        repository.check_mac(raw, hkdf(self.secret, 'holdfast/1 recovery keys'), file['key'])
    def read(self, name, kind, missing):
        if not os.path.exists(os.path.join(self.repository.folder, name)): sys.exit(missing)
        raw, file = self.repository.authenticated(name)
        if file['format'] != kind or file['version'] != 1 or file['key'] != name: sys.exit(f'damaged: {name}')
        return raw, file
    def unwrap(self, entry, run, purpose):
        if purpose == 'repository': return self.secret
        root = entry['rootKeyId']
        if not root.startswith('hex:'): return self.wrapped(run, purpose, entry['wrapped'])
        self.repository.roots[root] = self.wrapped(root, 'root', '')
        return self.repository.unwrap(entry, run, purpose)
    def wrapped(self, run, purpose, wrapped):
        name = hashlib.sha256(f'{run}/{purpose}/{wrapped}'.encode()).hexdigest()[:32]
        missing = f'the {purpose} key of {run} was not wrapped to recovery key {self.own}'
        raw, file = self.read(f'recovery/{self.own}/{name}', 'holdfast-recovery-wrap', missing)
        self.repository.check_mac(raw, hkdf(self.secret, 'holdfast/1 recovery wraps'), file['key'])
        shared = self.key.decapsulate(base64.b64decode(file['enc']))
        associated = f'{self.id}/{run}/{purpose}'.encode()
        return hpke_open(shared, b'holdfast/1 recovery', associated, base64.b64decode(file['sealed']))

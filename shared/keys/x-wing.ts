import crypto, {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';

/** The seed that the whole key pair is derived from. */
export const SEED_BYTES = 32;
const ML_KEM_PUBLIC_BYTES = 1184;
const ML_KEM_CIPHERTEXT_BYTES = 1088;
const X25519_BYTES = 32;
/** Bytes of a public key. */
export const PUBLIC_KEY_BYTES = ML_KEM_PUBLIC_BYTES + X25519_BYTES;
/** Bytes of a wrapped secret. */
export const CIPHERTEXT_BYTES = ML_KEM_CIPHERTEXT_BYTES + X25519_BYTES;
/** The seed that ML-KEM's key pair is derived from. */
const ML_KEM_SEED_BYTES = 64;

/** DER prefixes of the raw bytes of a key: RFC 8410, RFC 9881 (seed only). */
const PREFIX = {
  x25519Public: Buffer.from('302a300506032b656e032100', 'hex'),
  x25519Private: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  mlKemPublic: Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex'),
  mlKemPrivate: Buffer.from('3054020100300b060960864801650304040204428040', 'hex'),
};
const LABEL = Buffer.from('5c2e2f2f5e5c', 'hex');

interface PrivateParts {
  readonly mlKem: KeyObject;
  readonly x25519: KeyObject;
}

/**
 * X-Wing (draft-connolly-cfrg-xwing-kem): X25519 and ML-KEM-768 together, secure as long as one of them is.
 *
 * @returns the public key for a seed. @throws E_KEY_UNAVAILABLE if Node lacks ML-KEM
 */
export function recoveryPublicKey(seed: Uint8Array): Buffer {
  const { mlKem, x25519 } = expand(seed);
  return Buffer.concat([rawPublic(mlKem), rawPublic(x25519)]);
}

/**
 * A new shared secret, and the ciphertext that lets the owner of the public key derive it. @throws
 * E_KEY_UNAVAILABLE, E_BAD_KEY
 */
export function encapsulateTo(publicKey: Uint8Array): {
  readonly secret: Buffer;
  readonly ciphertext: Buffer;
} {
  refuseOldNode();
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw malformed('public key', publicKey.length);
  const x = publicKey.subarray(ML_KEM_PUBLIC_BYTES);
  const ours = generateKeyPairSync('x25519');
  const ofX = rawPublic(ours.privateKey);
  const sharedX = agree(ours.privateKey, x);
  const m = crypto.encapsulate(publicKeyFrom(PREFIX.mlKemPublic, publicKey.subarray(0, ML_KEM_PUBLIC_BYTES)));
  const secret = combine({ ofM: m.sharedKey, ofX: sharedX, ciphertextX: ofX, publicX: x });
  return { secret, ciphertext: Buffer.concat([m.ciphertext, ofX]) };
}

/** The shared secret; a changed ciphertext gives another one. @throws E_KEY_UNAVAILABLE, E_BAD_KEY */
export function decapsulateWith(seed: Uint8Array, ciphertext: Uint8Array): Buffer {
  if (ciphertext.length !== CIPHERTEXT_BYTES) throw malformed('ciphertext', ciphertext.length);
  const { mlKem, x25519 } = expand(seed);
  const ciphertextX = ciphertext.subarray(ML_KEM_CIPHERTEXT_BYTES);
  return combine({
    ofM: crypto.decapsulate(mlKem, ciphertext.subarray(0, ML_KEM_CIPHERTEXT_BYTES)),
    ofX: agree(x25519, ciphertextX),
    ciphertextX,
    publicX: rawPublic(x25519),
  });
}

function expand(seed: Uint8Array): PrivateParts {
  refuseOldNode();
  if (seed.length !== SEED_BYTES) throw malformed('seed', seed.length);
  const expanded = createHash('shake256', { outputLength: ML_KEM_SEED_BYTES + X25519_BYTES })
    .update(seed)
    .digest();
  return {
    mlKem: privateKeyFrom(PREFIX.mlKemPrivate, expanded.subarray(0, ML_KEM_SEED_BYTES)),
    x25519: privateKeyFrom(PREFIX.x25519Private, expanded.subarray(ML_KEM_SEED_BYTES)),
  };
}

/** OpenSSL refuses a point of small order, which would give no secret. @throws E_BAD_KEY */
function agree(privateKey: KeyObject, publicX: Uint8Array): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey: publicKeyFrom(PREFIX.x25519Public, publicX) });
  } catch (cause) {
    throw new HoldfastError('E_BAD_KEY', 'the public key is not a valid X25519 key', { cause });
  }
}

function combine(parts: {
  readonly ofM: Uint8Array;
  readonly ofX: Uint8Array;
  readonly ciphertextX: Uint8Array;
  readonly publicX: Uint8Array;
}): Buffer {
  const { ofM, ofX, ciphertextX, publicX } = parts;
  return createHash('sha3-256')
    .update(ofM)
    .update(ofX)
    .update(ciphertextX)
    .update(publicX)
    .update(LABEL)
    .digest();
}

function publicKeyFrom(prefix: Buffer, raw: Uint8Array): KeyObject {
  return known(() => createPublicKey({ format: 'der', type: 'spki', key: Buffer.concat([prefix, raw]) }));
}

function privateKeyFrom(prefix: Buffer, raw: Uint8Array): KeyObject {
  return known(() => createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([prefix, raw]) }));
}

/** The bytes have the right length, so an error means that OpenSSL does not know this kind of key. */
function known(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch (cause) {
    throw withoutMlKem(cause);
  }
}

/** For both kinds the raw bytes come last. */
function rawPublic(key: KeyObject): Buffer {
  const length = key.asymmetricKeyType === 'x25519' ? X25519_BYTES : ML_KEM_PUBLIC_BYTES;
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-length);
}

/** Looked up as a property: a named import that does not exist would keep all of Holdfast from starting. */
function refuseOldNode(): void {
  const isThere = typeof crypto.encapsulate === 'function' && typeof crypto.decapsulate === 'function';
  if (!isThere) throw withoutMlKem();
}

function withoutMlKem(cause?: unknown): HoldfastError {
  return new HoldfastError(
    'E_KEY_UNAVAILABLE',
    `this Node (${process.version}, OpenSSL ${process.versions.openssl}) does not have ML-KEM, which recovery keys need`,
    { cause, hint: 'Use Node 24.7 or newer from nodejs.org.' },
  );
}

function malformed(what: string, bytes: number): HoldfastError {
  return new HoldfastError('E_BAD_KEY', `a ${what} of a recovery key has ${bytes} bytes`);
}

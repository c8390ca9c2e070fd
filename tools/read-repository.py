#!/usr/bin/env python3
"""Reads a Holdfast repository (format 1 or 2) in a folder, with nothing of Holdfast: written from docs/reference/format.md.

  read-repository.py FOLDER                     lists the backups, and their datasets with their attributes
  read-repository.py FOLDER KEY DATASET         writes a dataset to stdout as the source had it (KEY: any part of a key)

The encryption key (64 hex digits) is read from BACKUP_ENCRYPTION_KEY, or those of a recovery sheet from HOLDFAST_RECOVERY_HEX
(recovery_key.py must lie beside this file, and read_parts.py). Needs Debian's python3-cryptography and python3-zstandard.
"""
import base64, hashlib, hmac, json, os, re, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
import read_parts, zstandard
SELF = bytes(32)
hkdf = lambda key, salt, info, length: HKDF(SHA256(), length, salt, info.encode()).derive(key)
unzstd = lambda data, limit: zstandard.ZstdDecompressor().stream_reader(data).read(limit + 1)
root_key_id = lambda root_key: 'hex:' + hkdf(root_key, None, 'holdfast/1 root key id', 32)[:8].hex()
def check(ok, problem):
    if not ok: sys.exit(f'damaged: {problem}')

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0
    def take(self, count):
        check(self.at + count <= len(self.data), 'something ends too early')
        self.at += count
        return self.data[self.at - count : self.at]
    u8 = lambda self: self.take(1)[0]
    u32 = lambda self: int.from_bytes(self.take(4), 'little')
    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80: return value
    def signed(self):
        value = self.varint()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

class Repository:
    def __init__(self, folder, root_key, recovery_seed=b''):
        self.signed_before = None
        self.folder, self.own, self.roots = folder, root_key_id(root_key), {root_key_id(root_key): root_key}
        self.recovery = __import__('recovery_key').Recovery(self, recovery_seed) if recovery_seed else None
        raw, self.file = self.authenticated('repository.json')
        check(self.file['format'] == 'holdfast-repository' and self.file['version'] in (1, 2), 'not a repository of format 1 or 2')
        if self.file['secret']['rootKeyId'] != self.own and not self.recovery: self.open_older()
        secret = self.unwrap(self.file['secret'], self.file['id'], 'repository')
        self.check_mac(raw, hkdf(secret, None, 'holdfast/1 repository', 32), 'repository.json')
        self.max_bytes = self.file['chunker']['maxBytes']
    def open_older(self):
        """After a change of the root key: the older ones, wrapped under the new one."""
        key = f'keys/{hashlib.sha256(self.own.encode()).hexdigest()[:32]}.json'
        if not os.path.exists(os.path.join(self.folder, key)): return
        raw, file = self.authenticated(key)
        check(file['format'] == 'holdfast-keys' and file['version'] == 1 and file['key'] == key, key)
        self.check_mac(raw, hkdf(self.unwrap(file['seal'], self.file['id'], 'keys'), None, 'holdfast/1 keys', 32), key)
        for older in file['older']:
            self.roots[older['rootKeyId']] = self.unwrap(dict(older, rootKeyId=self.own), older['rootKeyId'], 'root')
        self.signed_before = file.get('signedBefore')
    def believes(self, raw, root_key_id):
        """Older root keys sign nothing any more: what they signed before is on a list."""
        if root_key_id == self.own or not self.signed_before: return True
        hashes = self.read('keys/signed/' + self.signed_before['sha256'])
        check(hashlib.sha256(hashes).hexdigest() == self.signed_before['sha256'], 'the list of what was signed before was changed')
        return hashlib.sha256(raw).digest() in {hashes[at:at + 32] for at in range(0, len(hashes), 32)}
    def read(self, key, offset=0, count=-1):
        with open(os.path.join(self.folder, key), 'rb') as file:
            file.seek(offset)
            return file.read(count)
    def authenticated(self, key):
        raw = self.read(key)
        check(re.search(rb',\n"mac":"[0-9a-f]{64}"\}\n$', raw), f'{key} has no MAC')
        return raw, json.loads(raw)
    def check_mac(self, raw, key, what):
        want = hmac.new(key, raw[:-76], hashlib.sha256).hexdigest()
        check(hmac.compare_digest(want.encode(), raw[-67:-3]), f'{what} was changed')
    def unwrap(self, entry, run, purpose):
        if entry['rootKeyId'] not in self.roots:
            if self.recovery: return self.recovery.unwrap(entry, run, purpose)
            sys.exit(f"wrong key: {entry['rootKeyId']} is wanted, {self.own} was given")
        wrapped = base64.b64decode(entry['wrapped'])
        key = hkdf(self.roots[entry['rootKeyId']], self.file['id'].encode(), 'holdfast/1 wrap', 32)
        context = [self.file['id'], run, purpose, *filter(None, [entry.get('source')])]; return AESGCM(key).decrypt(wrapped[:12], wrapped[12:], '/'.join(context).encode())
    def manifests(self):
        keys = []
        for folder, _, names in os.walk(os.path.join(self.folder, 'backups')):
            keys += [os.path.relpath(os.path.join(folder, name), self.folder) for name in names if name.endswith('.json')]
        return sorted(keys, key=lambda key: key[-20:])
    def open(self, key):
        raw, manifest = self.authenticated(key)
        check(manifest['format'] == 'holdfast-backup' and manifest['version'] in (1, 2) and manifest['key'] == key, key)
        own = [entry for entry in manifest['keys'] if (entry['run'], entry['purpose']) == (manifest['run'], 'manifest')]
        self.check_mac(raw, self.unwrap(own[0], manifest['run'], 'manifest'), key)
        check(self.believes(raw, own[0]['rootKeyId']), f'{key} was signed with a key that had been replaced')
        packs, entries = read_parts.packs_of(self, manifest, Cursor, check)
        return Backup(self, manifest, packs, {(one['run'], one['purpose']): self.unwrap(one, one['run'], one['purpose']) for one in entries})

class Backup:
    def __init__(self, repository, manifest, sizes, keys):
        self.repository, self.manifest, self.keys, self.packs, self.sizes = repository, manifest, keys, {}, sizes
        place = manifest['catalog']
        plain = unzstd(self.item(place['pack'], place['offset'], place['storedBytes']), 2**30)
        check(hashlib.sha256(plain).hexdigest() == place['id'], 'the catalog is another')
        self.catalog = json.loads(plain)
    def pack(self, name):
        """Key and header of a pack."""
        if name not in self.packs:
            check(name in self.sizes, f'pack {name} is not listed')
            header = self.repository.read(f'data/{name[:2]}/{name}', 0, 88)
            check(header[:4] == b'HFPK' and header[4] in (1, 2) and header[5] == 1, f'pack {name} has a wrong header')
            check(header[6] in (1, 2) and header[7] == 0, f'pack {name} has a wrong header')
            run_key = self.keys[header[8:24].hex(), {1: 'data', 2: 'index'}[header[6]]]
            derived = hkdf(run_key, header[24:56], f'holdfast/{header[4]} pack', 32 + 32 * header[4])
            check(derived[32:64] == header[56:88], f'pack {name} was sealed with another key')
            self.packs[name] = AESGCM(derived[:32]), header
        return self.packs[name]
    def item(self, name, offset, count):
        cipher, header = self.pack(name)
        check(offset + count <= self.sizes[name], f'pack {name} is shorter')
        stored = self.repository.read(f'data/{name[:2]}/{name}', offset, count)
        place = offset.to_bytes(8, 'little')
        if header[4] == 1: return cipher.decrypt(place + bytes(4), stored, header)
        return cipher.decrypt(stored[:12], stored[12:], header + place)
    def chunk(self, chain):
        chunk, limit = None, self.repository.max_bytes
        for place in chain:
            item = self.item(*place)
            body = unzstd(item[1:], 2 * limit + 64) if item[0] in (1, 3) else item[1:]
            check((item[0] in (2, 3)) == (chunk is not None), 'a chain begins with a full chunk and goes on with deltas')
            check(item[0] <= 5, 'an item has another codec')
            if item[0] == 4: chunk = read_parts.read_columns(Cursor(body), limit, check, unzstd)
            elif item[0] == 5: chunk = read_parts.read_shapes(Cursor(body), limit, check, unzstd)
            else: chunk = read_parts.apply_delta(chunk, Cursor(body), check) if item[0] >= 2 else body
            check(len(chunk) <= limit, 'a chunk is too large')
        return chunk
    def leaves(self, root):
        """References of a partition: id, plain bytes, records, chain."""
        plain = unzstd(self.item(root['pack'], root['offset'], root['storedBytes']), 2**23)
        check(hashlib.sha256(plain).digest() == root['id'], 'a tree node is another')
        cursor = Cursor(plain)
        kind, level = cursor.u8(), root['level']
        check(kind == (1 if level == 0 else 2) and (level == 0 or cursor.u8() == level), 'a tree node is of another kind')
        count = cursor.varint()
        packs = [cursor.take(32) for _ in range(cursor.varint())]
        packs = [root['pack'] if name == SELF else name.hex() for name in packs]
        column = lambda read: [read() for _ in range(count)]
        if level > 0:
            ids = column(lambda: cursor.take(32))
            chunks, sizes, records, _ = column(cursor.varint), column(cursor.varint), column(cursor.varint), column(cursor.u32)
            check([sum(chunks), sum(sizes), sum(records)] == [root['chunks'], root['plainBytes'], root['records']], 'sums')
            for i, (pack, offset, stored) in enumerate(read_parts.locations(cursor, count, packs)):
                child = dict(id=ids[i], level=level - 1, chunks=chunks[i], plainBytes=sizes[i], records=records[i])
                yield from self.leaves(dict(child, pack=pack, offset=offset, storedBytes=stored))
            return
        ids, sizes, records = column(lambda: cursor.take(32)), column(cursor.varint), column(cursor.varint)
        check([count, sum(sizes), sum(records)] == [root['chunks'], root['plainBytes'], root['records']], 'sums')
        column(cursor.u8), column(cursor.u32), column(cursor.u32)
        lengths, chains = column(cursor.u8), [[] for _ in range(count)]
        for step in range(16):
            longer = [chain for chain, length in zip(chains, lengths) if length > step]
            for chain, place in zip(longer, read_parts.locations(cursor, len(longer), packs)): chain.append(place)
        check(cursor.at == len(plain), 'a leaf has bytes left over')
        yield from zip(ids, sizes, records, chains)
    def records(self, dataset):
        for root in [partition['root'] for partition in dataset['partitions'] if partition['root']]:
            pack = self.manifest['catalog']['pack'] if root['pack'] == SELF.hex() else root['pack']
            for id, size, records, chain in self.leaves(dict(root, id=bytes.fromhex(root['id']), pack=pack)):
                chunk = self.chunk(chain)
                check(hashlib.sha256(chunk).digest() == id and len(chunk) == size, 'a chunk is another')
                check(chunk.count(b'\n') == records, 'a chunk has another number of records')
                yield chunk
    def source(self, dataset):
        """The records without the newline that was added to the last one, if the source had none there."""
        held, size, attributes = b'', 0, dataset['attributes']
        for chunk in self.records(dataset):
            yield held
            held, size = chunk, size + len(chunk)
        added = 1 if attributes.get('finalNewline') is False else 0
        check(size - added == attributes.get('sizeBytes', size - added), 'the dataset is of another size')
        yield held[: len(held) - added]
def main(folder, part=None, name=None):
    given = lambda variable: bytes.fromhex(os.environ.get(variable, '').replace(' ', ''))
    repository = Repository(folder, given('BACKUP_ENCRYPTION_KEY'), given('HOLDFAST_RECOVERY_HEX'))
    keys = [key for key in repository.manifests() if part is None or part in key] or sys.exit('there is no such backup')
    for backup in map(repository.open, keys if name is None else keys[-1:]):
        if name is None: print(backup.manifest['key'], backup.manifest['source']['name'])
        if name and name not in [one['name'] for one in backup.catalog['datasets']]: sys.exit('there is no such dataset')
        for dataset in backup.catalog['datasets']:
            records = sum(partition['root']['records'] for partition in dataset['partitions'] if partition['root'])
            if name is None: print('  ', dataset['name'], records, 'records', json.dumps(dataset['attributes']))
            for chunk in backup.source(dataset) if dataset['name'] == name else []: sys.stdout.buffer.write(chunk)
if __name__ == '__main__':
    main(*sys.argv[1:]) if len(sys.argv) in (2, 3, 4) else sys.exit(__doc__)

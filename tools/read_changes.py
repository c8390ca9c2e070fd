#!/usr/bin/env python3
"""Reads the change segments of a Holdfast repository in a folder: written from docs/reference/format.md, "Change segments".

  read_changes.py FOLDER                lists the segments, oldest first, and proves that each follows the one before it
  read_changes.py FOLDER KIND NAME      writes all changes of a source to stdout, in order, as its server gave them
  read_changes.py FOLDER KIND NAME N    those of segment N alone

Keys as for read-repository.py, which must lie beside this file.
"""
import hashlib, importlib.machinery, importlib.util, json, os, re, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
loader = importlib.machinery.SourceFileLoader('read_repository', os.path.join(here, 'read-repository.py'))
reader = importlib.util.module_from_spec(importlib.util.spec_from_loader('read_repository', loader))
loader.exec_module(reader)
check, hkdf, unzstd, AESGCM, Cursor = reader.check, reader.hkdf, reader.unzstd, reader.AESGCM, reader.Cursor
MOST = 999_999_999_999

def folder_of(kind, name):
    text = json.dumps([kind, name], separators=(',', ':'), ensure_ascii=False)
    return 'changes/' + hashlib.sha256(text.encode()).hexdigest()[:32]

def segments_of(repository, folder):
    """Numbers, paths and bytes (None: those of the path), oldest first; by themselves or in bundles."""
    names = os.listdir(os.path.join(repository.folder, folder))
    numbers = {MOST - int(name): None for name in names if re.fullmatch('[0-9]{12}', name)}
    for name in names:
        if not re.fullmatch('[0-9]{12}_[0-9]{12}', name): continue
        raw = repository.read(f'{folder}/{name}')
        at = raw.index(b'\n') + 1
        index = json.loads(raw[:at])
        last, first = [MOST - int(part) for part in name.split('_')]
        check(index['format'] == 'holdfast-change-bundle' and index['version'] == 1, f'{name} is no bundle')
        check(index['key'] == f'{folder}/{name}' and len(index['sizes']) == last - first + 1, f'{name} is of another place')
        for number, size in enumerate(index['sizes'], first):
            numbers.setdefault(number, raw[at:at + size])
            at += size
        check(at == len(raw), f'{name} has another size')
    return [(one, f'{folder}/{MOST - one:012}', numbers[one]) for one in sorted(numbers) if one >= 1]

class Segment:
    def __init__(self, repository, number, path, raw=None):
        self.repository, self.path = repository, path
        raw = raw or repository.read(path)
        self.line = raw[:raw.index(b'\n') + 1]
        self.clear = clear = json.loads(self.line)
        check(clear['format'] == 'holdfast-changes' and clear['version'] == 1, f'{path} is no segment')
        check(clear['repository'] == repository.file['id'] and clear['key'] == path, f'{path} is of another place')
        check(len(raw) == len(self.line) + clear['head'] + clear['payload'], f'{path} has another size')
        self.keys = {one['purpose']: repository.unwrap(one, one['run'], one['purpose']) for one in clear['keys']}
        self.run = clear['keys'][0]['run']
        derived = hkdf(self.keys['changes'], bytes.fromhex(clear['salt']), 'holdfast/1 changes', 64)
        check(derived[32:].hex() == clear['commitment'], f'{path} was sealed with another key')
        front = raw[:len(self.line) + clear['head']]
        self.id, self.inline = hashlib.sha256(front).hexdigest(), raw[len(front):]
        self.head = json.loads(unzstd(AESGCM(derived[:32]).decrypt(bytes(12), front[len(self.line):], self.line), 2**27))
        check(self.head['number'] == number, f'{path} has another number')
    def changes(self):
        folder, digits = os.path.split(self.path)
        size = 0
        for pack in self.head['packs']:
            body = self.inline or self.repository.read(f"{folder}/parts/{digits}_{pack['id']}")
            check(hashlib.sha256(body).hexdigest() == pack['id'] and len(body) == pack['bytes'], f"pack {pack['id']} was changed")
            for chunk in self.items(body):
                size += len(chunk)
                yield chunk
        check(size == self.head['plainBytes'], f'{self.path} has another size')
    def items(self, body):
        header = body[:88]
        check(header[:8] == b'HFPK\x02\x01\x01\x00' and header[8:24].hex() == self.run, 'a pack has a wrong header')
        derived = hkdf(self.keys['data'], header[24:56], 'holdfast/2 pack', 96)
        check(derived[32:64] == header[56:88], 'a pack was sealed with another key')
        cipher = AESGCM(derived[:32])
        item = lambda at, count: cipher.decrypt(body[at:at + 12], body[at + 12:at + count], header + at.to_bytes(8, 'little'))
        tail = len(body) - 32
        start = tail - int.from_bytes(item(tail, 32), 'little')
        directory, at = Cursor(item(start, tail - start)), 88
        for count in [directory.varint() for _ in range(directory.varint())]:
            plain = item(at, count)
            check(plain[0] in (0, 1), 'an item has another codec')
            yield unzstd(plain[1:], 2**20) if plain[0] == 1 else plain[1:]
            at += count
        check(at == start, 'a pack has bytes left over')

def follow(repository, folder):
    before = None
    for number, path, raw in segments_of(repository, folder):
        segment = Segment(repository, number, path, raw)
        head, old = segment.head, before and before.head
        if before:
            check(number == old['number'] + 1, f"segment {old['number'] + 1} is missing")
            check(head['previous'] == dict(number=old['number'], id=before.id), f'{path} follows another segment')
            check('begins' in head or head['from'] == old['to'], f'{path} begins elsewhere')
        yield segment
        before = segment

def main(folder, kind=None, name=None, number=None):
    given = lambda variable: bytes.fromhex(os.environ.get(variable, '').replace(' ', ''))
    repository = reader.Repository(folder, given('BACKUP_ENCRYPTION_KEY'), given('HOLDFAST_RECOVERY_HEX'))
    root = os.path.join(folder, 'changes')
    folders = [f'changes/{one}' for one in sorted(os.listdir(root))] if kind is None else [folder_of(kind, name)]
    for one in folders:
        for segment in follow(repository, one):
            if kind is None: print(segment.clear['source']['name'], json.dumps(segment.head))
            elif number is None or segment.head['number'] == int(number):
                for chunk in segment.changes(): sys.stdout.buffer.write(chunk)
if __name__ == '__main__':
    main(*sys.argv[1:]) if len(sys.argv) in (2, 4, 5) else sys.exit(__doc__)

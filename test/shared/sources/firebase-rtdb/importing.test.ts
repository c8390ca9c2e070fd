import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { KiB } from '../../../../shared/core/units.ts';
import { repairBackups } from '../../../../shared/jobs/repair/repair.ts';
import { exportBackup } from '../../../../shared/jobs/restore/export.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../../shared/jobs/verify/verify-report.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { flipped, harmed, packsOf } from '../../../support/repository/damage.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { backUpFirebase, firebaseTarget, newChildren, oddData } from '../../../support/sources/firebase.ts';
import { type ImportFileOptions, importContent, plainTree } from '../../../support/sources/importing.ts';
import { encryptAsOriginal, ORIGINAL_PASSPHRASE, originalFile } from '../../../support/sources/original.ts';

const it = turns(4);

const METADATA = { timestamp: '2024-03-01T02:00:00.000Z', type: 'daily' };

async function newRepository() {
  const store = new MemoryStore();
  await initRepository(store);
  return openRepository(store);
}

/** The data of a backup: name, what is said of it but ETags, and all bytes of its records. */
async function dataOf(repository: Repository, key: BackupKey) {
  const reader = await repository.openBackup(key, never);
  const data: Record<string, { role: unknown; depth: unknown; records: string }> = {};
  for (const { name, kind, attributes, partitions } of reader.catalog.datasets) {
    if (kind !== 'data') continue;
    const blocks: Uint8Array[] = [];
    for (const partition of partitions)
      for await (const block of reader.read(reader.root(name, partition.name), { signal: never }))
        blocks.push(Uint8Array.from(block));
    const { role, depth } = attributes;
    data[name] = { role, depth, records: Buffer.concat(blocks).toString() };
  }
  return data;
}

async function exported(repository: Repository, key: BackupKey): Promise<string> {
  const blocks = await Array.fromAsync(exportBackup(repository, key, { format: 'json', signal: never }));
  return Buffer.concat(blocks).toString();
}

/** The same JSON with keys in any order, blanks, escapes, nulls and empty objects. */
function scrambled(value: unknown, random: () => number): string {
  const blank = () => [' ', '\n', '\t  ', '', ''][Math.floor(random() * 5)] ?? '';
  const text = (given: string) =>
    random() < 0.2
      ? `"${Array.from(given, (c) =>
          c
            .split('')
            .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
            .join(''),
        ).join('')}"`
      : JSON.stringify(given);
  if (typeof value === 'string') return text(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([key, child]) => `${text(key)}${blank()}:${blank()}${scrambled(child, random)}`,
  );
  if (!Object.keys(value).some((key) => key === '.value'))
    members.push('"nothing":null', '"empty":{"x":[null,{}]}');
  for (let i = members.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [members[i], members[j]] = [members[j] ?? '', members[i] ?? ''];
  }
  return `{${blank()}${members.join(`${blank()},${blank()}`)}${blank()}}${blank()}`;
}

/** Nodes of every size class: records, nodes that are split at one level and at several, large texts with a priority. */
function manySizes(): Record<string, unknown> {
  return {
    ...oddData(),
    '.priority': 'first',
    wide: newChildren(3000, 100, 1),
    edge: { a: { x: 'e'.repeat(128 * KiB - 8) }, b: { x: 'e'.repeat(128 * KiB - 7) } },
    heavy: {
      ...newChildren(6, 60_000, 2),
      inner: { ...newChildren(8, 40_000, 3), '.priority': 7 },
      '.priority': -1,
    },
    texts: { a: { '.value': 'x'.repeat(200_000), '.priority': 2 }, b: 'y'.repeat(140_000), c: 1 },
    numbers: { '3000000000': 1, '5': 2, '-5': 3, '2147483647': 4, b: 'z'.repeat(150_000) },
  };
}

describe('an import of Firebase', () => {
  it('stores what a backup of the same database stores, and shares its chunks with later backups', async () => {
    await using server = await startFirebaseServer();
    await server.set('/', manySizes());
    await using repository = await newRepository();
    const imported = await importContent(repository, await plainTree(server.url), { sourceName: server.url });
    const read = await backUpFirebase(repository, server.url);
    const wanted = await dataOf(repository, read.key);
    expect(Object.keys(wanted).length).toBeGreaterThan(12);
    expect(await dataOf(repository, imported.key)).toEqual(wanted);
    expect(read.parent).toBe(imported.key);
    expect(read.suspect).toBeUndefined();
    expect(read.newChunks).toBeLessThan(3);
    expect(imported).toMatchObject({ records: read.records, plainBytes: read.plainBytes });
  }, 120_000);

  it('comes back by a restore as the database was, by a request that shares nothing with the product', async () => {
    await using from = await startFirebaseServer();
    await using to = await startFirebaseServer();
    await from.set('/', manySizes());
    const tree = await plainTree(from.url);
    await using repository = await newRepository();
    const { key } = await importContent(repository, tree);
    await restoreBackup(repository, key, firebaseTarget(to.url), { signal: never });
    expect(await plainTree(to.url)).toBe(tree);
  }, 120_000);

  it('makes the same of keys in any order, of blanks, escapes, nulls and empty objects', async () => {
    await using server = await startFirebaseServer();
    for (const seed of [1, 2, 3]) {
      await server.set('/', manySizes());
      await using repository = await newRepository();
      const { key } = await importContent(repository, await plainTree(server.url));
      const text = scrambled(manySizes(), seededRandom(seed));
      const other = await importContent(repository, text, { type: 'other' });
      expect(await dataOf(repository, other.key)).toEqual(await dataOf(repository, key));
    }
  }, 120_000);

  it('reads more top-level nodes than are datasets, a root with a single value, and lists', async () => {
    await using server = await startFirebaseServer();
    for (const tree of [
      { ...newChildren(2001, 300, 5), '.priority': 3, key0003: newChildren(500, 400, 6) },
      'only a text',
      { '.value': 17, '.priority': 'p' },
      ['a', null, { b: [1, 2] }],
    ]) {
      await server.set('/', tree);
      await using repository = await newRepository();
      const text = await plainTree(server.url);
      const { key } = await importContent(repository, text, { sourceName: server.url });
      const read = await backUpFirebase(repository, server.url, { fullRead: true });
      expect(await dataOf(repository, key)).toEqual(await dataOf(repository, read.key));
      expect(JSON.parse(await exported(repository, key))).toEqual(JSON.parse(text));
    }
  }, 120_000);

  it('makes a dataset of each of 2,000 top-level nodes, and of the priority of the root', async () => {
    const tree = { ...newChildren(2000, 10, 5), '.priority': 3 };
    await using repository = await newRepository();
    const { key, datasets } = await importContent(repository, JSON.stringify(tree));
    expect(datasets).toBe(2001);
    expect(JSON.parse(await exported(repository, key))).toEqual(tree);
  }, 120_000);

  it('keeps numbers digit for digit', async () => {
    await using repository = await newRepository();
    const text = '{"n":{"a":12345678901234567890,"b":1.10,"c":1E5,"d":-0.0,"e":1e-400}}';
    const { key } = await importContent(repository, text);
    expect((await exported(repository, key)).trim()).toBe(text);
  });

  it('reads files of the original: with and without encryption and gzip', async () => {
    await using repository = await newRepository();
    const data = { users: { alice: { name: 'Ünï' }, list: [1, null, 2] }, version: 3 };
    const plain = JSON.stringify({ metadata: METADATA, data }, null, 2);
    const passphrase = ORIGINAL_PASSPHRASE;
    const files: [string | Buffer, ImportFileOptions][] = [
      [originalFile(METADATA, data), { passphrase }],
      [encryptAsOriginal(plain), { passphrase }],
      [`${encryptAsOriginal(plain).toUpperCase()}\n`, { passphrase, format: 'original' }],
      [gzipSync(plain), { format: 'original' }],
      [plain, { format: 'original' }],
      [JSON.stringify({ data, metadata: METADATA }), { format: 'original' }],
    ];
    const found = [];
    for (const [content, options] of files)
      found.push(await dataOf(repository, (await importContent(repository, content, options)).key));
    expect(found[0]).toEqual({
      users: { role: 'node', depth: 2, records: '{"alice":{"name":"Ünï"}}\n{"list":{"0":1,"2":2}}\n' },
      version: { role: 'node', depth: 0, records: '{"":3}\n' },
    });
    for (const other of found) expect(other).toEqual(found[0]);
  });

  it('decrypts what Node’s own createCipher wrote', async () => {
    // Node 20: createCipher('aes-256-gcm', 'correct horse').update(…, 'utf8', 'hex')
    expect(encryptAsOriginal('{"metadata":{}}')).toBe('f84a3f776a878cc9126823d9db6d91');
  });

  it('says of a backup that it was imported, when, and what the file lacks', async () => {
    await using repository = await newRepository();
    const { key } = await importContent(repository, originalFile(METADATA, { a: 1 }), {
      passphrase: ORIGINAL_PASSPHRASE,
    });
    expect(key).toBe('backups/imported/20240301/backup_imported_20240301_020000.json');
    const { manifest, catalog } = await repository.openBackup(key, never);
    expect(manifest).toMatchObject({
      startedAt: '2024-03-01T02:00:00.000Z',
      finishedAt: '2024-03-01T02:00:00.000Z',
      imported: { format: 'original', at: expect.any(String) },
      parent: null,
    });
    expect(catalog.omitted.join('\n')).toMatch(/rules.*\n.*Priorities.*daily.*\n.*no tag/);
    expect(catalog.position).toMatch(/^file of SHA-256 [0-9a-f]{64}$/);
  });

  it('stores a file once, and two files of the same second as two backups', async () => {
    await using repository = await newRepository();
    const first = await importContent(repository, '{"a":1}');
    const again = await importContent(repository, '{"a":1}');
    expect(again).toMatchObject({ key: first.key, isThereAlready: true });
    const other = await importContent(repository, '{"a":2}');
    expect(other).toMatchObject({ isThereAlready: false });
    expect(other.key).not.toBe(first.key);
    expect(await repository.backupKeys(never)).toHaveLength(2);
  });
});

it('a whole copy of a damaged import is an import of the same date too', async () => {
  const store = new MemoryStore();
  await initRepository(store);
  await using first = await openRepository(store);
  const text = JSON.stringify({ a: newChildren(200, 500, 1) });
  const { key } = await importContent(first, text);
  const { imported } = await first.readManifest(key, never);
  const [pack = ''] = (await packsOf(first, key)).data;
  await using repository = await openRepository(
    await harmed(store, { [pack]: (body) => flipped(body, 100) }),
  );
  const options = { depth: { kind: 'full' }, signal: never } as const;
  await keepVerifyReport(repository, await verifyBackups(repository, [key], options), never);
  await importContent(repository, text, { type: 'again' });
  const { damaged: found } = await repairBackups(repository, [key], { dryRun: false, signal: never });
  expect(found).toEqual([expect.objectContaining({ key, state: 'repaired' })]);
  const copy = await repository.readManifest(found[0]!.copy!, never);
  expect(copy).toMatchObject({
    imported,
    finishedAt: copy.startedAt,
    startedAt: expect.stringContaining('2024-03-01T02:00:0'),
  });
});

describe('a file that is no backup', () => {
  const key = 'k'.repeat(769);
  const deep = `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`;
  const large = `"${'x'.repeat(140_000)}"`;
  const encrypted = originalFile(METADATA, { a: 'some data that is long enough' });
  const passphrase = ORIGINAL_PASSPHRASE;
  const bad: [string, string | Buffer, string, RegExp, ImportFileOptions?][] = [
    ['empty', '', 'E_IMPORT_REFUSED', /ends at character 0/],
    ['null', ' null\n', 'E_EMPTY_READ', /holds no data/],
    ['an empty object', '{"a":{"b":[]},"c":null}', 'E_EMPTY_READ', /holds no data/],
    ['data that is null', `{"metadata":{},"data":null}`, 'E_EMPTY_READ', /no data/, { format: 'original' }],
    ['cut off', '{"a":{"b":1},"c":{"d":[1,', 'E_IMPORT_REFUSED', /ends at character 25/],
    ['cut off in a text', '{"a":"long te', 'E_IMPORT_REFUSED', /in the middle/],
    ['cut off in a number', '{"a":1', 'E_IMPORT_REFUSED', /in the middle/],
    ['two values', '{"a":1}{"b":2}', 'E_IMPORT_REFUSED', /not JSON: '{' at character 7/],
    ['a comma too many', '{"a":1,}', 'E_IMPORT_REFUSED', /not JSON: '}'/],
    ['an open list that ends as an object', '{"a":[1}', 'E_IMPORT_REFUSED', /not JSON/],
    ['a number of another form', '{"a":01}', 'E_IMPORT_REFUSED', /not JSON/],
    ['NaN', '{"a":NaN}', 'E_IMPORT_REFUSED', /not JSON/],
    ['a control character', '{"a":"b\u0001"}', 'E_IMPORT_REFUSED', /control character/],
    ['a broken escape', '{"a":"\\q"}', 'E_IMPORT_REFUSED', /broken escape/],
    ['bytes that are not UTF-8', Buffer.from('{"a":"\xe4"}', 'latin1'), 'E_IMPORT_REFUSED', /not UTF-8/],
    ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le'), 'E_IMPORT_REFUSED', /UTF-16, as PowerShell/],
    ['a web page', '<!DOCTYPE html>', 'E_IMPORT_REFUSED', /not JSON: '<' at character 0/],
    ['a key that is there twice', '{"a":{"b":1,"c":2,"b":3}}', 'E_IMPORT_REFUSED', /\/a\/b appears twice/],
    [
      'a node that is there twice',
      '{"a":{"b":1},"c":1,"a":{"d":1}}',
      'E_IMPORT_REFUSED',
      /\/a appears twice/,
    ],
    [
      'a large node that is there twice',
      `{"a":{"x":{"b":${large}},"m":1,"x":{"c":${large}}}}`,
      'E_IMPORT_REFUSED',
      /\/a\/x appears twice/,
    ],
    [
      'a large node that is also a value',
      `{"z":1,"a":{"x":{"b":${large},"d":1},"c":${large},"x":5}}`,
      'E_IMPORT_REFUSED',
      /\/a\/x appears twice/,
    ],
    ['a key with a dot', '{"a":{"b.c":1}}', 'E_IMPORT_REFUSED', /key in \/a has one of \. \$ # .*'b\.c'/],
    ['a key with a dollar', '{"$a":1}', 'E_IMPORT_REFUSED', /key in \/ has one of/],
    ['a key with #', '{"a":{"#":1}}', 'E_IMPORT_REFUSED', /has one of/],
    ['a key with [', '{"a":{"[":1}}', 'E_IMPORT_REFUSED', /has one of/],
    ['a key with ]', '{"a":{"]":1}}', 'E_IMPORT_REFUSED', /has one of/],
    ['a key with /', '{"a":{"b/c":1}}', 'E_IMPORT_REFUSED', /has a \//],
    ['a key with a control character', '{"a":{"b\\u0007":1}}', 'E_IMPORT_REFUSED', /control character/],
    ['an empty key', '{"a":{"":1}}', 'E_IMPORT_REFUSED', /is empty/],
    ['half of a surrogate pair as a key', '{"a":{"\\ud800":1}}', 'E_IMPORT_REFUSED', /surrogate/],
    ['a key that is too long', `{"${key}":1}`, 'E_IMPORT_REFUSED', /has 769 bytes; allowed are 768/],
    ['33 levels', deep, 'E_IMPORT_REFUSED', /more levels than the 32/],
    ['a server value', '{"at":{".sv":"timestamp"}}', 'E_IMPORT_REFUSED', /has one of/],
    ['a priority that is an object', '{"a":{".priority":{"b":1}}}', 'E_IMPORT_REFUSED', /holds children/],
    ['a priority that is true', '{"a":{"b":1,".priority":true}}', 'E_IMPORT_REFUSED', /text or a number/],
    ['a priority of nothing', '{"a":{".priority":1}}', 'E_IMPORT_REFUSED', /neither a value nor children/],
    [
      'a value beside children',
      '{"a":{".value":1,"b":2}}',
      'E_IMPORT_REFUSED',
      /both a \.value and children/,
    ],
    ['perhaps of the original', '{"metadata":{"a":1},"data":{"a":1}}', 'E_USAGE', /these nodes/],
    [
      'not of the original',
      '{"users":1}',
      'E_IMPORT_REFUSED',
      /it also holds 'users'/,
      { format: 'original' },
    ],
    ['without data', '{"metadata":{}}', 'E_IMPORT_REFUSED', /it holds metadata$/, { format: 'original' }],
    ['encrypted, without a passphrase', encrypted, 'E_USAGE', /no passphrase is given/],
    ['of another passphrase', encrypted, 'E_IMPORT_REFUSED', /with this passphrase/, { passphrase: 'hush' }],
    ['cut off gzip', encrypted.subarray(0, -20), 'E_IMPORT_REFUSED', /cut off|in the middle/, { passphrase }],
    ['damaged gzip', damaged(encrypted), 'E_IMPORT_REFUSED', /damaged|not JSON|UTF-8/, { passphrase }],
    [
      'hex digits that are cut off',
      encryptAsOriginal('{"metadata":{},"data":{"a":"some text"}}').slice(0, -7),
      'E_IMPORT_REFUSED',
      /end in the middle of a byte/,
      { passphrase },
    ],
    [
      'hex digits with something else between them',
      `${encryptAsOriginal(`{"metadata":{},"data":{"a":"${'x'.repeat(100)}"}}`)}zz`,
      'E_IMPORT_REFUSED',
      /between hex digits/,
      { passphrase },
    ],
  ];

  it.each(bad)(
    'is refused where it is %s, and nothing is stored',
    async (_, content, code, message, options = {}) => {
      const store = new MemoryStore();
      await initRepository(store);
      await using repository = await openRepository(store);
      await expect(importContent(repository, content, options)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      const keys = await Array.fromAsync(store.list(''), ({ key: stored }) => stored);
      expect(keys).toEqual(['repository.json']);
    },
  );

  it('is refused where it is dated in the time to come', async () => {
    await using repository = await newRepository();
    const at = new Date(repository.clock.now().getTime() + 2 * 3_600_000);
    await expect(importContent(repository, '{"a":1}', { at })).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining('in the future'),
    });
  });
});

function damaged(file: Buffer): Buffer {
  const copy = Buffer.from(file);
  copy.writeUInt8(copy.readUInt8(60) ^ 0xff, 60);
  return copy;
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { FormatVersion } from '../shared/core/format-version.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { KiB } from '../shared/core/units.ts';
import { compress } from '../shared/format/zstd.ts';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import { rekeyRepository } from '../shared/jobs/keys/rekey.ts';
import { upgradeRepository } from '../shared/jobs/keys/upgrade.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import type { Repository } from '../shared/repository/repository.ts';
import { FilesSource } from '../shared/sources/files/source.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { unzstd } from './support/page-reader/bytes.ts';
import { type Files, filesOf } from './support/page-reader/files.ts';
import { describeWithPart } from './support/parts.ts';
import {
  backUp,
  initRepository,
  never,
  OTHER_KEY,
  openRepository,
  type SMALL_CHUNKS,
  TEST_KEY,
} from './support/repository/engine.ts';
import { listAgain } from './support/repository/forged-manifest.ts';
import { changed, keyedSource, recordsOf, someTables } from './support/repository/keyed-source.ts';
import { type ReadBackup, Refused, readRepository } from './support/repository/page-reader.ts';
import { seededRows } from './support/repository/rows.ts';
import { backUpInShares, sharedSource } from './support/repository/shares.ts';
import { cases, testSeed, turns } from './support/repository/torture.ts';
import { newFolder } from './support/temporary.ts';

const it = turns(4);

/*
 * Two readers that share nothing, `test/support/repository/page-reader.ts` and `tools/read-repository.py`, both written from
 * docs/reference/format.md, must give what the source has. Where they differ, the page says too little.
 */

const run = promisify(execFile);
const NEW_KEY = createHash('sha256').update('the next key').digest('hex');
const LINES = path.resolve('test/fixtures/lines');

async function python(hexKey: string, folder: string, key: string, dataset: string): Promise<Buffer> {
  const { stdout } = await run('/usr/bin/python3', ['tools/read-repository.py', folder, key, dataset], {
    env: { BACKUP_ENCRYPTION_KEY: hexKey },
    maxBuffer: 2 ** 26,
    encoding: 'buffer',
  });
  return stdout;
}

/** A backup of what the source has on a day. */
async function backUpDay(repository: Repository, files: Files): Promise<void> {
  const folder = await newFolder();
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), bytes);
  }
  const source = new FilesSource(folder);
  const { capabilities } = source;
  // One name for all days: the parent of a backup is one of the same source.
  const named = { kind: 'files' as const, name: 'files:days', capabilities, open: source.open.bind(source) };
  await runBackup(repository, named, { type: 'daily', signal: never });
}

interface Place {
  readonly folder: string;
  readonly hexKey: string;
  /** What the source had, by day. */
  readonly days: readonly Files[];
}

interface Made {
  readonly days?: number;
  readonly rows?: number;
  readonly version?: FormatVersion;
  readonly chunker?: typeof SMALL_CHUNKS;
  readonly manifestBytes?: number;
  /** What is done after the backup of the first day. Its result is the key from then on. */
  readonly between?: (store: FolderStore) => Promise<string>;
}

async function newPlace(made: Made): Promise<Place> {
  const { days = 2, rows = 900, version = 2, chunker, manifestBytes, between } = made;
  const folder = await newFolder();
  const store = new FolderStore(folder);
  await initRepository(store, chunker, { version });
  const had: Files[] = [];
  let hexKey = TEST_KEY;
  for (let day = 0; day < days; day += 1) {
    if (day === 1 && between !== undefined) hexKey = await between(store);
    const keys = new HexKeyProvider(hexKey);
    // Threads of its own: which codecs they try depends on what they saw before.
    const options = { keys, manifestBytes, packBytes: 64 * KiB, pool: undefined };
    await using repository = await openRepository(store, options);
    const files = filesOf(day, { rows });
    await backUpDay(repository, files);
    had.push(files);
  }
  return { folder, hexKey, days: had };
}

async function upgrade(store: FolderStore): Promise<string> {
  await using repository = await openRepository(store);
  await upgradeRepository(repository, never);
  return TEST_KEY;
}

async function changeKey(store: FolderStore): Promise<string> {
  const open = (hexKey: string) => openRepository(store, { keys: new HexKeyProvider(hexKey) });
  await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
  return NEW_KEY;
}

async function fixture(): Promise<Place> {
  const folder = await newFolder();
  await cp(path.resolve('test/fixtures/repositories/format-1'), folder, { recursive: true });
  const names = ['rows.txt', 'empty.txt', 'no newline.txt'];
  const days = ['1', '2'].map((day) =>
    Object.fromEntries(names.map((name) => [name, readFileSync(path.join(LINES, day, name))])),
  );
  return { folder, hexKey: TEST_KEY, days };
}

/** Both readers give every file as it was: the one of all days, Python of the last. */
async function expectBoth({ folder, hexKey, days }: Place): Promise<readonly ReadBackup[]> {
  const backups = readRepository(folder, hexKey);
  expect(backups).toHaveLength(days.length);
  for (const [day, { datasets }] of backups.entries()) {
    const files = days[day]!;
    expect(datasets.map(({ name }) => name).sort()).toEqual(Object.keys(files).sort());
    for (const { name, bytes } of datasets)
      expect(bytes.equals(files[name]!), `${name}, day ${day}`).toBe(true);
  }
  const { key, datasets } = backups.at(-1)!;
  const byPython = datasets.map(async ({ name, bytes }) =>
    expect((await python(hexKey, folder, key, name)).equals(bytes), `${name} by Python`).toBe(true),
  );
  await Promise.all(byPython);
  return backups;
}

/** What a reader needs: `repository-2.json` and `history/` are not of it. */
function objectsOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^(repository\.json|(data|backups|keys)\/.*\/?[0-9a-z_.]{30,})$/.test(name),
  );
}

/** One byte of each object changed, one after the other: every one is refused. */
function expectHarmRefused({ folder, hexKey }: Place): void {
  for (const [index, name] of objectsOf(folder).entries()) {
    const file = path.join(folder, name);
    const whole = readFileSync(file);
    const at = (index * 7919) % whole.length;
    const harmed = Buffer.from(whole);
    harmed.writeUInt8(harmed.readUInt8(at) ^ 1, at);
    writeFileSync(file, harmed);
    expect(() => readRepository(folder, hexKey), `byte ${at} of ${name}`).toThrow(Refused);
    writeFileSync(file, whole);
  }
  // And with every byte as it was it is read: nothing else was refused.
  expect(readRepository(folder, hexKey)).not.toEqual([]);
}

function seenIn(backups: readonly ReadBackup[]): readonly string[] {
  return [...new Set(backups.flatMap(({ seen }) => [...seen]))].sort();
}

describeWithPart(
  'python-reader',
  'two readers, each written from the page alone, give what the source had',
  () => {
    it('of a release: format 1', async () => {
      const place = await fixture();
      const backups = await expectBoth(place);
      expect(backups.map(({ version }) => version)).toEqual([1, 1]);
      expectHarmRefused(place);
    });

    it('of format 2, with everything in it that the page describes', async () => {
      const backups = await expectBoth(await newPlace({ days: 3, rows: 4000 }));
      const codecs = ['codec 0', 'codec 1', 'codec 2', 'codec 3', 'codec 4', 'codec 5'];
      const columns = ['column 0', 'column 1', 'column 2', 'column 3', 'column 4', 'column 5'];
      // Whether there are these is a matter of the repository's random secret, which says where chunks end.
      const byChance = ['inner node', 'part 0 of shapes'];
      expect(seenIn(backups).filter((each) => !byChance.includes(each))).toEqual([
        ...codecs,
        ...columns,
        'leaf',
        'pack 2',
        'part 1 of shapes',
        'part 4 of shapes',
      ]);
      expect(backups.map(({ version, listed }) => ({ version, listed }))).toEqual(
        backups.map(() => ({ version: 2, listed: false })),
      );
    });

    it('of format 2, and refuse it with a byte changed', async () => expectHarmRefused(await newPlace({})));

    it('of trees of several levels', async () => {
      // More than 1,024 chunks, wherever they end: no leaf holds as many.
      const chunker = { minBytes: 256, averageBytes: 300, maxBytes: 512 };
      const backups = await expectBoth(await newPlace({ days: 1, rows: 4000, chunker }));
      expect(backups[0]!.datasets.find(({ name }) => name === 'table.txt')!.bytes.length).toBeGreaterThan(
        1025 * 512,
      );
      expect(seenIn(backups)).toContain('inner node');
    });

    it('upgraded from format 1 in between', async () => {
      const place = await newPlace({ version: 1, between: upgrade });
      const backups = await expectBoth(place);
      expect(backups.map(({ version }) => version)).toEqual([1, 2]);
      expect(seenIn(backups.slice(1))).toEqual(expect.arrayContaining(['pack 1', 'pack 2']));
      expectHarmRefused(place);
    });

    it('with lists of packs', async () => {
      const place = await newPlace({ manifestBytes: 0 });
      const backups = await expectBoth(place);
      expect(backups.map(({ listed }) => listed)).toEqual([true, true]);
      expectHarmRefused(place);
    });

    it('after a change of key, and refuse what the old key signs since', async () => {
      const place = await newPlace({ between: changeKey });
      await expectBoth(place);
      expectHarmRefused(place);
      // Who has the old key alone cannot open what the new one wraps; nor can a stranger open anything.
      for (const hexKey of [TEST_KEY, OTHER_KEY])
        expect(() => readRepository(place.folder, hexKey)).toThrow('the key is wrong');
      const [first] = readRepository(place.folder, place.hexKey);
      await listAgain(new FolderStore(place.folder), first!.key as BackupKey, {
        type: 'forged',
        at: new Date().toISOString(),
      });
      expect(() => readRepository(place.folder, place.hexKey)).toThrow('an older root key after the change');
    });

    it('where Node leaves an empty frame behind a zstd frame', () => {
      const hash = (n: number) => createHash('sha256').update(String(n)).digest('hex');
      const noise = Array.from({ length: 32 }, (_, n) => hash(n)).join('');
      // Of 1,918 and of 1,921 bytes the frame just fills the writer's buffer.
      for (let bytes = 1900; bytes < 1940; bytes += 1) {
        const plain = Buffer.from(noise.slice(0, bytes));
        expect(unzstd(compress(plain, 3), bytes).equals(plain), `${bytes} bytes`).toBe(true);
      }
      const framed = compress(Buffer.from(noise), 3);
      expect(() => unzstd(Buffer.concat([framed, Buffer.from([0])]), noise.length)).toThrow(Refused);
    });

    it('backed up in shares, each a run of its own', async () => {
      const folder = await newFolder();
      const store = new FolderStore(folder);
      await initRepository(store, undefined, { version: 2 });
      await using repository = await openRepository(store);
      const days: Files[] = [];
      for (const day of [1, 2]) {
        const rows = [1, day].map((seed) => seededRows(200, seed).join(''));
        await backUpInShares(repository, sharedSource({ rows }), { shareBytes: 1 });
        days.push({ rows: Buffer.from(rows.join('')) });
      }
      await expectBoth({ folder, hexKey: TEST_KEY, days });
    });

    it('of tables with keys, and find the least and the greatest of each chunk as the page says', async () => {
      for (const { table, random } of someTables(cases(4, 8, 40), testSeed)) {
        const folder = await newFolder();
        const store = new FolderStore(folder);
        await initRepository(store, undefined, { version: 2 });
        await using repository = await openRepository(store);
        const days: Files[] = [];
        let now = table;
        for (const day of [1, 2]) {
          const source = keyedSource(now, { parts: day });
          await (day === 1
            ? runBackup(repository, source, { signal: never })
            : backUpInShares(repository, source));
          days.push({ t: Buffer.from(recordsOf(now)) });
          now = changed(now, random);
        }
        const backups = await expectBoth({ folder, hexKey: TEST_KEY, days });
        for (const { boundedChunks } of backups) expect(boundedChunks).toBeGreaterThan(3);
      }
    });

    it('with a dataset of kind schema, whose chunks lie where trees do', async () => {
      const folder = await newFolder();
      const store = new FolderStore(folder);
      await initRepository(store, undefined, { version: 2 });
      const data = { 'pre-data': 'CREATE TABLE t (n int);\n'.repeat(500), t: '1\n2\n3\n' };
      await using repository = await openRepository(store);
      await backUp(repository, data);
      const days = [
        Object.fromEntries(Object.entries(data).map(([name, text]) => [name, Buffer.from(text)])),
      ];
      const backups = await expectBoth({ folder, hexKey: TEST_KEY, days });
      expect(backups[0]!.datasets.map(({ kind }) => kind).sort()).toEqual(['data', 'schema']);
    });
  },
);

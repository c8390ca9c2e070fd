import { describe, expect, it } from 'vitest';
import { keyFieldsOf, keyIdOf } from '../../../shared/core/key-fields.ts';
import { formOfValue } from '../../../shared/format/key-bounds.ts';
import { KeyRanges } from '../../../shared/format/key-ranges.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { readRows } from '../../../shared/jobs/inside/read-rows.ts';
import { rowHistory } from '../../../shared/jobs/inside/row-history.ts';
import { readRowsPage } from '../../../shared/jobs/inside/rows-page.ts';
import { repairBackups } from '../../../shared/jobs/repair/repair.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { markSpoilt } from '../../../shared/repository/packs/spoilt-packs.ts';
import type { BackupReader } from '../../../shared/repository/reading/backup-reader.ts';
import { markedLeaves } from '../../../shared/repository/reading/near-chunks.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { Source } from '../../../shared/sources/source.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { HARMS, harmed, packsOf } from '../../support/repository/damage.ts';
import { digests, digestsOf, initRepository, never, openCheaply } from '../../support/repository/engine.ts';
import {
  changed,
  type KeyedTable,
  keyedSource,
  recordsOf,
  someKey,
  someTable,
  someTables,
} from '../../support/repository/keyed-source.ts';
import { keepLast, ManualClock, prune } from '../../support/repository/pruning.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { backUpInShares } from '../../support/repository/shares.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../support/repository/torture.ts';
import { CountingKeys } from '../../support/stores/counting-keys.ts';

const FORMAT = 2;

async function repositoryWith(options: Parameters<typeof openCheaply>[1] = {}) {
  const store = new MemoryStore();
  await initRepository(store, undefined, { version: FORMAT });
  return { store, repository: await openCheaply(store, options) };
}

const backUp = (repository: Repository, source: Source) =>
  runBackup(repository, source, { type: 'daily', allowEmpty: true, signal: never });

/** `c0 = '…'`, for each column of a key. */
const conditions = (key: readonly string[]) =>
  key.map((value, i) => `c${i} = '${value.replaceAll("'", "''")}'`);

async function found(reader: BackupReader, where: readonly string[]): Promise<unknown[]> {
  const warnings: string[] = [];
  const { rows } = await readRows(reader, { where, onWarning: (text) => warnings.push(text), signal: never });
  const all = await Array.fromAsync(rows());
  expect(warnings).toEqual([]);
  return all;
}

/** Numbers of chunks: all of them, those of which bounds are known, and those that may hold a key. */
async function chunksOf(reader: BackupReader, key: readonly string[]) {
  const [dataset] = reader.catalog.datasets;
  const fields = keyFieldsOf(dataset?.attributes ?? {});
  const form = Buffer.concat(fields.map((field, i) => formOfValue(key[i] ?? '', field) ?? Buffer.alloc(0)));
  const countOf = async (ranges: KeyRanges) => {
    const isNear: boolean[] = [];
    for (const { name: partition } of dataset?.partitions ?? [])
      for await (const leaf of markedLeaves(reader, { dataset: 't', partition, ranges, signal: never }))
        isNear.push(...leaf.isNear);
    return { all: isNear.length, near: isNear.filter((is) => is).length };
  };
  const { all, near: unknown } = await countOf(new KeyRanges(keyIdOf(fields), []));
  const { near } = await countOf(new KeyRanges(keyIdOf(fields), [{ from: form, to: form }]));
  return { all, known: all - unknown, near };
}

/** Rows found by key are those of the table, whatever is looked for. */
async function compare(repository: Repository, key: string, table: KeyedTable, random: () => number) {
  const reader = await repository.openBackup(key as never, never);
  expect(await digests(repository, key as never)).toEqual(digestsOf({ t: recordsOf(table) }));
  const { length } = table.shape;
  for (let i = 0; i < cases(6, 12, 200); i++) {
    const some = table.rows[Math.floor(random() * table.rows.length)]?.slice(0, length);
    const wanted = some && random() < 0.7 ? some : someKey(table.shape, random);
    // The first field alone, too.
    const parts = random() < 0.7 ? wanted : wanted.slice(0, 1);
    const isWanted = (row: readonly string[]) => parts.every((part, at) => row[at] === part);
    const rows = table.rows.filter(isWanted);
    const where = conditions(parts);
    expect([parts, await found(reader, where)]).toEqual([parts, rows]);
    const page = await readRowsPage(reader, { where, limit: 10, signal: never });
    expect(page.rows.map(({ values }) => values)).toEqual(rows.slice(0, 10));
    if (table.shape[0] !== 'n') continue;
    const [from, to] = [
      wanted[0] ?? '0',
      String(BigInt(wanted[0] ?? '0') + BigInt(Math.floor(random() * 1e6))),
    ];
    const between = table.rows.filter(
      ([one = '0']) => BigInt(one) >= BigInt(from) && BigInt(one) < BigInt(to),
    );
    expect(await found(reader, [`c0 >= ${from}`, `c0 < ${to}`])).toEqual(between);
  }
}

async function expectWhole(repository: Repository) {
  const keys = await repository.backupKeys(never);
  const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
  expect(findings).toEqual([]);
}

/** Backs a table up as it changes, then removes the older backups. */
async function liveThrough(table: KeyedTable, random: () => number): Promise<void> {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const { repository } = await repositoryWith({ clock, graceMs: 3_600_000 });
  await using _ = repository;
  let now = table;
  for (let day = 0; day < 4; day++) {
    clock.advanceDays(1);
    const inShares = random() < 0.4;
    const source = keyedSource(now, { parts: inShares ? 3 : 1 });
    const { key } = await (inShares ? backUpInShares : backUp)(repository, source);
    await compare(repository, key, now, random);
    now = changed(now, random);
  }
  await expectWhole(repository);
  for (let run = 0; run < 2; run++) {
    clock.advanceDays(1);
    await prune(repository, keepLast(1));
  }
  const left = (await repository.backupKeys(never)).toSorted();
  // One that lost much is kept with the one before it.
  expect(left.length).toBeLessThan(4);
  await expectWhole(repository);
  const reader = await repository.openBackup(left.at(-1) as never, never);
  for (const { root, bounds } of reader.catalog.datasets[0]?.partitions ?? [])
    expect(bounds !== undefined).toBe((root?.chunks ?? 0) >= 4);
}

describe('rows that are looked for by their keys', () => {
  it(
    'are those that a reader of everything finds, in random tables that change, and when older backups are gone',
    async () => {
      for (const { table, random } of someTables(cases(4, 6, 400), testSeed))
        await liveThrough(table, random);
    },
    tortureTimeoutMs,
  );

  it('are found in few chunks if they lie in their order, over many backups', async () => {
    const { repository } = await repositoryWith();
    await using _ = repository;
    const random = seededRandom(testSeed);
    let table: KeyedTable = {
      shape: 'n',
      rows: Array.from({ length: 5000 }, (_, i) => [String(i * 3), 'x'.repeat(i % 90)]),
    };
    for (let day = 0; day < 3; day++) {
      const { key } = await backUp(repository, keyedSource(table));
      const reader = await repository.openBackup(key, never);
      const { all, known, near } = await chunksOf(reader, ['6000']);
      expect(all).toBeGreaterThan(30);
      expect([known, near]).toEqual([all, 1]);
      expect((await chunksOf(reader, ['-1'])).near).toBe(0);
      const rows = table.rows.map((row, i) => (i === 70 * (day + 1) ? [row[0] ?? '', `day ${day}`] : row));
      table = { shape: 'n', rows };
    }
    const history = rowHistory(repository, {
      backups: (await repository.backupKeys(never)).toSorted(),
      dataset: 't',
      rowKey: ['210'],
      signal: never,
    });
    const versions = await Array.fromAsync(history, ({ row }) => row?.[1]);
    expect(versions).toEqual(['x'.repeat(70), 'day 0']);
    expect(random()).toBeLessThan(1);
  });
});

describe('bounds', () => {
  const table = someTable('n', 3000, seededRandom(testSeed + 7));
  const one = table.rows[5]?.slice(0, 1) ?? [];

  it('of a backup that stays as it was take nothing more', async () => {
    const { repository } = await repositoryWith();
    await using _ = repository;
    const bounds = async () => {
      const { key, newChunks } = await backUp(repository, keyedSource(table));
      const reader = await repository.openBackup(key, never);
      const place = reader.catalog.datasets[0]?.partitions[0]?.bounds;
      const isOwn = place?.pack === '0'.repeat(64);
      return { newChunks, ...place, pack: isOwn ? reader.manifest.catalog.pack : place?.pack };
    };
    const first = await bounds();
    expect(first.offset).toBeGreaterThan(0);
    for (let n = 0; n < 2; n++) expect(await bounds()).toEqual({ ...first, newChunks: 0 });
  });

  it('are taken of what was stored without them, and of another key when there is one', async () => {
    const { repository } = await repositoryWith();
    await using _ = repository;
    const of = async (source: Source) => {
      const { key, newChunks } = await backUp(repository, source);
      return { key, newChunks, ...(await chunksOf(await repository.openBackup(key, never), one)) };
    };
    const without = await of(keyedSource(table, { isKeyed: false }));
    expect(without.known).toBe(0);
    const keyed = await of(keyedSource(table));
    expect(keyed).toMatchObject({ newChunks: 0, known: without.all });
    const other = keyedSource({ ...table, shape: 't' });
    const reader = await repository.openBackup(keyed.key, never);
    const { attributes = {} } = (await other.open(never)).datasets[0] ?? {};
    const ranges = new KeyRanges(keyIdOf(keyFieldsOf(attributes)), []);
    for await (const { isNear } of markedLeaves(reader, {
      dataset: 't',
      partition: '0000',
      ranges,
      signal: never,
    }))
      expect(isNear.every((is) => is)).toBe(true);
    expect(await of(other)).toMatchObject({ newChunks: 0, known: without.all });
    await expectWhole(repository);
  });

  it('are kept, and added to, by one that may open nothing that was stored before', async () => {
    const { store, repository } = await repositoryWith();
    await backUp(repository, keyedSource(table));
    const keys = new CountingKeys();
    await using writeOnly = await openCheaply(store, { keys, deltas: false });
    const rows = table.rows.map((row, i) => (i === table.rows.length - 2 ? [row[0] ?? '', 'changed'] : row));
    const { key } = await backUp(writeOnly, keyedSource({ ...table, rows }));
    expect(keys.take()).not.toContain('data');
    await using reading = await openCheaply(store);
    await compare(reading, key, { ...table, rows }, seededRandom(3));
    await expectWhole(reading);
    await repository[Symbol.asyncDispose]();
  });

  it('that are damaged, or gone, make a reader look at everything and say so, and nothing else', async () => {
    const { store, repository } = await repositoryWith();
    await using _ = repository;
    const { key } = await backUp(repository, keyedSource(table));
    const reader = await repository.openBackup(key, never);
    const bounds = await reader.bounds('t', '0000', never);
    const place = bounds?.places[0];
    if (!place) throw new Error('no bounds');
    const object = `data/${place.pack.id?.slice(0, 2)}/${place.pack.id}`;
    for (let at = 0; at < place.storedBytes; at += Math.ceil(place.storedBytes / cases(6, 12, 400))) {
      const copy = new MemoryStore();
      for await (const { key: name } of store.list('')) {
        const body = Buffer.from(await store.get(name));
        if (name === object) body[place.offset + at] = (body[place.offset + at] ?? 0) ^ 1;
        await copy.put(name, body);
      }
      await using ill = await openCheaply(copy);
      const warnings: string[] = [];
      const where = conditions(one);
      const onWarning = (text: string) => warnings.push(text);
      const { rows } = await readRows(await ill.openBackup(key, never), {
        where,
        onWarning,
        signal: never,
      });
      expect(await Array.fromAsync(rows())).toEqual(table.rows.filter(([first]) => first === one[0]));
      expect(warnings).toEqual([expect.stringContaining('everything is read')]);
      const { findings } = await verifyBackups(ill, [key], { depth: { kind: 'full' }, signal: never });
      expect(findings).toMatchObject([{ object }]);
      // When that is known, the next backup takes them again.
      await markSpoilt(copy, [place.pack.id ?? ''], { report: 'a report', signal: never });
      const next = await backUp(ill, keyedSource(table));
      const { all, known } = await chunksOf(await ill.openBackup(next.key, never), one);
      expect(known).toBe(all);
    }
  });

  it('of a whole copy that repair writes are right, as far as there are any', async () => {
    const { store, repository } = await repositoryWith();
    await using _ = repository;
    const { key } = await backUp(repository, keyedSource(table));
    const other = { ...keyedSource(table), name: 'another' };
    const whole = await backUp(repository, other);
    const [pack] = (await packsOf(repository, key)).data;
    const copy = await harmed(store, { [pack ?? '']: HARMS['changed in the middle'] });
    await using mended = await openCheaply(copy);
    const { damaged } = await repairBackups(mended, [key], { dryRun: false, signal: never });
    expect(damaged).toMatchObject([{ key, state: 'repaired' }]);
    for (const one of [damaged[0]?.copy, whole.key])
      await compare(mended, one ?? '', table, seededRandom(testSeed));
    const { findings } = await verifyBackups(mended, [damaged[0]?.copy as never], {
      depth: { kind: 'full' },
      signal: never,
    });
    expect(findings).toEqual([]);
  });
});

import { describe, expect } from 'vitest';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { Source } from '../../../../shared/sources/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { PutOptions } from '../../../../shared/store/object-store.ts';
import {
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../../support/repository/engine.ts';
import { listedPacks } from '../../../support/repository/listed.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import {
  backUpInShares,
  commit,
  joined,
  type PartData,
  plan,
  readShares,
  sharedSource,
} from '../../../support/repository/shares.ts';
import { turns } from '../../../support/repository/torture.ts';
import { CountingKeys } from '../../../support/stores/counting-keys.ts';

const it = turns(2);

const rows = Array.from({ length: 4 }, (_, i) => seededRows(400, i + 1));
const before: PartData = { 'pre-data': ['create table t ();\n'], t: rows.map((part) => part.join('')) };
const after: PartData = {
  'pre-data': ['create table t ();\nalter table t owner to a;\n'],
  t: rows.map((part) => part.map((row, i) => (i % 40 === 0 ? row.replace('\t', '\tnew ') : row)).join('')),
};

async function chains(
  repository: Repository,
  key: Parameters<Repository['openBackup']>[0],
): Promise<number[]> {
  const reader = await repository.openBackup(key, never);
  const lengths = [];
  for (const { kind, partitions } of reader.catalog.datasets)
    for (const { root } of kind === 'data' ? partitions : [])
      for await (const { refs } of reader.leaves(root, { signal: never }))
        lengths.push(...refs.map(({ chain }) => chain.length));
  return lengths;
}

const inOneProcess = (repository: Repository, source: Source) =>
  runBackup(repository, source, { type: 'daily', signal: never });

describe.each([
  { title: 'in one process', backUp: inOneProcess },
  { title: 'in shares', backUp: backUpInShares },
])('a write-only repository, backed up $title', ({ backUp }) => {
  it('never opens a data key, stores what changed whole, and refers to the rest', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using first = await openCheaply(store);
    await backUp(first, sharedSource(before));
    const keys = new CountingKeys();
    await using repository = await openCheaply(store, { keys, deltas: false });
    const { key, chunks, newChunks } = await backUp(repository, sharedSource(after));
    expect(keys.take()).toEqual(['index', 'manifest', 'repository']);
    expect(newChunks).toBeGreaterThan(0);
    expect(newChunks).toBeLessThan(chunks);
    await using reading = await openCheaply(store);
    expect(Math.max(...(await chains(reading, key)))).toBe(1);
    expect(await digests(reading, key)).toEqual(digestsOf(joined(after)));
  });

  it('with deltas opens them, so that this test can fail', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using first = await openCheaply(store);
    await backUp(first, sharedSource(before));
    const keys = new CountingKeys();
    await using repository = await openCheaply(store, { keys });
    const { key } = await backUp(repository, sharedSource(after));
    expect(keys.take()).toContain('data');
    expect(Math.max(...(await chains(repository, key)))).toBeGreaterThan(1);
  });
});

it('plan and commit open no data key, whatever shares do', async () => {
  const store = new MemoryStore();
  await initRepository(store);
  await using first = await openCheaply(store);
  await backUpInShares(first, sharedSource(before));
  const keys = new CountingKeys();
  const open = () => openCheaply(store, { keys });
  const source = sharedSource(after);
  const planner = await open();
  await using planned = await plan(planner, source);
  expect(keys.take()).toEqual(['index', 'manifest', 'repository']);
  await readShares(await open(), source, planned);
  expect(keys.take()).toContain('data');
  const committer = await open();
  await commit(committer, planned);
  // The manifest is that of the backup before, which this one names.
  expect(keys.take()).toEqual(['index', 'manifest', 'repository']);
  // Twice: the manifest that is there is authenticated.
  await commit(committer, { ...planned, mustBeHeld: false });
  expect(keys.take()).toEqual(['index', 'manifest']);
});

describe('storage classes', () => {
  class NotingStore extends MemoryStore {
    readonly classes: (readonly [key: string, storageClass: string | undefined])[] = [];

    override put(key: string, body: Uint8Array, options?: PutOptions): Promise<void> {
      this.classes.push([key, options?.storageClass]);
      return super.put(key, body, options);
    }
  }

  it.each([
    { type: 'daily', wanted: 'STANDARD_IA' },
    { type: 'weekly', wanted: 'GLACIER_IR' },
  ])('go with the packs of chunks of a $type backup, and nothing else', async ({ type, wanted }) => {
    const store = new NotingStore();
    await initRepository(store);
    const storageClass = { daily: 'STANDARD_IA', '*': 'GLACIER_IR' } as const;
    await using repository = await openCheaply(store, { storageClass });
    store.classes.length = 0;
    const { key } = await backUpInShares(repository, sharedSource(before), { type });
    const packs = await listedPacks(repository, key);
    const data = new Set(packs.filter((pack) => pack.key?.purpose === 'data').map(({ id }) => id));
    expect(data.size).toBeGreaterThan(2);
    for (const [object, given] of store.classes)
      expect([object, given]).toEqual([object, data.has(object.slice(-64)) ? wanted : undefined]);
  });

  it('are the bucket’s own where none is set', async () => {
    const store = new NotingStore();
    await initRepository(store);
    await using repository = await openCheaply(store);
    await backUpInShares(repository, sharedSource(before));
    expect(store.classes.every(([, given]) => given === undefined)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { expireBackup } from '../../../shared/repository/documents/expire.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openRepository,
} from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { keepLast, ManualClock, prune } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';

const GRACE_MS = 7 * DAY_MS;
const rows = seededRows(1500, 1);
const before = { t: rows.join('') };
/** Half of it is the parent's, half is new. */
const after = { t: rows.slice(0, 700).join('') + seededRows(800, 2).join(''), u: 'one\n' };
const BLOCKS_OF_T = Math.ceil(after.t.length / 10_000);

/** A backup, and then a second one during which something happens after each block of its source. */
async function duringSecond(
  happens: (world: { store: MemoryStore; clock: ManualClock; first: string }, block: number) => unknown,
) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const open = () =>
    openRepository(store, { clock, pool: new InlinePool(), packBytes: 8192, graceMs: GRACE_MS });
  const first = (await backUp(await open(), before)).key;
  clock.advanceDays(1);
  let block = 0;
  const source = memorySource(after, {
    read: async () => void (await happens({ store, clock, first }, block++)),
  });
  const inOrder = { ...source, capabilities: { ...source.capabilities, maxReaders: 1 } };
  const run = runBackup(await open(), inOrder, { type: 'daily', signal: never });
  const listed = async () => (await open()).backupKeys(never);
  return { run, listed, repository: await open() };
}

const takeOut = (store: MemoryStore, key: string, at: Date) =>
  expireBackup(store, key as never, { at, mayRemove: () => {}, signal: never });

describe('a backup that outlived half of the grace is refused, and nothing is listed,', () => {
  it('where its first pack is so much older than its last', async () => {
    const { run, listed } = await duringSecond(
      ({ clock }, block) => block === BLOCKS_OF_T && clock.advance(GRACE_MS / 2 + 1),
    );
    await expect(run).rejects.toMatchObject({
      code: 'E_RUN_TOO_LONG',
      message: expect.stringContaining('first pack'),
    });
    expect(await listed()).toHaveLength(1);
  });

  it('where its parent was taken out so long ago', async () => {
    const { run, listed } = await duringSecond(async ({ store, clock, first }, block) => {
      if (block > 0) return;
      await takeOut(store, first, clock.now());
      clock.advance(GRACE_MS / 2 + 1);
    });
    await expect(run).rejects.toMatchObject({
      code: 'E_RUN_TOO_LONG',
      message: expect.stringContaining('was removed'),
    });
    expect(await listed()).toEqual([]);
  });

  it('where its parent is gone without a trace', async () => {
    const { run } = await duringSecond(async ({ store, clock, first }, block) => {
      if (block > 0) return;
      await store.delete(first);
      clock.advance(GRACE_MS / 4);
    });
    await expect(run).rejects.toMatchObject({ code: 'E_RUN_TOO_LONG' });
  });
});

describe('a backup is listed', () => {
  it('where it took long, and its parent is listed or has just been taken out', async () => {
    for (const takesOut of [false, true]) {
      const { run, repository } = await duringSecond(async ({ store, clock, first }, block) => {
        if (block > 0) return;
        if (takesOut) await takeOut(store, first, clock.now());
        clock.advance(GRACE_MS / 3);
      });
      expect(await digests(repository, (await run).key)).toEqual(digestsOf(after));
    }
  });
});

/** A machine that sleeps, for as long as `sleeps` says, after its last look and before its manifest is stored. */
async function asleepBeforeListing(
  sleeps: (world: { readonly store: MemoryStore; readonly clock: ManualClock }) => Promise<void>,
  { mayRemove = true, afterPack = 0, packBytes = 8192 } = {},
) {
  let packs = 0;
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const open = (through: ObjectStore) =>
    openRepository(through, { clock, pool: new InlinePool(), packBytes, graceMs: GRACE_MS });
  const denied = new HoldfastError('E_STORE_DENIED', 'no');
  const sleepy: ObjectStore = {
    location: store.location,
    get: store.get.bind(store),
    head: store.head.bind(store),
    list: store.list.bind(store),
    delete: async (key, options) => {
      if (!mayRemove) throw denied;
      await store.delete(key, options);
    },
    put: async (key, body, options) => {
      if (afterPack === 0 && key.startsWith('backups/')) await sleeps({ store, clock });
      await store.put(key, body, options);
      if (key.startsWith('data/') && ++packs === afterPack) await sleeps({ store, clock });
    },
  };
  const run = backUp(await open(sleepy), before);
  return { run, listed: async () => (await open(store)).backupKeys(never) };
}

describe('a machine that slept between its last look and its manifest', () => {
  const eightDays = async ({ clock }: { readonly clock: ManualClock }) => clock.advanceDays(8);

  it('takes its backup back, as a prune has removed its packs', async () => {
    const { run, listed } = await asleepBeforeListing(async ({ store, clock }) => {
      clock.advanceDays(8);
      await using other = await openRepository(store, { clock, graceMs: GRACE_MS });
      expect((await prune(other, keepLast(1))).removedPacks).toBeGreaterThan(0);
    });
    await expect(run).rejects.toMatchObject({ code: 'E_RUN_TOO_LONG' });
    expect(await listed()).toEqual([]);
  });

  it('takes it back too where no prune has come yet: one may be on its way', async () => {
    const { run, listed } = await asleepBeforeListing(eightDays);
    await expect(run).rejects.toMatchObject({
      code: 'E_RUN_TOO_LONG',
      message: expect.stringContaining('so it was withdrawn'),
    });
    expect(await listed()).toEqual([]);
  });

  it('takes it back where it slept before its last look: its first pack may be old enough to be removed', async () => {
    // One pack of data, then the one with the catalog.
    const { run, listed } = await asleepBeforeListing(eightDays, { afterPack: 2, packBytes: 2 ** 20 });
    await expect(run).rejects.toMatchObject({ code: 'E_RUN_TOO_LONG' });
    expect(await listed()).toEqual([]);
  });

  it('says not to rely on it where its login may not remove anything', async () => {
    const { run, listed } = await asleepBeforeListing(eightDays, { mayRemove: false });
    await expect(run).rejects.toMatchObject({
      code: 'E_RUN_TOO_LONG',
      hint: expect.stringContaining('Do not rely on it'),
    });
    expect(await listed()).toHaveLength(1);
  });

  it('keeps it where that was for less than a quarter of the grace', async () => {
    const { run, listed } = await asleepBeforeListing(async ({ clock }) => clock.advance(GRACE_MS / 5));
    const { key } = await run;
    expect(await listed()).toEqual([key]);
  });
});

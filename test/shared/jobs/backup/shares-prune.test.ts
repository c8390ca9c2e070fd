import { describe, expect } from 'vitest';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { backupShare } from '../../../../shared/jobs/backup/backup-share.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../../support/repository/engine.ts';
import { keepLast, ManualClock, prune, storedKeys } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import {
  backUpInShares,
  commit,
  joined,
  type PartData,
  plan,
  sharedSource,
} from '../../../support/repository/shares.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(2);

const GRACE_MS = 7 * DAY_MS;
/** The first shares are the largest, and nothing in them changes. */
const rows = [300, 290, 250, 240].map((count, i) => seededRows(count, i + 1));
const before: PartData = { t: rows.map((part) => part.join('')) };
/** Some partitions are the parent's, others are new. */
const after: PartData = {
  t: [...rows.slice(0, 2), seededRows(250, 20), seededRows(240, 21)].map((part) => part.join('')),
};

/** A backup, and a run of a second one in which something happens after a share; each part opens the repository anew. */
async function during(
  happens: (world: { store: MemoryStore; clock: ManualClock; first: string }, share: number) => unknown,
) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const open = () => openCheaply(store, { clock, graceMs: GRACE_MS });
  const first = (await backUpInShares(await open(), sharedSource(before))).key;
  clock.advanceDays(1);
  const source = sharedSource(after);
  const planned = await plan(await open(), source, { shareBytes: 12_000 });
  for (const { share } of planned.shares) {
    await backupShare(await open(), source, { run: planned.run, share, signal: never });
    await happens({ store, clock, first }, share);
  }
  const last = planned.shares.length - 1;
  expect(last).toBeGreaterThan(1);
  return { run: commit(await open(), planned), repository: await open(), store, clock };
}

const isFirst = (share: number) => share === 0;
const tooLong = (what: string) => ({ code: 'E_RUN_TOO_LONG', message: expect.stringContaining(what) });

describe('a run in shares that outlived half of the grace is refused, and nothing is listed,', () => {
  it('where the first pack of any share is so much older than the last of all', async () => {
    const { run, repository } = await during(
      ({ clock }, share) => isFirst(share) && clock.advance(GRACE_MS / 2 + 1),
    );
    await expect(run).rejects.toMatchObject(tooLong('first pack'));
    expect(await repository.backupKeys(never)).toHaveLength(1);
  });

  it('where the backup that shares refer to is gone without a trace', async () => {
    const { run } = await during(async ({ store, clock, first }, share) => {
      if (!isFirst(share)) return;
      await store.delete(first);
      clock.advance(GRACE_MS / 4);
    });
    await expect(run).rejects.toMatchObject(tooLong('was removed'));
  });

  it('where prune has removed what its shares stored', async () => {
    const { run, repository } = await during(async ({ store, clock }, share) => {
      if (share !== 1) return;
      clock.advance(GRACE_MS + 1);
      const pruning = await openCheaply(store, { clock, graceMs: GRACE_MS });
      const packs = (await storedKeys(store)).data.length;
      await prune(pruning, keepLast(1));
      expect((await storedKeys(store)).data.length).toBeLessThan(packs);
    });
    await expect(run).rejects.toMatchObject(tooLong('is gone again'));
    expect(await repository.backupKeys(never)).toHaveLength(1);
  });
});

describe('a run in shares beside prune', () => {
  it('is listed, and keeps all that it names, whenever prune runs within the grace', async () => {
    for (const advanceMs of [0, GRACE_MS / 30, GRACE_MS / 10]) {
      const { run, repository, store, clock } = await during(async (world) => {
        const pruning = await openCheaply(world.store, { clock: world.clock, graceMs: GRACE_MS });
        await prune(pruning, keepLast(1));
        world.clock.advance(advanceMs);
      });
      const { key } = await run;
      for (let i = 0; i < 3; i++) {
        await prune(await openCheaply(store, { clock, graceMs: GRACE_MS }), keepLast(1));
        clock.advance(GRACE_MS + 1);
      }
      expect(await repository.backupKeys(never)).toEqual([key]);
      expect(await digests(await openCheaply(store), key)).toEqual(digestsOf(joined(after)));
    }
  });

  it('leaves packs that prune removes where it was never committed; its documents are nobody’s to prune', async () => {
    const clock = new ManualClock('2026-03-01T02:00:00Z');
    const store = new MemoryStore(clock);
    await initRepository(store);
    const open = () => openCheaply(store, { clock, graceMs: GRACE_MS });
    await backUpInShares(await open(), sharedSource(before));
    const { data } = await storedKeys(store);
    const source = sharedSource(after);
    await using planned = await plan(await open(), source, { shareBytes: 12_000 });
    for (const { share } of planned.shares)
      await backupShare(await open(), source, { run: planned.run, share, signal: never });
    expect((await storedKeys(store)).data.length).toBeGreaterThan(data.length);
    clock.advance(GRACE_MS + 1);
    await prune(await open(), keepLast(1));
    expect((await storedKeys(store)).data).toEqual(data);
    const runs = await Array.fromAsync(store.list('runs/'));
    expect(runs.length).toBeGreaterThan(planned.shares.length);
  });
});

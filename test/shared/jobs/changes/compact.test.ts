import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import {
  changeBundleKey,
  changesFolder,
  parseChangeKey,
  segmentKey,
} from '../../../../shared/format/change-keys.ts';
import { compactChanges } from '../../../../shared/jobs/changes/compact-changes.ts';
import { readChangesPlan, removeChanges } from '../../../../shared/jobs/changes/prune-changes.ts';
import { verifyChanges } from '../../../../shared/jobs/verify/verify-changes.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { chainOf, LOGGED, pollOnce, storedChanges } from '../../../support/repository/change-chains.ts';
import { flipped, harmed } from '../../../support/repository/damage.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { ManualClock } from '../../../support/repository/pruning.ts';
import { strides } from '../../../support/repository/torture.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { survives } from '../../../support/stores/dying.ts';

const folder = changesFolder(LOGGED);
const TIERS = [3, 6];

/** A repository with this many segments, one of which may have packs that lie by themselves. */
async function made(count: number, { large }: { readonly large?: number } = {}) {
  const clock = new ManualClock('2026-11-29T00:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const log = await ChangeLog.make();
  const repository = await openCheaply(store, { clock, graceMs: DAY_MS, level: 0 });
  for (let i = 1; i <= count; i++) {
    log.write(`${i}`, i === large ? 'y'.repeat(5_000_000) : 'z'.repeat(i));
    await pollOnce(repository, log.open());
  }
  return { store, clock, log, repository, text: log.written.map(({ line }) => line).join('') };
}

const keysIn = async (store: MemoryStore) =>
  (await Array.fromAsync(store.list(folder), ({ key }) => key)).filter((key) => !key.includes('/parts/'));

/** Without the objects of segments themselves, wherever a bundle has them. */
async function prune({ store, clock }: Pick<Awaited<ReturnType<typeof made>>, 'store' | 'clock'>) {
  const base = { source: LOGGED, after: 0, storedAt: clock.now(), key: 'base' as never, isGood: true };
  const rules = [{ source: LOGGED, keepMs: 30 * DAY_MS }];
  const about = { rules, graceMs: DAY_MS, signal: never };
  const { remove } = await readChangesPlan(store, { now: clock.now(), bases: [base] }, about);
  await removeChanges(store, remove, { mayRemove: () => {}, signal: never });
  return remove.map(({ key }) => key);
}

describe('bundles of change segments', () => {
  it('hold what the segments do, and these leave when the grace is over', async () => {
    const world = await made(14, { large: 5 });
    const { store, clock, repository, text } = world;
    const before = await chainOf(repository);
    expect(await compactChanges(store, LOGGED, { tiers: TIERS, signal: never })).toMatchObject({
      bundles: 6,
    });
    expect(await compactChanges(store, LOGGED, { tiers: TIERS, signal: never })).toMatchObject({
      bundles: 0,
    });
    expect(await storedChanges(repository)).toBe(text);
    clock.advance(23 * HOUR_MS);
    expect(await prune(world)).toEqual([]);
    clock.advance(2 * HOUR_MS);
    // Each segment but the last two, and the bundles that larger ones hold.
    expect(await prune(world)).toHaveLength(12 + 4);
    const bundle = (first: number, last: number) => changeBundleKey(folder, { first, last });
    expect(await keysIn(store)).toEqual([
      segmentKey(folder, 14),
      segmentKey(folder, 13),
      bundle(7, 12),
      bundle(1, 6),
    ]);
    expect(await storedChanges(repository)).toBe(text);
    expect((await chainOf(repository)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect((await verifyChanges(repository, never)).findings).toEqual([]);
    // And a poll goes on.
    world.log.write('more');
    await pollOnce(repository, world.log.open());
    expect((await storedChanges(repository)).startsWith(text)).toBe(true);
  });

  it('are whole, or are not there, whichever call of the store is the last', async () => {
    const { store, text } = await made(8);
    let isDone = false;
    for (const call of strides(4)) {
      if (isDone) break;
      for (const moment of ['before', 'after'] as const) {
        const copy = await harmed(store, {});
        isDone = await survives(copy, { call, moment }, (repository) =>
          compactChanges(repository.store, LOGGED, { tiers: TIERS, signal: never }),
        );
        await using repository = await openCheaply(copy);
        expect(await storedChanges(repository), `${moment} call ${call}`).toBe(text);
        await compactChanges(copy, LOGGED, { tiers: TIERS, signal: never });
        expect(await storedChanges(repository), `${moment} call ${call}`).toBe(text);
        const bundles = (await keysIn(copy)).filter((key) => parseChangeKey(key)?.first !== undefined);
        expect(bundles).toHaveLength(3);
      }
    }
  });

  it('of two that store them at once are the same', async () => {
    const { store, repository, text } = await made(8);
    const both = [1, 2].map(() => compactChanges(store, LOGGED, { tiers: TIERS, signal: never }));
    await Promise.all(both);
    expect(await storedChanges(repository)).toBe(text);
  });

  it('do not have segments removed that they do not hold', async () => {
    const world = await made(8);
    const { store, clock } = world;
    await compactChanges(store, LOGGED, { tiers: [3], signal: never });
    const bundle = changeBundleKey(folder, { first: 1, last: 3 });
    const body = Buffer.from(await store.get(bundle));
    await store.delete(bundle);
    await store.put(bundle, flipped(body, body.length - 5));
    clock.advance(2 * DAY_MS);
    // The last byte of segment 3 is another one there.
    const going = [6, 5, 4, 2, 1].map((number) => segmentKey(folder, number));
    expect(await prune(world)).toEqual(going);
  });

  it('may be damaged as long as the segments are there; verify names them, and what is lost is named', async () => {
    const { store, text } = await made(8);
    await compactChanges(store, LOGGED, { tiers: [3], signal: never });
    const bundle = changeBundleKey(folder, { first: 1, last: 3 });
    for (const at of [3, -5]) {
      const copy = await harmed(store, {
        [bundle]: (bytes) => flipped(bytes, at < 0 ? bytes.length + at : at),
      });
      await using repository = await openCheaply(copy);
      expect(await storedChanges(repository)).toBe(text);
      const { findings } = await verifyChanges(repository, never);
      expect([...new Set(findings.map(({ object }) => object))]).toEqual([bundle]);
      await copy.delete(segmentKey(folder, 3));
      await expect(storedChanges(repository)).rejects.toThrow(bundle);
    }
  });
});

import { describe, expect, it } from 'vitest';
import { DAY_MS, MiB } from '../../../../shared/core/units.ts';
import { readPruneHistory } from '../../../../shared/jobs/retention/prune-history.ts';
import { readStatus } from '../../../../shared/jobs/status/status.ts';
import { storedSizes } from '../../../../shared/jobs/status/stored-sizes.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { keepLast, ManualClock, prune } from '../../../support/repository/pruning.ts';
import { seededRandom } from '../../../support/repository/rows.ts';

const NOW = new Date('2026-03-20T12:00:00Z');
const dateOf = (day: number) => `2026-03-${String(day).padStart(2, '0')}`;

describe('what a repository held', () => {
  it('is known by the dates of packs if none was ever removed', () => {
    const packed = [1, 3, 4].map((day) => ({ date: dateOf(day), bytes: day * MiB }));
    expect(storedSizes(packed, { sizes: [], lastFreedAt: undefined }, NOW)).toEqual([
      { date: dateOf(1), bytes: MiB },
      { date: dateOf(3), bytes: 4 * MiB },
      { date: dateOf(4), bytes: 8 * MiB },
      { date: dateOf(20), bytes: 8 * MiB },
    ]);
  });

  it('is not known before the last removal, but for what prunes measured', () => {
    const packed = [1, 9].map((day) => ({ date: dateOf(day), bytes: MiB }));
    const at = (day: number) => new Date(`${dateOf(day)}T05:00:00Z`);
    const sizes = [{ at: at(5), bytes: 7 * MiB }];
    expect(
      storedSizes(packed, { sizes, lastFreedAt: at(5) }, NOW).map(({ date, bytes }) => [date, bytes]),
    ).toEqual([
      [dateOf(5), 7 * MiB],
      [dateOf(9), 2 * MiB],
      [dateOf(20), 2 * MiB],
    ]);
    const early = storedSizes(packed, { sizes: [], lastFreedAt: at(5) }, NOW);
    expect(early.map(({ date }) => date)).toEqual([dateOf(9), dateOf(20)]);
  });

  it('is what the store had on each day of a month with backups and prunes', async () => {
    const clock = new ManualClock('2026-03-01T02:00:00Z');
    const store = new MemoryStore(clock);
    await initRepository(store);
    await using repository = await openCheaply(store, { clock, graceMs: DAY_MS });
    const random = seededRandom(5);
    const row = () => `${Array.from({ length: 40 }, () => Math.floor(random() * 1e9)).join(' ')}\n`;
    /** Taken another way: the bytes that are in the store. */
    const held = new Map<string, number>();
    const removed = new Set<string>();
    for (let day = 1; day <= 20; day++) {
      await backUp(repository, { rows: Array.from({ length: 30 }, row).join('') });
      const { expired } = await prune(repository, keepLast(4));
      for (const key of expired) removed.add(key);
      let bytes = 0;
      for await (const { sizeBytes } of store.list('data/')) bytes += sizeBytes;
      held.set(clock.now().toISOString().slice(0, 10), bytes);
      clock.advanceDays(1);
    }
    clock.advanceDays(-1);
    const history = await readPruneHistory(repository, { since: new Date('2026-03-01'), signal: never });
    expect(history.lastFreedAt).toBeDefined();
    const { packedDays } = await readStatus(repository, never);
    const found = storedSizes(packedDays, history, clock.now());
    expect(found.map(({ date, bytes }) => [date, bytes])).toEqual([...held]);
    expect(new Set([...history.removed.values()].flat())).toEqual(removed);
    expect(history.announcedSince).toBeDefined();
  });
});

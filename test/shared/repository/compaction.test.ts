import { beforeEach, describe, expect, it, vi } from 'vitest';
import { tableRow } from '../../../bench/data/table.ts';
import { KiB } from '../../../shared/core/units.ts';
import type { ChunkRef } from '../../../shared/format/chunk-ref.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { Compaction } from '../../../shared/repository/writing/compaction.ts';
import type { Source } from '../../../shared/sources/source.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { type ChurnDay, churnYear } from '../../support/repository/churn-year.ts';
import {
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { listedPacks } from '../../support/repository/listed.ts';
import { ManualClock } from '../../support/repository/pruning.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { isFull, isTorture, tortureTimeoutMs } from '../../support/repository/torture.ts';

const randomness = vi.hoisted(() => ({ next: (): number => 0 }));

// A repository's secret decides where chunks end, and so what must be stored again on which day: seeded, it is the same in every run.
vi.mock('node:crypto', async (original) => ({
  ...(await original<typeof import('node:crypto')>()),
  randomBytes: (size: number) =>
    Buffer.from(Array.from({ length: size }, () => Math.floor(randomness.next() * 256))),
}));

beforeEach(() => {
  randomness.next = seededRandom(1);
});

const CHUNK = 1000;
/** Some twenty hold the rows of the short form. */
const MEDIUM_CHUNKS = { minBytes: 2 * KiB, averageBytes: 8 * KiB, maxBytes: 32 * KiB };

function ref(pack: string, ...deltas: readonly number[]): ChunkRef {
  const item = (id: string, storedBytes: number) => ({ pack: { id: id as never }, offset: 0, storedBytes });
  const chain = [item(pack, CHUNK), ...deltas.map((bytes) => item('deltas', bytes))];
  return {
    id: Buffer.alloc(32),
    plainBytes: 3 * CHUNK,
    records: 1,
    endsInside: false,
    before: 0,
    after: 0,
    chain,
  };
}

describe('compaction', () => {
  const compaction = (roomBytes: number, packBytes = 0, growthBytes = 0) =>
    new Compaction({
      roomBytes,
      wholeBytes: 100 * CHUNK,
      plainBytes: 300 * CHUNK,
      growthBytes,
      // Packs of ten chunks.
      roomOf: ({ storedBytes }, leftBytes) =>
        (storedBytes * 10 * CHUNK) / Math.max(storedBytes, 10 * CHUNK - leftBytes),
      packBytes,
    });

  it('begins where the next backup would take 1.44 times the room of a first one', () => {
    expect(compaction(143 * CHUNK).plan(ref('a', 900))).toBe('keep');
    expect(compaction(145 * CHUNK).plan(ref('a', 900))).toBe('whole');
    expect(compaction(139 * CHUNK, 0, 6 * CHUNK).plan(ref('a', 900))).toBe('whole');
  });

  it('merges differences where far less is left of them so', () => {
    const days = Array.from({ length: 15 }, () => 30);
    expect(compaction(145 * CHUNK).plan(ref('a', ...days))).toBe('merge');
    expect(compaction(145 * CHUNK).plan(ref('a', 450))).toBe('whole');
    expect(compaction(145 * CHUNK).plan(ref('a', 330, 50, 50))).toBe('whole');
  });

  it('does the same with all chunks of a pack', () => {
    const run = compaction(145 * CHUNK);
    const days = Array.from({ length: 15 }, () => 30);
    expect([run.plan(ref('a', ...days)), run.plan(ref('a', 450))]).toEqual(['merge', 'merge']);
  });

  it('stores whole what would keep a pack for itself', () => {
    const small = { ...ref('b'), chain: [{ pack: { id: 'deltas' as never }, offset: 0, storedBytes: 10 }] };
    expect(compaction(145 * CHUNK).plan(small)).toBe('keep');
    const run = compaction(145 * CHUNK, 100 * CHUNK);
    for (let i = 0; i < 10; i++) run.plan(ref(`p${i}`, 950));
    expect(run.plan(small)).toBe('whole');
  });

  it('leaves what takes little more than it must', () => {
    expect(compaction(200 * CHUNK).plan(ref('a', 99))).toBe('keep');
  });

  it('stores a quarter of all again in a run, and a pack: what lies in one pack goes together', () => {
    const packs = Array.from({ length: 100 }, (_, i) => `p${Math.floor(i / 10)}`);
    const picked = (packBytes: number) => {
      const run = compaction(200 * CHUNK, packBytes);
      return packs.filter((pack) => run.plan(ref(pack, 900)) === 'whole');
    };
    expect(picked(0).slice(0, 10)).toEqual(packs.slice(0, 10));
    expect(picked(0).length).toBeLessThanOrEqual(25 + 10);
    expect(picked(20 * CHUNK).length).toBeGreaterThan(picked(0).length);
    expect(picked(20 * CHUNK).length).toBeLessThanOrEqual(25 + 20 + 10);
  });

  it('does nothing where an old release did not say how large a first backup is', () => {
    const unknown = { roomBytes: 10, wholeBytes: undefined, plainBytes: 1, growthBytes: 0, packBytes: 1 };
    expect(new Compaction({ ...unknown, roomOf: () => 9 }).plan(ref('a', 900))).toBe('keep');
  });
});

/** Days until old versions are among what the newest backup needs, as in docs/reference/retention.md. */
const SETTLED = 30;

/** What the newest backup needs by a first backup of the same data, after the first days: on average, at most, on how many days much. */
function needs(days: readonly ChurnDay[]) {
  const factors = days.slice(SETTLED).map(({ neededBytes, freshBytes }) => neededBytes / freshBytes);
  return {
    most: Math.max(...factors),
    mean: factors.reduce((sum, factor) => sum + factor, 0) / factors.length,
    over: factors.filter((factor) => factor > 1.6).length,
  };
}

describe('a backup a day of rows that change', () => {
  it.runIf(isFull)(
    'never needs much more room than a first one would',
    { timeout: tortureTimeoutMs },
    async () => {
      const year = await churnYear({
        days: 50,
        rows: 2000,
        churn: [0.01, 0.05],
        rowOf: tableRow,
        chunker: MEDIUM_CHUNKS,
      });
      const { over, mean } = needs(year.days);
      expect(mean).toBeLessThan(1.5);
      expect(over, 'days of more than 1.6').toBeLessThan(5);
    },
  );

  // On single days a steady share needs more than 1.5: docs/reference/retention.md says why, and has the curve.
  it.runIf(isTorture).each([
    { changed: '1 to 5 %', churn: [0.01, 0.05], limit: 1.5 },
    { changed: '1 %', churn: [0.01, 0.01], limit: 2 },
    { changed: '5 %', churn: [0.05, 0.05], limit: 2 },
  ] as const)(
    'nor for a year of $changed, at most $limit, with chunks of the usual size',
    { timeout: tortureTimeoutMs },
    async ({ churn, limit }) => {
      const year = await churnYear({ days: 415, rows: 6300, churn, rowOf: tableRow });
      const { most, mean } = needs(year.days);
      expect(mean).toBeLessThan(1.3);
      expect(most).toBeLessThanOrEqual(limit);
      expect(year.storedBytes / year.freshBytes).toBeLessThan(1.7);
    },
  );
});

it('stores again what is left of a pack of which the rest changed, though it is not read', async () => {
  const clock = new ManualClock('2026-03-01T00:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  await using repository = await openCheaply(store, { packBytes: 1024 * KiB, clock });
  const rows = (from: number, version: number) =>
    Array.from({ length: 250 }, (_, id) => tableRow(from + id, version)).join('');
  const still = rows(0, 0);
  let read = 0;
  // On which day it is depends on where chunks end.
  const factors: number[] = [];
  for (let day = 0; day < 24; day++) {
    clock.advanceDays(1);
    const data = { still, moving: rows(1000, day) };
    const source = sameAsParent(memorySource(data), 'still', day > 0, () => read++);
    const { key } = await runBackup(repository, source, { type: 'daily', signal: never });
    const packs = await listedPacks(repository, key);
    const fresh = new MemoryStore();
    await initRepository(fresh);
    await using other = await openCheaply(fresh, { packBytes: 1024 * KiB });
    const first = await runBackup(other, memorySource(data), { type: 'daily', signal: never });
    factors.push(packs.reduce((sum, { bytes }) => sum + bytes, 0) / first.storedBytes);
    expect(await digests(repository, key)).toEqual(digestsOf(data));
  }
  expect(read).toBe(1);
  expect(Math.min(...factors.slice(1))).toBeLessThan(1.3);
});

/** A source that says of a dataset that it is the parent's. */
function sameAsParent(source: Source, name: string, isSame: boolean, onRead: () => void): Source {
  return {
    ...source,
    open: async (signal) => {
      const view = await source.open(signal);
      return {
        ...view,
        datasets: view.datasets.map((dataset) => ({
          ...dataset,
          partitions: dataset.partitions.map((partition) => ({
            ...partition,
            sameAsParent: isSame && dataset.name === name,
          })),
        })),
        read: (dataset, partition, using) => {
          if (dataset.name === name) onRead();
          return view.read(dataset, partition, using);
        },
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

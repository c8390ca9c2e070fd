import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { HeldRows } from '../../../../shared/jobs/inside/held-rows.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';

const random = seededRandom(testSeed);
const below = (most: number) => Math.floor(random() * most);

function held(rows: HeldRows): ReadonlyMap<string, number> {
  const all = [...rows].map(
    (row) => [Buffer.from(rows.bytesOf(row)).toString('latin1'), rows.countOf(row)] as const,
  );
  expect(new Set(all.map(([text]) => text)).size).toBe(all.length);
  return new Map(all);
}

it.each([
  ['few', 20, 50, 5000],
  ['many', 20_000, 30, 60_000],
  ['large', 12, 1_500_000, 60],
])('counts %s rows as a map of texts does', (_, most, longest, steps) => {
  const texts = Array.from({ length: most }, (_, i) => `${i}`.repeat(1 + below(longest / `${i}`.length)));
  const rows = new HeldRows();
  const counts = new Map<string, number>();
  for (let step = 0; step < steps; step++) {
    const text = texts[below(most)] as string;
    const by = below(2) ? 1 : -1;
    rows.add(Buffer.from(text, 'latin1'), by);
    counts.set(text, (counts.get(text) ?? 0) + by);
  }
  expect(held(rows)).toEqual(new Map([...counts].filter(([, count]) => count !== 0)));
});

it('counts the records of blocks as a map of texts does, beside single rows', {
  timeout: tortureTimeoutMs,
}, () => {
  for (let round = 0; round < cases(10, 60, 600); round++) {
    const most = 1 + below(800);
    const record = () => `${below(most)}`.repeat(below(below(8) ? 20 : 1000));
    const rows = new HeldRows();
    const counts = new Map<string, number>();
    const count = (text: string, by: number) => counts.set(text, (counts.get(text) ?? 0) + by);
    for (let step = 0; step < 40; step++) {
      const by = below(2) ? 1 : -1;
      const records = Array.from({ length: below(below(4) ? 600 : 3) }, record);
      for (const text of records) count(text, by);
      rows.addRecords(Buffer.from(records.map((text) => `${text}\n`).join('')), by);
      const single = record();
      count(single, by);
      rows.add(Buffer.from(single), by);
    }
    expect(held(rows)).toEqual(new Map([...counts].filter(([, of]) => of !== 0)));
  }
});

it('counts rows of no bytes, first and last', () => {
  const rows = new HeldRows();
  const none = Buffer.alloc(0);
  rows.add(none, -1);
  rows.add(Buffer.from('a'), 1);
  rows.add(none, -1);
  expect(held(rows)).toEqual(
    new Map([
      ['', -2],
      ['a', 1],
    ]),
  );
  rows.add(none, 2);
  expect(held(rows)).toEqual(new Map([['a', 1]]));
});

/** What buffers take that are still in use: V8 gives the others back by a thread of its own, so that it is asked until it is done. */
async function heldBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let least = Number.POSITIVE_INFINITY;
  for (let same = 0; same < 5; same++) {
    collect();
    await setTimeout(10);
    const now = process.memoryUsage().arrayBuffers;
    if (now < least) same = 0;
    least = Math.min(least, now);
  }
  return least;
}

const row = (i: number) => Buffer.from(`${i} `.padEnd(1000, 'x'));

it('lets go of blocks when few of their records count', async () => {
  const before = await heldBytes();
  const rows = new HeldRows();
  const block = (i: number, skipped?: number) =>
    Buffer.concat(
      Array.from({ length: 500 }, (_, n) =>
        n === skipped ? [] : [row(500 * i + n), Buffer.from('\n')],
      ).flat(),
    );
  for (let i = 0; i < 100; i++) {
    rows.addRecords(block(i), 1);
    rows.addRecords(block(i, 7), -1);
  }
  // 100 MB went through it.
  expect((await heldBytes()) - before).toBeLessThan(12e6);
  expect(held(rows).size).toBe(100);
  expect(rows.bytes).toBe(100 * (1000 + 40));
});

it('lets go of rows that count no more', async () => {
  const before = await heldBytes();
  const rows = new HeldRows();
  for (let i = 0; i < 50_000; i++) {
    rows.add(row(i), 1);
    if (i >= 1000) rows.add(row(i - 1000), -1);
  }
  // 50 MB went through it.
  expect((await heldBytes()) - before).toBeLessThan(12e6);
  expect(held(rows).size).toBe(1000);
  expect(rows.bytes).toBeGreaterThan(1000 * 1000);
  expect(rows.bytes).toBeLessThan(2000 * 1000);
});

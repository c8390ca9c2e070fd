import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendedTable, datasets } from '../../bench/data/datasets.ts';
import { endlessRows } from '../../bench/data/endless.ts';

const SCALE = 1 / 250;
/** Figures of different runs can be compared only while these stay. */
const PINNED: Readonly<Record<string, string>> = {
  table: '7ff7230100c3d8d4 6e026ce8eb739657',
  tree: 'c7d73698a107c405 fabebcf7d3cbba84',
  log: '9654c8c1a2f44d3f a89dc6fdddb000e7',
  shuffled: '9d4e78ede39f6b6e eff717e296362d38',
  appended: 'c192418d67c1cfe0 a99c0cf7753f9a86',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Share of the lines of `to` that are not in `from` at the same place. */
function changedShare(from: string, to: string): number {
  const before = from.split('\n');
  const after = to.split('\n');
  return after.filter((line, i) => line !== before[i]).length / before.length;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

describe.each([...datasets(SCALE), appendedTable(4000)])('benchmark data: $name', (dataset) => {
  it('is the same for every run, and changes by 1 %', async () => {
    const first = path.join(folder, `${dataset.name}-first`);
    const next = path.join(folder, `${dataset.name}-next`);
    await dataset.write(first);
    await dataset.change(first, next, 1);
    const [from, to] = [await readFile(first, 'utf8'), await readFile(next, 'utf8')];
    expect(from.endsWith('\n') && to.endsWith('\n')).toBe(true);
    expect(changedShare(from, to)).toBeGreaterThan(0.005);
    expect(changedShare(from, to)).toBeLessThan(0.02);
    const pinned = PINNED[dataset.name];
    if (dataset.name !== 'text') expect([digest(from), digest(to)].join(' ')).toBe(pinned);
  });
});

describe('endless rows', () => {
  it('have ids of their own, and 1 % of another end in another version', () => {
    const text = (version: number) => Array.from(endlessRows(20_000_000, version), String).join('');
    const [from, to] = [text(0), text(1)];
    const ids = from
      .trimEnd()
      .split('\n')
      .map((row) => row.slice(0, row.indexOf('\t')));
    expect(new Set(ids).size).toBe(ids.length);
    expect(changedShare(from, to)).toBeGreaterThan(0.005);
    expect(changedShare(from, to)).toBeLessThan(0.02);
  });
});

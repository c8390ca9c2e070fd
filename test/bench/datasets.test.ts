import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendedTable, datasets } from '../../bench/data/datasets.ts';
import { endlessRows } from '../../bench/data/endless.ts';
import { fileDataset } from '../../bench/data/file.ts';

const SCALE = 1 / 250;
/** Figures of different runs can be compared only while these stay. */
const PINNED: Readonly<Record<string, string>> = {
  table: '7ff7230100c3d8d4 6e026ce8eb739657',
  numbers: '8e032abdca799c43 ebc47d60ebf5836f',
  json: 'a13f9be44a215b90 3f6b3d25a8671608',
  prose: 'ee26868272ef1b3b 24cfe7182717539c',
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

describe('a file of the user', () => {
  it('keeps its lines but for the last field of 1 %', async () => {
    const file = path.join(folder, 'own.tsv');
    await writeFile(file, Array.from({ length: 4000 }, (_, i) => `${i}\tkept ${i}\tlast ${i}\n`).join(''));
    const [first, next] = [path.join(folder, 'own-first'), path.join(folder, 'own-next')];
    const dataset = await fileDataset(file);
    await dataset.write(first);
    await dataset.change(first, next, 1);
    const [from, to] = [await readFile(first, 'utf8'), await readFile(next, 'utf8')];
    const kept = (text: string) => text.split('\n').map((line) => line.slice(0, line.lastIndexOf('\t')));
    expect(kept(to)).toEqual(kept(from));
    expect(changedShare(from, to)).toBeGreaterThan(0.005);
    expect(changedShare(from, to)).toBeLessThan(0.02);
    expect(from).toBe(await readFile(file, 'utf8'));
  });

  it('is refused if it is missing, or ends inside a line', async () => {
    await expect(fileDataset(path.join(folder, 'none.tsv'))).rejects.toThrow(/does not exist/);
    const open = path.join(folder, 'open.tsv');
    await writeFile(open, 'a\tb');
    await expect(fileDataset(open)).rejects.toThrow(/does not end in a newline/);
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

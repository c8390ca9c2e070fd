import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { resolveCompression } from '../../../../shared/config/compression.ts';
import { GiB, KiB, MiB } from '../../../../shared/core/units.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { estimateBackups } from '../../../../shared/jobs/estimate/estimate.ts';
import { FilesSource } from '../../../../shared/sources/files/source.ts';
import type { Source } from '../../../../shared/sources/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { runCommand } from '../../../support/command-line.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turns(3);

const price = { perGibMonth: 1, currency: 'EUR', of: 'as configured' };
const options = { dailyChange: 0.01, price, workers: 1, signal: never };

/** Two tables, one of them small. */
async function twoFiles(rows: number): Promise<string> {
  const folder = await newFolder();
  await writeFile(path.join(folder, 'large.txt'), seededRows(rows, 7).join(''));
  await writeFile(path.join(folder, 'small.txt'), seededRows(20, 8).join(''));
  return folder;
}

/** The same source, and how many bytes of records were asked of it. */
function counting(source: Source): { readonly source: Source; readonly read: () => number } {
  let read = 0;
  const open: Source['open'] = async (signal, given) => {
    const view = await source.open(signal, given);
    return {
      ...view,
      server: view.server,
      datasets: view.datasets,
      omitted: view.omitted,
      position: view.position,
      read: async function* (dataset, partition, stopping) {
        for await (const block of view.read(dataset, partition, stopping)) {
          read += block.length;
          yield block;
        }
      },
      check: (stopping) => view.check(stopping),
      [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
    };
  };
  const { kind, name, capabilities } = source;
  return { source: { kind, name, capabilities, open }, read: () => read };
}

describe('an estimate', () => {
  it('of a source that is smaller than the sample is what a backup of it stores', async () => {
    const folder = await twoFiles(4000);
    const estimate = await estimateBackups(new FilesSource(folder), options);
    const sizes = await Promise.all(
      ['large.txt', 'small.txt'].map(async (name) => (await readFile(path.join(folder, name))).length),
    );
    expect(estimate).toMatchObject({ isWhole: true, plainBytes: sizes[0]! + sizes[1]! });
    const store = new MemoryStore();
    await initRepository(store, undefined);
    await using repository = await openRepository(store, { level: 3 });
    const { storedBytes } = await runBackup(repository, new FilesSource(folder), { signal: never });
    const balanced = estimate.levels.find(({ compression }) => compression === 'balanced')!;
    expect(balanced.level).toBe(3);
    expect(balanced.storedBytes / storedBytes).toBeGreaterThan(0.5);
    expect(balanced.storedBytes / storedBytes).toBeLessThan(1.5);
    expect(estimate.levels.map(({ compression }) => compression)).toEqual(['fast', 'balanced', 'small']);
  });

  it('reads no more than the sample of a large table, and all of a small one, and says how much there is', async () => {
    const folder = await twoFiles(60_000);
    const whole = await estimateBackups(new FilesSource(folder), options);
    const { source, read } = counting(new FilesSource(folder));
    const some = await estimateBackups(source, { ...options, sampleBytes: 512 * KiB });
    expect(read()).toBeLessThan(2 * MiB);
    expect(some.isWhole).toBe(false);
    expect(some.sampleBytes).toBeLessThan(whole.plainBytes / 2);
    expect(some.plainBytes / whole.plainBytes).toBeGreaterThan(0.9);
    expect(some.plainBytes / whole.plainBytes).toBeLessThan(1.1);
    for (const [i, { storedBytes }] of some.levels.entries()) {
      expect(storedBytes / whole.levels[i]!.storedBytes).toBeGreaterThan(0.7);
      expect(storedBytes / whole.levels[i]!.storedBytes).toBeLessThan(1.5);
    }
  });

  it('counts a month of changes, and what it costs', async () => {
    const folder = await twoFiles(2000);
    const none = await estimateBackups(new FilesSource(folder), { ...options, dailyChange: 0 });
    const all = await estimateBackups(new FilesSource(folder), { ...options, dailyChange: 1 });
    for (const { storedBytes, monthBytes, monthlyCost } of none.levels) {
      expect(monthBytes).toBe(storedBytes);
      expect(monthlyCost).toBeCloseTo(monthBytes / GiB, 9);
    }
    for (const { storedBytes, monthBytes } of all.levels) expect(monthBytes).toBe(30 * storedBytes);
  });

  it('is a command that needs no repository, names the price or says that none is known, and refuses odd numbers', async () => {
    const cwd = await twoFiles(200);
    const world = { cwd, env: {} };
    const { status, stdout } = await runCommand('estimate --source .', world);
    expect(status).toBe(0);
    expect(stdout).toMatch(/fast .*\n.*balanced .*\n.*small /);
    expect(stdout).toContain('No price is known');
    const prices = JSON.stringify({ prices: { storageGibMonth: 2, currency: 'EUR' } });
    await writeFile(path.join(cwd, 'holdfast.config.json'), prices);
    const priced = await runCommand('estimate --source large.txt --json', world);
    expect(priced.json()).toMatchObject({ price: { perGibMonth: 2 }, isWhole: true });
    expect(await runCommand('estimate --source . --sample 0', world)).toMatchObject({ status: 2 });
    expect((await runCommand('estimate --source . --daily-change lots', world)).stderr).toContain(
      "--daily-change is 'lots'",
    );
  });
});

describe('compression', () => {
  it('is a level of zstd by its name, or the level itself, and never both', () => {
    const problems: string[] = [];
    expect(resolveCompression({ compression: 'fast' }, undefined, problems)).toBe(1);
    expect(resolveCompression({ compression: 'small' }, undefined, problems)).toBe(12);
    expect(resolveCompression({ compressionLevel: 7 }, undefined, problems)).toBe(7);
    expect(resolveCompression({ compression: 'small' }, 0, problems)).toBe(0);
    expect(resolveCompression({}, undefined, problems)).toBeUndefined();
    expect(problems).toEqual([]);
    resolveCompression({ compression: 'small', compressionLevel: 3 }, undefined, problems);
    expect(problems).toEqual([
      "compression ('small') and compressionLevel (3) are both set; keep one of them",
    ]);
  });
});

import { beforeEach, expect, it, vi } from 'vitest';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { readRows } from '../../../shared/jobs/inside/read-rows.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { markSpoilt } from '../../../shared/repository/packs/spoilt-packs.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openCheaply } from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { type KeyedTable, keyedSource } from '../../support/repository/keyed-source.ts';

const lie = vi.hoisted(() => ({ isOn: false }));

/** A writer whose least keys are one too high. */
vi.mock('../../../shared/format/key-bounds.ts', async (original) => {
  const real = await original<typeof import('../../../shared/format/key-bounds.ts')>();
  return {
    ...real,
    scanRecords: (...given: Parameters<typeof real.scanRecords>) => {
      const found = real.scanRecords(...given);
      if (!lie.isOn || !found.bounds) return found;
      const least = Buffer.from(found.bounds.least);
      least.writeBigUInt64BE(least.readBigUInt64BE(0) + 1n);
      return { ...found, bounds: { ...found.bounds, least: Uint8Array.from(least) } };
    },
  };
});

beforeEach(() => {
  lie.isOn = false;
});

const table: KeyedTable = {
  shape: 'n',
  rows: Array.from({ length: 3000 }, (_, i) => [String(i), `row ${i} ${'x'.repeat(i % 50)}`]),
};

const backUp = (repository: Repository) =>
  runBackup(repository, keyedSource(table), { type: 'daily', signal: never });

async function missed(repository: Repository, key: string): Promise<number> {
  const reader = await repository.openBackup(key as never, never);
  let count = 0;
  for (let id = 0; id < 30; id++) {
    const { rows } = await readRows(reader, { where: [`c0 = ${id}`], signal: never });
    if ((await Array.fromAsync(rows())).length === 0) count++;
  }
  return count;
}

it('bounds that are one too high hide rows, which a full verification finds and the next backup mends', async () => {
  const store = new MemoryStore();
  await initRepository(store, undefined, { version: 2 });
  await using repository = await openCheaply(store, { pool: new InlinePool() });
  lie.isOn = true;
  const { key } = await backUp(repository);
  lie.isOn = false;
  expect(await missed(repository, key)).toBeGreaterThan(0);
  const verify = (of: string) =>
    verifyBackups(repository, [of as never], { depth: { kind: 'full' }, signal: never });
  const { findings } = await verify(key);
  expect(findings.length).toBeGreaterThan(0);
  for (const { problem, datasets } of findings) {
    expect(problem).toMatch(/least and greatest keys in .* are not those of the chunk/);
    expect(datasets).toEqual(['t']);
  }
  const packs = findings.map(({ object }) => object.split('/')[2] ?? '');
  await markSpoilt(store, packs, { report: 'a report', signal: never });
  const next = await backUp(repository);
  expect((await verify(next.key)).findings).toEqual([]);
  expect(await missed(repository, next.key)).toBe(0);
});

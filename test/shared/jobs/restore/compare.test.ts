import { describe, expect } from 'vitest';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { compareDatasets, type DatasetComparison } from '../../../../shared/jobs/restore/compare.ts';
import { contentsOf } from '../../../../shared/jobs/restore/contents.ts';
import { isSameStream } from '../../../../shared/jobs/restore/same-stream.ts';
import type { DatasetPlan, Source } from '../../../../shared/sources/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { seededRandom, seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(2);

const rows = seededRows(4000, 3);
const random = seededRandom(1);
const shuffled = rows
  .map((row) => ({ row, at: random() }))
  .sort((a, b) => a.at - b.at)
  .map(({ row }) => row);
const huge = `${'x'.repeat(1_500_000)}\n`;

/** One dataset, `t`, of partitions; `collective` as an adapter may say it. */
function partsSource(
  parts: readonly (readonly string[])[],
  attributes: DatasetPlan['attributes'] = {},
): Source {
  return {
    kind: 'files',
    name: 'parts',
    capabilities: { consistency: 'atomic', maxReaders: 2 },
    open: async () => ({
      position: '',
      server: '',
      omitted: [],
      datasets: [
        {
          name: 't',
          kind: 'data',
          attributes,
          partitions: parts.map((_, i) => ({ name: String(i), estimatedBytes: 1 })),
        },
      ],
      read: async function* (_, { name }) {
        const bytes = Buffer.from((parts[Number(name)] ?? []).join(''));
        for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
      },
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

async function compare(
  backup: readonly (readonly string[])[],
  live: readonly (readonly string[])[],
  attributes: DatasetPlan['attributes'] = {},
): Promise<DatasetComparison & { readonly isSame: boolean }> {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store);
  const { key } = await runBackup(repository, partsSource(backup, attributes), { signal: never });
  const reader = await repository.openBackup(key, never);
  await using view = await partsSource(live).open(never);
  const contents = contentsOf(reader);
  const [dataset] = contents.datasets;
  const [plan] = view.datasets;
  const isSame = await isSameStream(dataset!, plan!, { repository, reader, view, signal: never });
  const [comparison] = await compareDatasets({
    repository,
    contents,
    datasets: contents.datasets,
    digests: new Map(),
    view,
    isSame: async () => false,
    maxReaders: 2,
    onDataset: () => {},
    signal: never,
  });
  return { ...comparison!, isSame };
}

describe('comparing a backup with what is there', () => {
  it.each([
    { title: 'the same in the same order', live: [rows], isSame: true },
    { title: 'the same in other parts', live: [rows.slice(0, 700), rows.slice(700)], isSame: true },
    {
      title: 'the same in another order',
      live: [shuffled.slice(0, 100), shuffled.slice(100)],
      isSame: false,
    },
  ])('finds $title equal', async ({ live, isSame }) => {
    expect(await compare([rows.slice(0, 2000), rows.slice(2000)], live)).toMatchObject({
      equal: true,
      isSame,
      backupRecords: 4000,
      targetRecords: 4000,
      missing: 0,
      unexpected: 0,
    });
  });

  it.each([
    {
      title: 'one record changed',
      live: rows.map((row, i) => (i === 1234 ? `${row.trimEnd()}!\n` : row)),
      missing: 1,
      unexpected: 1,
    },
    { title: 'the last record missing', live: rows.slice(0, -1), missing: 1, unexpected: 0 },
    { title: 'one more record', live: [...rows, 'more\n'], missing: 0, unexpected: 1 },
    { title: 'a record twice', live: [...rows, rows[7]!], missing: 0, unexpected: 1 },
    { title: 'nothing', live: [], missing: 4000, unexpected: 0 },
  ])('counts what differs: $title', async ({ live, missing, unexpected }) => {
    expect(await compare([rows], [live])).toMatchObject({ equal: false, isSame: false, missing, unexpected });
  });

  it('takes records that are larger than a block', async () => {
    expect(await compare([[huge, ...rows]], [[...rows, huge]])).toMatchObject({ equal: true, isSame: false });
    expect(await compare([[huge, ...rows]], [[huge, ...rows]])).toMatchObject({ equal: true, isSame: true });
    expect(await compare([[huge]], [[`${'x'.repeat(1_499_999)}y\n`]])).toMatchObject({
      equal: false,
      missing: 1,
    });
  });

  it('lets a collective dataset have more, but not less', async () => {
    expect(await compare([rows], [[...rows, 'more\n']], { collective: true })).toMatchObject({
      equal: true,
      unexpected: 1,
    });
    expect(await compare([rows], [rows.slice(1)], { collective: true })).toMatchObject({
      equal: false,
      missing: 1,
    });
  });
});

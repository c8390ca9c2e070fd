import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { diffBackups } from '../shared/jobs/inside/diff.ts';
import { runQuery } from '../shared/jobs/inside/query/query.ts';
import { contentsOf } from '../shared/jobs/restore/contents.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import type { BackupReader } from '../shared/repository/reading/backup-reader.ts';
import { Repository } from '../shared/repository/repository.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { MeteredStore } from '../shared/store/metered-store.ts';
import { decompressedBytes } from './decompressed-bytes.ts';
import { HOLDFAST_KEY } from './tools.ts';

/** Run by bench/inside.ts, a process a step, so that nothing is remembered from one step to the next. */
export type InsideStep = 'read both' | 'diff' | 'query';

export interface InsideResult {
  readonly wallS: number;
  readonly peakBytes: number;
  readonly gets: number;
  readonly fetchedBytes: number;
  readonly decompressedBytes: number;
  /** Records read, rows that differ, or rows of the query. */
  readonly rows: number;
}

const [step, folder = '', dataset = '', sql = '', resultFile = ''] = process.argv.slice(2);
const signal = new AbortController().signal;
const store = new MeteredStore(new FolderStore(folder));
const keys = new HexKeyProvider(HOLDFAST_KEY);
const workers = Math.min(4, availableParallelism());

const began = performance.now();
let rows = 0;
{
  await using repository = await Repository.open({ store, keys, workers, signal });
  if (step !== 'query') repository.warmUp();
  const [second, first] = await repository.backupKeys(signal);
  if (!first || !second) throw new Error('there are not two backups');
  const [before, after] = [
    await repository.openBackup(first, signal),
    await repository.openBackup(second, signal),
  ];
  if (step !== 'query') repository.warmUp(after.manifest.totals.plainBytes);
  if (step === 'read both') rows = (await readAll(before)) + (await readAll(after));
  else if (step === 'diff') rows = await countChanges(before, after);
  else rows = await countRows(after);
}
const counts = store.counts();
const result: InsideResult = {
  wallS: (performance.now() - began) / 1000,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  gets: counts.gets,
  fetchedBytes: counts.bytesDown,
  decompressedBytes: decompressedBytes(),
  rows,
};
writeFileSync(resultFile, JSON.stringify(result));

/** @returns the records of the dataset, as its catalog counts them, if all bytes came that it says they have */
async function readAll(reader: BackupReader): Promise<number> {
  const found = contentsOf(reader).datasets.find(({ name }) => name === dataset);
  let left = found?.plainBytes ?? 0;
  for (const { name } of found?.partitions ?? [])
    for await (const block of reader.read(reader.root(dataset, name), { signal })) left -= block.length;
  if (!found || left !== 0) throw new Error(`${left} bytes of ${dataset} were not read`);
  return found.records;
}

async function countChanges(before: BackupReader, after: BackupReader): Promise<number> {
  let changes = 0;
  for await (const diff of diffBackups(before, after, { datasets: [dataset], signal }))
    for await (const _ of diff.changes()) changes++;
  return changes;
}

async function countRows(reader: BackupReader): Promise<number> {
  await using result = await runQuery([reader], sql, { signal });
  let count = 0;
  for await (const batch of result.rows()) count += batch.length;
  return count;
}

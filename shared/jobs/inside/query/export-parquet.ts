import { createHash, randomUUID } from 'node:crypto';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import { asOutputError } from '../../../core/output-error.ts';
import type { OnProgress } from '../../../core/progress.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { StoredDataset } from '../../../sources/contents.ts';
import { contentsOf, selectDatasets } from '../../restore/contents.ts';
import { distinctNames } from './distinct-names.ts';
import { queriedDatasets } from './queried.ts';
import { type QueryOptions, writeDatasets } from './query.ts';

/** A dataset that was exported. */
export interface ParquetFile {
  readonly dataset: string;
  /** Its name in the folder. */
  readonly file: string;
  readonly records: number;
  readonly bytes: number;
}

/** What is exported, and where to. */
export interface ParquetOptions extends QueryOptions {
  /** Must not exist; it appears only when it is complete. */
  readonly folder: string;
  /** Names. @default all */
  readonly datasets?: readonly string[] | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Writes a backup as a folder of Parquet files, one for each dataset, readable only by their owner.
 *
 * @throws E_TARGET_NOT_EMPTY if the folder exists, E_TARGET_FULL, E_CONFIG without DuckDB, E_NO_DATASET, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function exportParquet(
  repository: Repository,
  key: BackupKey,
  { folder, datasets: names, onProgress, ...options }: ParquetOptions,
): Promise<readonly ParquetFile[]> {
  const reader = await repository.openBackup(key, options.signal);
  const all = queriedDatasets(reader);
  const chosen = selectDatasets(contentsOf(reader), names).map(({ name }) => name);
  const wanted = all.flatMap((of, dataset) => (chosen.includes(of.name) ? [{ of, dataset }] : []));
  const files = distinctNames(wanted.map(({ of }) => ({ name: fileStem(of.name), among: '' })));
  await refuseExisting(folder);
  const temporary = path.join(path.dirname(folder), `.tmp-${randomUUID()}`);
  try {
    await mkdir(temporary, { mode: 0o700 });
    const places = wanted.map(({ of, dataset }, i) => {
      const file = `${files[i]}.parquet`;
      return { of, dataset, file, path: path.join(temporary, file) };
    });
    for (const { path: file } of places) await (await open(file, 'wx', 0o600)).close();
    await writeDatasets(reader, { files: places, onWritten: progressOf(wanted, onProgress) }, options);
    const written: ParquetFile[] = [];
    for (const { of, file, path: at } of places)
      written.push({ dataset: of.name, file, records: of.records, bytes: await flushed(at) });
    await refuseExisting(folder);
    await rename(temporary, folder);
    return written;
  } catch (error) {
    throw asOutputError(error, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
  }
}

/** Tells, of each dataset that was written, how far the work is. */
function progressOf(
  wanted: readonly { readonly of: StoredDataset; readonly dataset: number }[],
  onProgress: OnProgress = () => {},
): (dataset: number) => void {
  const total = wanted.reduce((sum, { of }) => sum + of.plainBytes, 0);
  onProgress({ kind: 'phase', phase: 'write' });
  onProgress({ kind: 'total', plainBytes: total, datasets: wanted.length });
  let plainBytes = 0;
  return (dataset) => {
    plainBytes += wanted.find((one) => one.dataset === dataset)?.of.plainBytes ?? 0;
    onProgress({ kind: 'done', plainBytes, storedBytes: 0 });
  };
}

async function refuseExisting(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined);
  if (!found) return;
  throw new HoldfastError('E_TARGET_NOT_EMPTY', `${folder} exists`, {
    hint: 'Name a folder that does not exist; its parent must.',
  });
}

/** @returns size in bytes */
async function flushed(file: string): Promise<number> {
  await using handle = await open(file, 'r+');
  await handle.sync();
  return (await handle.stat()).size;
}

const MOST_STEM_BYTES = 200;

/** The dataset's name, with what file systems do not take written as in URLs. */
function fileStem(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const stem = name.replaceAll(/[\u0000-\u001f%/\\:*?"<>|]|^\./g, (letter) => {
    return `%${letter.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
  });
  if (Buffer.byteLength(stem) <= MOST_STEM_BYTES) return stem;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${Buffer.from(stem)
    .subarray(0, MOST_STEM_BYTES)
    .toString()
    .replace(/\ufffd+$/, '')}-${digest}`;
}

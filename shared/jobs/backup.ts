import { throwIfAborted } from '../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../core/errors.ts';
import { type BackupKey, parseBackupType } from '../core/ids.ts';
import { parallel } from '../core/parallel.ts';
import type { OnProgress } from '../core/progress.ts';
import { SOFTWARE } from '../core/version.ts';
import type { Manifest } from '../format/manifest.ts';
import type { BackupReader } from '../repository/backup-reader.ts';
import type { BackupWriter } from '../repository/backup-writer.ts';
import type { Repository } from '../repository/repository.ts';
import type { Source, SourceView } from '../sources/source.ts';

export interface BackupOptions {
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string | undefined;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

export interface BackupResult {
  readonly key: BackupKey;
  readonly type: string;
  readonly source: { readonly kind: string; readonly name: string };
  readonly parent: BackupKey | undefined;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly datasets: number;
  readonly records: number;
  readonly chunks: number;
  readonly newChunks: number;
  /** Bytes of records read from the source. */
  readonly plainBytes: number;
  /** Bytes of packs that this run put into the store. */
  readonly storedBytes: number;
  readonly omitted: readonly string[];
}

/**
 * Backs a source up: opens its consistent view, stores what its newest backup has not, and lists the backup
 * last.
 *
 * @throws E_SOURCE_*, E_EMPTY_READ, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; nothing is listed then
 */
export async function runBackup(
  repository: Repository,
  source: Source,
  options: BackupOptions,
): Promise<BackupResult> {
  const { type = 'manual', note, onProgress = () => {} } = options;
  parseBackupType(type);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  throwIfAborted(signal);
  repository.warmUp();
  onProgress({ kind: 'phase', phase: 'connect' });
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const parent = await findParent(repository, source, { warn, signal });
  await using view = await source.open(signal);
  refuseEmpty(view, source);
  const count = countBytes(onProgress);
  try {
    const writer = await repository.beginBackup({
      type,
      note,
      source: { kind: source.kind, name: source.name },
      consistency: source.capabilities.consistency,
      parent,
      software: SOFTWARE,
      onWarning: warn,
      onStored: ({ ref, isNew }) => count(ref.plainBytes, isNew ? (ref.chain.at(-1)?.storedBytes ?? 0) : 0),
      signal,
    });
    onProgress({ kind: 'total', plainBytes: estimate(view), datasets: view.datasets.length });
    onProgress({ kind: 'phase', phase: 'read' });
    await readAll(view, writer, { maxReaders: source.capabilities.maxReaders, signal });
    onProgress({ kind: 'phase', phase: 'commit' });
    await view.check(signal);
    const { server, position, omitted, datasets } = view;
    const manifest = await writer.commit({
      server,
      position,
      omitted,
      datasets,
      check: (records) => refuseLoss(parent, records, source),
    });
    return summarise(manifest, view.omitted);
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/** The newest backup of the same source that can be opened. */
async function findParent(
  repository: Repository,
  source: Source,
  { warn, signal }: { readonly warn: (message: string) => void; readonly signal: AbortSignal },
): Promise<BackupReader | undefined> {
  for (const key of await repository.backupKeys(signal)) {
    const { manifest, problem } = (await repository.inspectIfListed(key, signal)) ?? {};
    if (problem) warn(`${key} is passed over: ${problem.message}`);
    if (manifest?.source.kind !== source.kind || manifest.source.name !== source.name) continue;
    try {
      return await repository.openManifest(manifest, signal);
    } catch (error) {
      if (!isHoldfastError(error, 'E_DAMAGED')) throw error;
      warn(`${key} cannot be compared with: ${error.message}`);
    }
  }
  return undefined;
}

/** Schema first and one part at a time, as what writes it may take much memory; then the data, largest part first. */
async function readAll(
  view: SourceView,
  writer: BackupWriter,
  { maxReaders, signal }: { readonly maxReaders: number; readonly signal: AbortSignal },
): Promise<void> {
  const parts = view.datasets
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })))
    .toSorted((a, b) => b.partition.estimatedBytes - a.partition.estimatedBytes);
  const work = ({ dataset, partition }: (typeof parts)[number], stopping: AbortSignal) =>
    writer.writePartition(dataset, partition.name, view.read(dataset, partition, stopping));
  for (const kind of ['schema', 'data']) {
    const ofKind = parts.filter(({ dataset }) => dataset.kind === kind);
    const readers = kind === 'schema' ? 1 : maxReaders;
    await parallel(ofKind, { most: readers, signal }, work);
  }
}

function refuseEmpty(view: SourceView, source: Source): void {
  if (view.datasets.some(({ kind }) => kind === 'data')) return;
  throw new HoldfastError('E_EMPTY_READ', `${source.name} gave nothing to back up`, {
    hint: 'Check the database name and the permissions of the login.',
  });
}

/** A source that held records and now holds none at all is taken for a failed read. */
function refuseLoss(parent: BackupReader | undefined, records: number, source: Source): void {
  const before = parent?.manifest.totals.records ?? 0;
  if (records > 0 || before === 0) return;
  throw new HoldfastError('E_EMPTY_READ', `${source.name} gave no records; its last backup has ${before}`, {
    hint: 'If the database was emptied on purpose, back it up into a new repository.',
  });
}

function estimate(view: SourceView): number {
  return view.datasets
    .flatMap(({ partitions }) => partitions)
    .reduce((sum, { estimatedBytes }) => sum + estimatedBytes, 0);
}

function countBytes(onProgress: OnProgress): (plainBytes: number, storedBytes: number) => void {
  let plain = 0;
  let stored = 0;
  return (plainBytes, storedBytes) => {
    plain += plainBytes;
    stored += storedBytes;
    onProgress({ kind: 'done', plainBytes: plain, storedBytes: stored });
  };
}

function summarise(manifest: Manifest, omitted: readonly string[]): BackupResult {
  return {
    key: manifest.key as BackupKey,
    type: manifest.type,
    source: manifest.source,
    parent: (manifest.parent ?? undefined) as BackupKey | undefined,
    startedAt: new Date(manifest.startedAt),
    finishedAt: new Date(manifest.finishedAt),
    ...manifest.totals,
    omitted,
  };
}

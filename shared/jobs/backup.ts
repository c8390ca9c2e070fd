import { throwIfAborted } from '../core/abort.ts';
import { DEFAULT_SUSPECTS, type SuspectThresholds } from '../core/config-suspects.ts';
import { HoldfastError } from '../core/errors.ts';
import { type BackupKey, parseBackupType } from '../core/ids.ts';
import { parallel } from '../core/parallel.ts';
import type { OnProgress } from '../core/progress.ts';
import { SOFTWARE } from '../core/version.ts';
import type { Suspect } from '../format/catalog.ts';
import type { Manifest } from '../format/manifest.ts';
import type { BackupWriter } from '../repository/backup-writer.ts';
import type { Repository } from '../repository/repository.ts';
import type { ChangedPartition, ReadingCost, Source, SourceView } from '../sources/source.ts';
import { type Ancestors, findAncestors } from './ancestors.ts';
import { contentsOf } from './contents.ts';
import { judgeAgainst } from './suspicion.ts';

export interface BackupOptions {
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string | undefined;
  /** When the backup is suspect. */
  readonly suspects?: SuspectThresholds;
  /** Lists a backup without any record too, as suspect, where there were some before. @default false */
  readonly allowEmpty?: boolean;
  /** Reads everything, whatever the parent has of it. */
  readonly fullRead?: boolean;
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
  /** What is suspect about it, and against which backup; undefined where nothing is. */
  readonly suspect: Suspect | undefined;
  /** What reading took, of a source that bills by the byte. */
  readonly cost?: ReadingCost;
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
  const { type = 'manual', note, allowEmpty = false, onProgress = () => {} } = options;
  parseBackupType(type);
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  throwIfAborted(signal);
  repository.warmUp();
  onProgress({ kind: 'phase', phase: 'connect' });
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const { keys, spoiltPacks } = await repository.listing(signal);
  const ancestors = await findAncestors(repository, source, { keys, warn, signal });
  const { parent } = ancestors;
  const known = options.fullRead || !parent ? undefined : contentsOf(parent);
  await using view = await source.open(signal, { parent: known, onWarning: warn });
  if (!allowEmpty) refuseEmpty(view, source);
  const count = countBytes(onProgress);
  try {
    const writer = await repository.beginBackup({
      type,
      note,
      source: { kind: source.kind, name: source.name },
      parent,
      spoiltPacks,
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
    const { server, position, omitted, datasets, window } = view;
    let suspect: Suspect | undefined;
    const manifest = await writer.commit({
      server,
      position,
      omitted,
      datasets,
      consistency: view.consistency ?? source.capabilities.consistency,
      window,
      judge: (figures) => {
        const records = figures.reduce((sum, one) => sum + (one.kind === 'data' ? one.records : 0), 0);
        if (!allowEmpty) refuseLoss(ancestors, records, source);
        const compresses = repository.context.limits.level > 0;
        suspect = judgeAgainst(ancestors, figures, {
          thresholds: options.suspects ?? DEFAULT_SUSPECTS,
          compresses,
        });
        return suspect;
      },
    });
    return { ...summarise(manifest, view), suspect };
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/**
 * Data, largest part first, and beside it the schema, one part after the other: what writes it may take much memory,
 * and some time in which the data need not wait. Then again what changed meanwhile; last what is said of the data.
 */
async function readAll(
  view: SourceView,
  writer: BackupWriter,
  { maxReaders, signal }: { readonly maxReaders: number; readonly signal: AbortSignal },
): Promise<void> {
  const parts = view.datasets
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })))
    .toSorted((a, b) => b.partition.estimatedBytes - a.partition.estimatedBytes);
  const read = async ({ dataset, partition }: ChangedPartition, stopping: AbortSignal) => {
    if (partition.sameAsParent && (await writer.reusePartition(dataset.name, partition.name))) return;
    await writer.writePartition(dataset, partition.name, view.read(dataset, partition, stopping));
  };
  const last = parts.filter(({ dataset }) => dataset.readLast);
  const { schema = [], data = [] } = Object.groupBy(
    parts.filter(({ dataset }) => !dataset.readLast),
    ({ dataset }) => dataset.kind,
  );
  const sides = [
    { side: schema, most: 1 },
    { side: data, most: maxReaders },
  ];
  await parallel(sides, { most: 2, signal }, ({ side, most }, stopping) =>
    parallel(side, { most, signal: stopping }, read),
  );
  for (
    let changed = (await view.changed?.(signal)) ?? [];
    changed.length > 0;
    changed = (await view.changed?.(signal)) ?? []
  )
    await parallel(changed, { most: maxReaders, signal }, read);
  await parallel(last, { most: 1, signal }, read);
}

function refuseEmpty(view: SourceView, source: Source): void {
  if (view.datasets.some(({ kind }) => kind === 'data')) return;
  throw new HoldfastError('E_EMPTY_READ', `${source.name} gave nothing to back up`, {
    hint: 'Check the database name and the permissions of the login; if it is meant to be empty, pass --allow-empty.',
  });
}

/** A source that held records and now holds none at all is taken for a failed read. */
function refuseLoss({ parent, good }: Ancestors, records: number, source: Source): void {
  const before = (good ?? parent)?.manifest.totals.records ?? 0;
  if (records > 0 || before === 0) return;
  throw new HoldfastError(
    'E_EMPTY_READ',
    `${source.name} gave no records; its last good backup has ${before}`,
    {
      hint: 'If the database was emptied on purpose: `holdfast backup --allow-empty`, then accept that backup.',
    },
  );
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

function summarise(manifest: Manifest, { omitted, cost }: SourceView): Omit<BackupResult, 'suspect'> {
  return {
    key: manifest.key as BackupKey,
    type: manifest.type,
    source: manifest.source,
    parent: (manifest.parent ?? undefined) as BackupKey | undefined,
    startedAt: new Date(manifest.startedAt),
    finishedAt: new Date(manifest.finishedAt),
    ...manifest.totals,
    omitted,
    ...(cost === undefined ? {} : { cost }),
  };
}

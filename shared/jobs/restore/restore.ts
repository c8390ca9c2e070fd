import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import { RecordDigest } from '../../format/record-digest.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { pluginNamed, type SpecialRestoreOptions } from '../../sources/registry.ts';
import type { RestoreFailure, RestoreOptions, RestorePlan, Target } from '../../sources/target.ts';
import { compareDatasets, type DatasetComparison, sameAsBackup } from './compare.ts';
import { contentsOf, selectDatasets } from './contents.ts';
import { isSameStream } from './same-stream.ts';
import { refuseUnknown, withSpecial } from './special-options.ts';

/** How a restore is done. */
export interface RestoreJobOptions extends RestoreOptions, SpecialRestoreOptions {
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** What was restored, and how it compares. */
export interface RestoreResult {
  readonly key: BackupKey;
  readonly plan: RestorePlan;
  /** Empty if nothing was compared. */
  readonly comparison: readonly DatasetComparison[];
  /** False: nobody looked whether the target holds what the backup does. */
  readonly isCompared: boolean;
  /** What could not be restored; `comparison` leaves out these datasets. */
  readonly failures: readonly RestoreFailure[];
  readonly records: number;
  readonly plainBytes: number;
  /** Time of the restore alone: until the target could be used. */
  readonly restoreMs: number;
  readonly compareMs: number;
}

/** Reads the backup and the target, writes nothing. */
export async function planRestore(
  repository: Repository,
  key: BackupKey,
  target: Target,
  given: RestoreJobOptions,
): Promise<RestorePlan> {
  const options = withSpecial(given);
  refuseUnknown(target, options);
  const reader = await openFor(repository, key, target, options.signal);
  return target.plan(contentsOf(reader), options, options.signal);
}

/**
 * Plans, restores, then reads the target back and compares every dataset with the backup.
 *
 * @throws E_TARGET_NOT_EMPTY, nothing changed; E_RESTORE_DIFFERS, naming datasets, after the restore
 */
export async function restoreBackup(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: RestoreJobOptions,
): Promise<RestoreResult> {
  const result = await restoreAndCompare(repository, key, target, options);
  refuseUnequal(result, target);
  return result;
}

/** As `restoreBackup`, but differences and failures of objects are values. */
export async function restoreAndCompare(
  repository: Repository,
  key: BackupKey,
  target: Target,
  given: RestoreJobOptions,
): Promise<RestoreResult> {
  const options = withSpecial(given);
  const { signal, onProgress = () => {} } = options;
  const began = performance.now();
  refuseUnknown(target, options);
  onProgress({ kind: 'phase', phase: 'plan' });
  const reader = await repository.openWarm(() => openFor(repository, key, target, signal));
  // The backup's side of the comparison is computed while its records pass by.
  const digests = new Map<string, RecordDigest>();
  const contents = isComparing(options, target)
    ? contentsOf(reader, (dataset) => digestFor(digests, dataset))
    : contentsOf(reader);
  const opened = performance.now();
  const result = await writeAndCompare(repository, { key, contents, digests, target, reader }, options);
  return { ...result, restoreMs: result.restoreMs + Math.round(opened - began) };
}

/** A backup that is open for a restore. */
export interface ContentsToRestore {
  readonly key: BackupKey;
  readonly contents: BackupContents;
  /** Filled while the contents are read; empty without `reader`. */
  readonly digests: ReadonlyMap<string, RecordDigest>;
  readonly target: Target;
  /** The backup whose chunks hold the contents, byte for byte; undefined if there is none. */
  readonly reader: BackupReader | undefined;
}

/** The part of a restore that does not depend on where the records come from. @throws as `restoreBackup` */
export async function restoreContents(
  repository: Repository,
  contents: ContentsToRestore,
  options: RestoreJobOptions,
): Promise<RestoreResult> {
  const result = await writeAndCompare(repository, contents, options);
  refuseUnequal(result, contents.target);
  return result;
}

async function writeAndCompare(
  repository: Repository,
  { key, contents, digests, target, reader }: ContentsToRestore,
  given: RestoreJobOptions,
): Promise<RestoreResult> {
  const options = withSpecial(given);
  const { signal, onProgress = () => {} } = options;
  const began = performance.now();
  const planned = await target.plan(contents, options, signal);
  const plainBytes = planned.datasets.reduce((sum, dataset) => sum + dataset.plainBytes, 0);
  onProgress({ kind: 'total', plainBytes, datasets: planned.datasets.length });
  onProgress({ kind: 'phase', phase: 'write' });
  const failures: RestoreFailure[] = [];
  const onFailure = (failure: RestoreFailure) => {
    failures.push(failure);
    onProgress({ kind: 'warning', code: 'not-restored', message: failure.message });
  };
  try {
    await target.restore(contents, planned, { ...options, onProgress, onFailure, signal });
  } catch (error) {
    throw sayHowToGoOn(
      error,
      planned.goOn ?? 'The target may hold a part of the backup: run it again with --replace.',
    );
  }
  const restored = performance.now();
  const isWhole = ({ name }: StoredDataset) => !failures.some(({ dataset }) => dataset === name);
  const plan = { ...planned, compare: planned.compare.filter(isWhole) };
  const isCompared = isComparing(options, target);
  const comparison = isCompared
    ? await compareWritten(repository, { reader, contents, target, digests, plan, onProgress, signal })
    : [];
  const records = plan.datasets.reduce((sum, dataset) => sum + dataset.records, 0);
  const restoreMs = Math.round(restored - began);
  const compareMs = Math.round(performance.now() - restored);
  return { key, plan, comparison, isCompared, failures, records, plainBytes, restoreMs, compareMs };
}

function isComparing({ compare = 'all' }: RestoreJobOptions, { comparesItself }: Target): boolean {
  return comparesItself || compare === 'all';
}

/** The comparison of everything, by the target itself while it wrote, or by reading it back now. */
async function compareWritten(
  repository: Repository,
  about: Parameters<typeof compareTarget>[1],
): Promise<readonly DatasetComparison[]> {
  const { target, plan, reader, contents } = about;
  if (target.comparesItself) return plan.compare.map(sameAsBackup);
  try {
    // Reading for the comparison must not update the digests again.
    return await compareTarget(repository, { ...about, contents: reader ? contentsOf(reader) : contents });
  } catch (error) {
    throw sayHowToGoOn(
      error,
      'Everything was written, but not compared with the backup: to be sure, run it again with --replace.',
    );
  }
}

/** An interrupted backup leaves nothing; an interrupted restore may. */
function sayHowToGoOn(error: unknown, hint: string): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_LOST') && !isHoldfastError(error, 'E_ABORTED')) return error;
  return new HoldfastError(error.code, error.message, { cause: error, details: error.details, hint });
}

/** A backup as the target can take it. */
export async function openFor(
  repository: Repository,
  key: BackupKey,
  target: Target,
  signal: AbortSignal,
): Promise<BackupReader> {
  const reader = await repository.openBackup(key, signal);
  const { kind } = reader.manifest.source;
  if (kind === target.kind || pluginNamed(target.kind)?.takesEveryKind) return reader;
  throw new HoldfastError(
    'E_USAGE',
    `${key} is from a ${kind} source; it cannot be restored to ${target.name}`,
    {
      hint: `Give a target of kind ${kind}, or a folder.`,
    },
  );
}

function digestFor(digests: Map<string, RecordDigest>, dataset: StoredDataset): RecordDigest | undefined {
  // Partitions are written in parallel: only a single one keeps its order, and is compared byte by byte.
  if (dataset.kind !== 'data' || dataset.partitions.length === 1) return undefined;
  let digest = digests.get(dataset.name);
  if (!digest) {
    digest = new RecordDigest();
    digests.set(dataset.name, digest);
  }
  return digest;
}

async function compareTarget(
  repository: Repository,
  options: {
    readonly reader: BackupReader | undefined;
    readonly contents: BackupContents;
    readonly target: Target;
    readonly digests: ReadonlyMap<string, RecordDigest>;
    readonly plan: RestorePlan;
    readonly onProgress: OnProgress;
    readonly signal: AbortSignal;
  },
): Promise<DatasetComparison[]> {
  const { reader, target, digests, plan, onProgress, signal } = options;
  const { compare: datasets, comparison } = plan;
  onProgress({ kind: 'phase', phase: 'compare' });
  const contents = comparison?.contents ?? options.contents;
  // What was read more than once, or not to its end, is read again.
  const whole = datasets.filter(({ name, records }) => digests.get(name)?.records === records);
  const source = comparison?.source ?? target.asSource(datasets);
  await using view = await source.open(signal);
  return await compareDatasets({
    repository,
    contents,
    datasets: selectDatasets(
      contents,
      datasets.filter(({ kind }) => kind === 'data').map(({ name }) => name),
    ),
    digests: new Map(whole.map(({ name }) => [name, digests.get(name) as RecordDigest])),
    view,
    isSame: async (dataset, live) =>
      !comparison &&
      reader !== undefined &&
      isSameStream(dataset, live, { repository, reader, view, signal }),
    maxReaders: source.capabilities.maxReaders,
    onDataset: ({ dataset, targetRecords }) =>
      onProgress({ kind: 'dataset', dataset, records: targetRecords, plainBytes: 0 }),
    signal,
  });
}

const MOST_NAMED = 20;

/** @throws E_RESTORE_DIFFERS, E_RESTORE_INCOMPLETE */
export function refuseUnequal(result: RestoreResult, target: Target): void {
  const different = result.comparison.filter(({ equal }) => !equal);
  if (different.length === 0) {
    refuseFailures(result, target);
    return;
  }
  const named = different.map(
    ({ dataset, missing, unexpected }) => `${dataset} (${missing} records missing, ${unexpected} unexpected)`,
  );
  const failed = result.failures.length === 0 ? '' : `; besides, ${describeFailures(result.failures)}`;
  throw new HoldfastError(
    'E_RESTORE_DIFFERS',
    `${target.name} differs from the backup in ${named.join(', ')}${failed}`,
    {
      hint: 'Check whether something else writes to the target, then restore again with --replace.',
    },
  );
}

/** @throws E_RESTORE_INCOMPLETE */
export function refuseFailures({ failures, comparison, isCompared }: RestoreResult, target: Target): void {
  if (failures.length === 0) return;
  const compared = isCompared
    ? `${plural(comparison.length, 'dataset')} of ${target.name} compared with the backup, all equal`
    : `nothing of ${target.name} was compared with the backup`;
  throw new HoldfastError('E_RESTORE_INCOMPLETE', `${compared}; ${describeFailures(failures)}`, {
    details: { failures: failures.length, compared: comparison.length },
    hint: 'Make these objects by hand, or fix the cause and restore again with --replace.',
  });
}

function describeFailures(failures: readonly RestoreFailure[]): string {
  const named = failures.slice(0, MOST_NAMED).map(({ message }) => message);
  const more = failures.length > MOST_NAMED ? `; and ${failures.length - MOST_NAMED} more` : '';
  return `${plural(failures.length, 'object')} could not be restored: ${named.join('; ')}${more}`;
}

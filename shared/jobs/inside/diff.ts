import { HoldfastError } from '../../core/errors.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { RowColumn, RowShape, ValueForm } from '../../sources/rows.ts';
import { selectDatasets } from '../restore/contents.ts';
import { comparedRows } from './compared-rows.ts';
import { runsInBoth, runsOf, runsWithout } from './record-runs.ts';
import { type RowChange, rowChanges, type TwoVersions } from './row-changes.ts';
import { rowShapeOf } from './row-shape.ts';
import { backupVersion, type Version } from './version.ts';

/** A dataset of two backups, or of a backup and a database, and what differs. */
export interface DatasetDiff {
  readonly dataset: string;
  readonly kind: 'schema' | 'data';
  /** Whether both have it. */
  readonly isIn: 'both' | 'first' | 'second';
  /** Of the rows of `changes`: those that both have. */
  readonly columns: readonly RowColumn[];
  /** Names of the key's columns; empty if rows are told apart by all that they hold. */
  readonly key: readonly string[];
  /** Columns that only the second has. */
  readonly addedColumns: readonly string[];
  /** Columns that only the first has. */
  readonly removedColumns: readonly string[];
  /** The rows that differ; all are read again each time. @throws E_DAMAGED, E_STORE_*, E_SOURCE_*, E_ABORTED */
  changes(): AsyncIterable<RowChange>;
}

/** What is compared. */
export interface DiffOptions {
  /** Names; all datasets, definitions too, when undefined. */
  readonly datasets?: readonly string[] | undefined;
  /** Bytes of differing rows to hold at once. @default 64 MiB */
  readonly mostHeldBytes?: number | undefined;
  /** How values are given. @default 'shown' */
  readonly form?: ValueForm;
  readonly signal: AbortSignal;
}

interface Side {
  readonly version: Version;
  readonly dataset: StoredDataset | undefined;
}

/**
 * Compares two backups, dataset by dataset, in the order of the second one. Chunks that both share are not read, and of trees
 * that both share not even the nodes.
 *
 * @throws E_NO_DATASET for a name that neither backup has; E_USAGE for backups of different kinds of databases
 */
export function diffBackups(
  first: BackupReader,
  second: BackupReader,
  options: DiffOptions,
): AsyncGenerator<DatasetDiff> {
  return diffVersions(backupVersion(first), backupVersion(second), options);
}

/**
 * The same, when one version or both may be a database as it is now: then both are read whole. After reading everything, the caller
 * asks the versions to `check` that they held.
 *
 * @throws as `diffBackups`, and E_SOURCE_*
 */
export async function* diffVersions(
  first: Version,
  second: Version,
  options: DiffOptions,
): AsyncGenerator<DatasetDiff> {
  const [a, b] = [first.contents, second.contents];
  if (a.sourceKind !== b.sourceKind)
    throw new HoldfastError(
      'E_USAGE',
      `${first.name} is of kind ${a.sourceKind}, ${second.name} of kind ${b.sourceKind}: they cannot be compared`,
      { hint: 'Compare backups of one source, or of two of the same kind.' },
    );
  for (const name of namesOf(a, b, options.datasets)) {
    const side = (version: Version): Side => ({
      version,
      dataset: version.contents.datasets.find((one) => one.name === name),
    });
    yield await diffDataset(name, side(first), side(second), options);
  }
}

function namesOf(a: BackupContents, b: BackupContents, chosen: readonly string[] | undefined): Set<string> {
  const all = [...b.datasets, ...a.datasets];
  if (chosen)
    selectDatasets({ ...b, datasets: all.map((one) => ({ ...one, kind: 'data' as const })) }, chosen);
  return new Set(chosen ?? all.map(({ name }) => name));
}

async function diffDataset(
  name: string,
  a: Side,
  b: Side,
  { mostHeldBytes, form, signal }: DiffOptions,
): Promise<DatasetDiff> {
  const shapeOf = ({ version, dataset }: Side) =>
    dataset && rowShapeOf(version.contents, dataset, signal, form);
  const shapes = await Promise.all([shapeOf(a), shapeOf(b)]);
  const [before = shapes[1], after = shapes[0]] = shapes as [RowShape?, RowShape?];
  if (!before || !after) throw new HoldfastError('E_INTERNAL', `neither has ${name}`);
  const rows = comparedRows(before, after);
  const only = (one: RowShape, other: RowShape) =>
    one.columns
      .filter(({ name: own }) => !other.columns.some((column) => column.name === own))
      .map((column) => column.name);
  return {
    dataset: name,
    kind: (b.dataset ?? a.dataset)?.kind ?? 'data',
    isIn: a.dataset && b.dataset ? 'both' : a.dataset ? 'first' : 'second',
    columns: rows.columns,
    key: rows.key.map((place) => rows.columns[place]?.name ?? ''),
    addedColumns: only(after, before),
    removedColumns: only(before, after),
    changes: () =>
      rowChanges(() => whatDiffers(name, [a, b], { canSkip: rows.isSame, signal }), rows, mostHeldBytes),
  };
}

/**
 * The records of chunks that are not in both, partition by partition; all records if equal ones may mean different rows, or if one
 * of the two has no chunks.
 */
async function whatDiffers(
  name: string,
  [a, b]: readonly [Side, Side],
  { canSkip, signal }: { readonly canSkip: boolean; readonly signal: AbortSignal },
): Promise<TwoVersions> {
  const [before, after] = [a.version.reader, b.version.reader];
  if (!canSkip || !before || !after)
    return { before: () => readAll(a, signal), after: () => readAll(b, signal) };
  const partitions = [...new Set([...partitionsOf(a), ...partitionsOf(b)])].filter(
    (partition) => !isSameTree(before.root(name, partition), after.root(name, partition)),
  );
  const shared = new Map<string, ReadonlyMap<string, number>>();
  for (const partition of partitions) {
    const of = { dataset: name, partition };
    shared.set(partition, await runsInBoth(runsOf(before, of, signal), runsOf(after, of, signal)));
  }
  const read = async function* (reader: BackupReader) {
    for (const partition of partitions) {
      const runs = runsOf(reader, { dataset: name, partition }, signal);
      yield* reader.readChunks(runsWithout(runs, shared.get(partition) ?? new Map()), signal);
    }
  };
  return { before: () => read(before), after: () => read(after), mayKeepBlocks: true };
}

async function* readAll({ version, dataset }: Side, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (const partition of dataset?.partitions ?? [])
    yield* version.contents.read(dataset as StoredDataset, partition, signal);
}

function partitionsOf({ dataset }: Side): readonly string[] {
  return (dataset?.partitions ?? []).map((partition) => partition.name);
}

type Root = ReturnType<BackupReader['root']>;

/** A node's id covers all below it. */
function isSameTree(a: Root, b: Root): boolean {
  return a === null || b === null ? a === b : a.id === b.id;
}

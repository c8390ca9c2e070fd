import { HoldfastError } from '../../core/errors.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { RowColumn, RowShape } from '../../sources/rows.ts';
import { contentsOf, selectDatasets } from '../restore/contents.ts';
import { runsInBoth, runsOf, runsWithout } from './record-runs.ts';
import { type RowChange, rowChanges, type TwoVersions } from './row-changes.ts';
import { rowShapeOf } from './row-shape.ts';
import { rowTexts } from './row-texts.ts';

/** A dataset of two backups, and what differs. */
export interface DatasetDiff {
  readonly dataset: string;
  readonly kind: 'schema' | 'data';
  /** Whether both backups have it. */
  readonly isIn: 'both' | 'first' | 'second';
  /** Of the rows of `changes`: those that both have. */
  readonly columns: readonly RowColumn[];
  /** Names of the key's columns; empty if rows are told apart by all that they hold. */
  readonly key: readonly string[];
  /** Columns that only the second backup has. */
  readonly addedColumns: readonly string[];
  /** Columns that only the first backup has. */
  readonly removedColumns: readonly string[];
  /** The rows that differ; may be asked for once. @throws E_DAMAGED, E_STORE_*, E_ABORTED */
  changes(): AsyncIterable<RowChange>;
}

/** What is compared. */
export interface DiffOptions {
  /** Names; all datasets, definitions too, when undefined. */
  readonly datasets?: readonly string[] | undefined;
  /** Bytes of differing rows to hold at once. @default 64 MiB */
  readonly mostHeldBytes?: number | undefined;
  readonly signal: AbortSignal;
}

interface Side {
  readonly reader: BackupReader;
  readonly contents: BackupContents;
  readonly dataset: StoredDataset | undefined;
}

/**
 * Compares two backups, dataset by dataset, in the order of the second one. Chunks that both share are not read, and of trees
 * that both share not even the nodes.
 *
 * @throws E_NO_DATASET for a name that neither backup has; E_USAGE for backups of different kinds of databases
 */
export async function* diffBackups(
  first: BackupReader,
  second: BackupReader,
  { datasets, mostHeldBytes, signal }: DiffOptions,
): AsyncGenerator<DatasetDiff> {
  const [a, b] = [contentsOf(first), contentsOf(second)];
  for (const name of namesOf(a, b, datasets)) {
    const side = (reader: BackupReader, contents: BackupContents): Side => ({
      reader,
      contents,
      dataset: contents.datasets.find((one) => one.name === name),
    });
    yield await diffDataset(name, side(first, a), side(second, b), { mostHeldBytes, signal });
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
  { mostHeldBytes, signal }: Pick<DiffOptions, 'mostHeldBytes' | 'signal'>,
): Promise<DatasetDiff> {
  const shapeOf = ({ contents, dataset }: Side) => dataset && rowShapeOf(contents, dataset, signal);
  const shapes = [await shapeOf(a), await shapeOf(b)];
  const [before = shapes[1], after = shapes[0]] = shapes as [RowShape?, RowShape?];
  if (!before || !after) throw new HoldfastError('E_INTERNAL', `neither backup has ${name}`);
  const texts = rowTexts(before, after);
  const only = (one: RowShape, other: RowShape) =>
    one.columns
      .filter(({ name: own }) => !other.columns.some((column) => column.name === own))
      .map((column) => column.name);
  return {
    dataset: name,
    kind: (b.dataset ?? a.dataset)?.kind ?? 'data',
    isIn: a.dataset && b.dataset ? 'both' : a.dataset ? 'first' : 'second',
    columns: texts.columns,
    key: texts.key.map((place) => texts.columns[place]?.name ?? ''),
    addedColumns: only(after, before),
    removedColumns: only(before, after),
    async *changes() {
      yield* rowChanges(
        await whatDiffers(name, [a, b], { canSkip: texts.isSame, signal }),
        texts,
        mostHeldBytes,
      );
    },
  };
}

/** The records of chunks that are not in both, partition by partition; all records if equal ones may mean different rows. */
async function whatDiffers(
  name: string,
  [a, b]: readonly [Side, Side],
  { canSkip, signal }: { readonly canSkip: boolean; readonly signal: AbortSignal },
): Promise<TwoVersions> {
  const partitionsOf = ({ dataset }: Side) => (dataset?.partitions ?? []).map((partition) => partition.name);
  const partitions = [...new Set([...partitionsOf(a), ...partitionsOf(b)])].filter(
    (partition) => !canSkip || !isSameTree(a.reader.root(name, partition), b.reader.root(name, partition)),
  );
  const shared = new Map<string, ReadonlyMap<string, number>>();
  for (const partition of canSkip ? partitions : []) {
    const of = { dataset: name, partition };
    shared.set(partition, await runsInBoth(runsOf(a.reader, of, signal), runsOf(b.reader, of, signal)));
  }
  const read = async function* ({ reader }: Side) {
    for (const partition of partitions) {
      const runs = runsOf(reader, { dataset: name, partition }, signal);
      yield* reader.readChunks(runsWithout(runs, shared.get(partition) ?? new Map()), signal);
    }
  };
  return { before: () => read(a), after: () => read(b) };
}

type Root = ReturnType<BackupReader['root']>;

/** A node's id covers all below it. */
function isSameTree(a: Root, b: Root): boolean {
  return a === null || b === null ? a === b : a.id === b.id;
}

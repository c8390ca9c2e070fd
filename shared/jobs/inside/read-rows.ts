import { HoldfastError } from '../../core/errors.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { type Fields, type RowColumn, type RowShape, splitRecords } from '../../sources/rows.ts';
import { contentsOf, selectDatasets } from '../restore/contents.ts';
import { parseCondition, placesOf } from './conditions.ts';
import { nearContents, type OnWarning } from './near-contents.ts';
import { rowShapeOf } from './row-shape.ts';
import { keysWhere } from './wanted-keys.ts';

/** Which rows of a backup are read. */
export interface RowsOptions {
  /** Name of the dataset. @default the only one with data */
  readonly dataset?: string | undefined;
  /** Conditions that must all hold: conditions.ts. */
  readonly where?: readonly string[] | undefined;
  /** Names of columns, in the order in which they are wanted. @default all */
  readonly columns?: readonly string[] | undefined;
  /** Told if rows cannot be found by their keys, so that all are read. */
  readonly onWarning?: OnWarning | undefined;
  readonly signal: AbortSignal;
}

/** Rows of a dataset. */
export interface RowsOfBackup {
  readonly dataset: string;
  readonly columns: readonly RowColumn[];
  /** In the order of the backup. Who stops asking stops the reading. @throws E_DAMAGED, E_STORE_*, E_ABORTED */
  rows(): AsyncGenerator<Fields>;
}

/**
 * Reads rows of a backup where it lies: nothing is restored, nothing put on a disk. Of a table whose key the conditions name, only
 * chunks that may hold it are read.
 *
 * @throws E_NO_DATASET; E_USAGE for a condition or a column that cannot be
 */
export function readRows(reader: BackupReader, options: RowsOptions): Promise<RowsOfBackup> {
  return rowsOf(contentsOf(reader), options, (contents, dataset, shape) => {
    const ranges = keysWhere(dataset, shape, options.where ?? []);
    return nearContents(reader, contents, { dataset, ranges, onWarning: options.onWarning });
  });
}

type Narrow = (contents: BackupContents, dataset: StoredDataset, shape: RowShape) => BackupContents;

/** The same of contents that may also be those of a database. @throws as `readRows`, E_SOURCE_* */
export async function rowsOf(
  contents: BackupContents,
  { dataset: name, where = [], columns: chosen, signal }: RowsOptions,
  narrow: Narrow = (all) => all,
): Promise<RowsOfBackup> {
  const dataset = chosenDataset(contents, name);
  const shape = await rowShapeOf(contents, dataset, signal);
  const { columns, parse } = shape;
  const tests = where.map((text) => parseCondition(text, columns));
  const places = chosen && placesOf(chosen, { columns });
  const near = narrow(contents, dataset, shape);
  return {
    dataset: dataset.name,
    columns: places ? places.flatMap((place) => columns[place] ?? []) : columns,
    async *rows() {
      for (const partition of dataset.partitions) {
        for await (const record of splitRecords(near.read(dataset, partition, signal))) {
          const fields = parse(record);
          if (!tests.every((test) => test(fields))) continue;
          yield places ? places.map((place) => fields[place] ?? null) : fields;
        }
      }
    },
  };
}

/** The named one, or the only one with data. @throws E_NO_DATASET, E_USAGE if there are several */
export function chosenDataset(contents: BackupContents, name: string | undefined): StoredDataset {
  return name === undefined ? onlyDataset(contents) : datasetNamed(contents, name);
}

/** One of the datasets of a backup, definitions too. @throws E_NO_DATASET */
export function datasetNamed(contents: BackupContents, name: string): StoredDataset {
  const found = contents.datasets.find((dataset) => dataset.name === name);
  if (found) return found;
  const [chosen] = selectDatasets(contents, [name]);
  return chosen as StoredDataset;
}

function onlyDataset(contents: BackupContents): StoredDataset {
  const [only, ...others] = selectDatasets(contents, undefined);
  if (only && others.length === 0) return only;
  const some = [only, ...others].slice(0, 5).flatMap((dataset) => dataset?.name ?? []);
  throw new HoldfastError('E_USAGE', `the backup has ${others.length + (only ? 1 : 0)} datasets`, {
    hint: `Name one with --dataset${some.length > 0 ? `, such as ${some.join(', ')}` : ''}.`,
  });
}

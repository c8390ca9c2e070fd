import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { KeyRanges } from '../../format/key-ranges.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { StoredDataset } from '../../sources/contents.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import { type Fields, type RowColumn, type RowShape, splitRecords } from '../../sources/rows.ts';
import { contentsOf } from '../restore/contents.ts';
import { compareValues, isNumberText } from './compare-values.ts';
import { type OnWarning, warningOf } from './near-contents.ts';
import { datasetNamed } from './read-rows.ts';
import { type MarkedRun, markedRuns, runsOf } from './record-runs.ts';
import { rowMoments } from './row-moments.ts';
import { rowShapeOf } from './row-shape.ts';
import { keysAmong } from './wanted-keys.ts';

/** A row as some backups, one after the other, have it, or as a transaction between them left it. */
export interface RowVersion {
  /** The first backup that has it so; of a moment, the backup before it. */
  readonly key: BackupKey;
  /** The transaction that made it so; undefined if only backups say it. */
  readonly moment?: { readonly transaction: string; readonly committedAt: string };
  readonly columns: readonly RowColumn[];
  /** Null if the row is not there, or its dataset is not. */
  readonly row: Fields | null;
}

/** Which row. */
export interface HistoryOptions {
  /** Backups of one source, oldest first. */
  readonly backups: readonly BackupKey[];
  readonly dataset: string;
  /** Values of the key's columns, in their order. */
  readonly rowKey: readonly string[];
  /** Also what transactions between backups made of it, as far as changes of that kind are stored. @default not */
  readonly changes?: ChangePlugin | undefined;
  /** Told why versions between backups are not known, and if the row cannot be found by its key, so that all rows are read. */
  readonly onWarning?: OnWarning | undefined;
  /** Told of each backup before it is read. */
  readonly onBackup?: (key: BackupKey) => void;
  readonly signal: AbortSignal;
}

/**
 * Every version of a row over backups: the first backup's, and then each that differs from the one before it. Of a later backup only
 * chunks are read that the one before it lacks. With `changes` all stored changes between them are read.
 *
 * @throws E_NO_DATASET if no backup has the dataset; E_USAGE for a dataset whose rows have no key, or a key of another form
 */
export async function* rowHistory(
  repository: Repository,
  options: HistoryOptions,
): AsyncGenerator<RowVersion> {
  const { backups, dataset, rowKey, onBackup, onWarning, signal } = options;
  let before: Seen | undefined;
  let known: string | undefined;
  let wasSeen = false;
  for (const [i, key] of backups.entries()) {
    onBackup?.(key);
    const reader = await repository.openBackup(key, signal);
    const now = await look(reader, { dataset, rowKey, before, onWarning, signal });
    wasSeen ||= now.isThere;
    if (text(now) !== known) yield { key, columns: now.columns, row: now.row };
    known = text(now);
    before = now;
    if (!now.isThere || !reader.catalog.join) continue;
    for await (const version of between(repository, { ...options, key, to: backups[i + 1] }, now)) {
      yield version;
      known = text(version);
    }
  }
  if (wasSeen || backups.length === 0) return;
  throw new HoldfastError('E_NO_DATASET', `no backup has a dataset '${dataset}'`, {
    hint: '`holdfast show KEY` lists the datasets of a backup.',
  });
}

/** Versions that transactions made after a base; what is not known of them is a warning. */
async function* between(
  repository: Repository,
  {
    key,
    to,
    changes,
    onWarning = () => {},
    ...of
  }: HistoryOptions & { readonly key: BackupKey; readonly to: BackupKey | undefined },
  { columns, row }: Seen,
): AsyncGenerator<RowVersion> {
  if (!changes) return;
  try {
    for await (const moment of rowMoments(repository, { ...of, changes, from: key, to, row })) {
      const { transaction, committedAt } = moment;
      yield { key, moment: { transaction, committedAt }, columns, row: moment.row };
    }
  } catch (error) {
    if (!isHoldfastError(error) || !['E_NO_MOMENT', 'E_SOURCE_UNSUPPORTED'].includes(error.code)) throw error;
    onWarning(`versions after ${key} are not known to the transaction: ${error.message}`);
  }
}

interface Seen {
  readonly isThere: boolean;
  readonly columns: readonly RowColumn[];
  readonly row: Fields | null;
  /** The run of chunks that the row is in. */
  readonly run?: string;
  readonly runs: ReadonlySet<string>;
}

interface Look {
  readonly dataset: string;
  readonly rowKey: readonly string[];
  readonly before: Seen | undefined;
  readonly onWarning: OnWarning | undefined;
  readonly signal: AbortSignal;
}

async function look(
  reader: BackupReader,
  { dataset: name, rowKey, before, onWarning, signal }: Look,
): Promise<Seen> {
  const contents = contentsOf(reader);
  if (!contents.datasets.some((one) => one.name === name))
    return { isThere: false, columns: [], row: null, runs: new Set() };
  const dataset = datasetNamed(contents, name);
  const shape = await rowShapeOf(contents, dataset, signal);
  refuseOtherKeys(shape, rowKey, name);
  const known = before && names(before.columns) === names(shape.columns) ? before : undefined;
  const findIn = async (run: MarkedRun) => {
    if (known?.runs.has(run.id)) return known.run === run.id ? known.row : null;
    if (!run.isNear) return null;
    return findRow(reader.readChunks(once(run), signal), shape, rowKey);
  };
  const runs = new Set<string>();
  let found: { readonly row: Fields | null; readonly run?: string } = { row: null };
  const near = { ranges: keysAmong(dataset, shape, [rowKey]), onWarning };
  for await (const run of runsOfAll(reader, dataset, near, signal)) {
    runs.add(run.id);
    const row = found.row ? null : await findIn(run);
    if (row) found = { row, run: run.id };
  }
  return { isThere: true, columns: shape.columns, runs, ...found };
}

async function* runsOfAll(
  reader: BackupReader,
  { name: dataset, partitions }: StoredDataset,
  near: { readonly ranges: KeyRanges | undefined; readonly onWarning: OnWarning | undefined },
  signal: AbortSignal,
): AsyncGenerator<MarkedRun> {
  const { ranges, onWarning = () => {} } = near;
  const onDamage = warningOf(onWarning);
  for (const { name: partition } of partitions) {
    if (ranges) yield* markedRuns(reader, { dataset, partition, ranges, onDamage, signal });
    else
      for await (const run of runsOf(reader, { dataset, partition }, signal)) yield { ...run, isNear: true };
  }
}

function refuseOtherKeys({ columns, key }: RowShape, rowKey: readonly string[], name: string): void {
  const wanted = key.map((place) => columns[place]?.name ?? '');
  if (key.length === rowKey.length && key.length > 0) {
    const wrong = key.findIndex((place, i) => columns[place]?.isNumber && !isNumberText(rowKey[i] ?? ''));
    if (wrong < 0) return;
    throw new HoldfastError(
      'E_USAGE',
      `${wanted[wrong]} is ${columns[key[wrong] ?? 0]?.type}; '${rowKey[wrong]}' is not a number`,
      { hint: `Give the key as the database writes it; holdfast rows KEY -d ${name} shows some.` },
    );
  }
  if (wanted.length === 0)
    throw new HoldfastError('E_USAGE', `the rows of ${name} have no primary key`, {
      hint: `Look for them in one backup: holdfast rows KEY -d ${name} --where …`,
    });
  throw new HoldfastError(
    'E_USAGE',
    `the key of ${name} is (${wanted.join(', ')}), got ${rowKey.length} of ${wanted.length} values`,
    { hint: `Give them in that order: ${wanted.map((column) => `--key ${column.toUpperCase()}`).join(' ')}` },
  );
}

async function findRow(
  blocks: AsyncIterable<Uint8Array>,
  { columns, key, parse }: RowShape,
  rowKey: readonly string[],
): Promise<Fields | null> {
  const isNumber = key.map((place) => columns[place]?.isNumber ?? false);
  for await (const record of splitRecords(blocks)) {
    const fields = parse(record);
    const order = (place: number, i: number) =>
      compareValues(fields[place] ?? null, rowKey[i] ?? null, isNumber[i] ?? false);
    if (key.every((place, i) => order(place, i) === 0)) return fields;
  }
  return null;
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}

function names(columns: readonly RowColumn[]): string {
  return JSON.stringify(columns.map(({ name }) => name));
}

function text({ row, columns }: Pick<Seen, 'row' | 'columns'>): string {
  return JSON.stringify(row && columns.map(({ name }, i) => [name, row[i]]));
}

import { HoldfastError } from '../../../core/errors.ts';
import { MiB } from '../../../core/units.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { ChangeTransaction } from '../../../sources/changes.ts';
import { type Fields, splitRecords } from '../../../sources/rows.ts';
import { datasetNamed } from '../../inside/read-rows.ts';
import { rowShapeOf } from '../../inside/row-shape.ts';
import { contentsOf } from '../../restore/contents.ts';
import { type BaseAndStream, refuseUnsaid, rowsAfter, transactionsAfter } from '../base-and-stream.ts';
import { noMoment } from '../choose-moment.ts';
import { keyText, type StreamRow, type StreamRows } from '../proof/stream-rows.ts';

/** Rows that were changed between the backup and the transaction, in its datasets. */
const MOST_BEFORE_BYTES = 256 * MiB;

/** What a transaction made of a row. */
export interface TransactionRow {
  /** As it was before; null if it was not there. */
  readonly before: Fields | null;
  /** As the transaction left it; null if it removed it. Never both. */
  readonly after: Fields | null;
}

/** The rows of a dataset that a transaction changed, one each, in the order in which it first did. */
export interface TransactionDataset {
  readonly dataset: string;
  /** Names of the columns, and places of the key's among them. */
  readonly columns: readonly string[];
  readonly key: readonly number[];
  readonly rows: readonly TransactionRow[];
}

/** What a transaction did. */
export interface TransactionRows {
  readonly committedAt: string;
  readonly datasets: readonly TransactionDataset[];
}

/**
 * What a transaction did, row by row: rows are followed from the base up to it, so that old values are known that the stream does not
 * say.
 *
 * @param stream a base that lacks the transaction, and the changes up to it
 * @throws E_SOURCE_UNSUPPORTED for what cannot be undone row by row: an emptied table, one without a key, one that is newer than the
 *   base; E_USAGE if it is too much to be held; E_NO_MOMENT if the changes do not reach it; E_DAMAGED if the stream does not fit the base
 */
export async function rowsOfTransaction(
  repository: Repository,
  stream: BaseAndStream,
  id: string,
  signal: AbortSignal,
): Promise<TransactionRows> {
  const seen = { committedAt: '', datasets: new Set<string>() };
  const itself = noting(only(transactionsAfter(repository, stream, signal), id), seen);
  const changed = await rowsAfter(itself, stream);
  if (seen.committedAt === '')
    throw noMoment(
      stream.reader.manifest.source.name,
      { beforeTransaction: id },
      `the changes after ${stream.reader.manifest.key} do not reach it`,
    );
  refuseWhole(stream, seen.datasets, changed);
  refuseUnsaid(changed);
  const before = await rowsAfter(upTo(transactionsAfter(repository, stream, signal), id), stream, {
    mostBytes: MOST_BEFORE_BYTES,
    only: seen.datasets,
  });
  refuseUnsaid(before);
  const datasets: TransactionDataset[] = [];
  for (const [name, { rows }] of changed) {
    const found = await datasetRows(stream, { name, rows, before: before.get(name) }, signal);
    if (found.rows.length > 0) datasets.push(found);
  }
  return { committedAt: seen.committedAt, datasets };
}

async function* only(
  transactions: AsyncIterable<ChangeTransaction>,
  id: string,
): AsyncGenerator<ChangeTransaction> {
  for await (const transaction of transactions) {
    if (transaction.id !== id) {
      for await (const _ of transaction.changes);
      continue;
    }
    yield transaction;
    return;
  }
}

async function* upTo(
  transactions: AsyncIterable<ChangeTransaction>,
  id: string,
): AsyncGenerator<ChangeTransaction> {
  for await (const transaction of transactions) {
    if (transaction.id === id) return;
    yield transaction;
  }
}

async function* noting(
  transactions: AsyncIterable<ChangeTransaction>,
  seen: { committedAt: string; readonly datasets: Set<string> },
): AsyncGenerator<ChangeTransaction> {
  for await (const transaction of transactions) {
    seen.committedAt = transaction.committedAt;
    const changes = (async function* () {
      for await (const change of transaction.changes) {
        seen.datasets.add(change.dataset);
        yield change;
      }
    })();
    yield { ...transaction, changes };
  }
}

/** @throws E_SOURCE_UNSUPPORTED */
function refuseWhole(
  { shapes, reader }: BaseAndStream,
  datasets: ReadonlySet<string>,
  changed: ReadonlyMap<string, StreamRows>,
): void {
  for (const name of datasets) {
    const shape = shapes.get(name);
    const why = !shape
      ? `${name} is not in ${reader.manifest.key}, the backup before it`
      : changed.get(name)?.isEmptied
        ? `it emptied ${name} (TRUNCATE)`
        : shape.key.length === 0
          ? `${name} has no primary key, so its rows cannot be told apart`
          : undefined;
    if (why === undefined) continue;
    throw new HoldfastError('E_SOURCE_UNSUPPORTED', `the transaction cannot be reversed row by row: ${why}`, {
      hint: 'Restore the moment before it into another database, and compare: holdfast restore --before-transaction.',
    });
  }
}

async function datasetRows(
  stream: BaseAndStream,
  about: {
    readonly name: string;
    readonly rows: ReadonlyMap<string, StreamRow>;
    readonly before: StreamRows | undefined;
  },
  signal: AbortSignal,
): Promise<TransactionDataset> {
  const { name, rows, before } = about;
  const { columns, key } = stream.shapes.get(name) ?? { columns: [], key: [] };
  const inBase = before?.isEmptied ? new Map<string, Fields>() : await baseRows(stream, name, rows, signal);
  const found: TransactionRow[] = [];
  for (const [text, row] of rows) {
    const earlier = before?.rows.get(text);
    const was = earlier ? merged(earlier, inBase.get(text)) : (inBase.get(text) ?? null);
    if (!row.fits || earlier?.fits === false || row.isNew !== (was === null))
      throw new HoldfastError('E_DAMAGED', `the stored changes of ${name} do not lead to row ${text}`, {
        hint: 'Check whether changes were lost or doubled: holdfast pitr prove.',
      });
    const is = merged(row, was);
    if (JSON.stringify(was) !== JSON.stringify(is)) found.push({ before: was, after: is });
  }
  return { dataset: name, columns, key, rows: found };
}

/** What the stream does not say is as it was. */
function merged({ fields }: StreamRow, before: Fields | null | undefined): Fields | null {
  return fields?.map((field, i) => (field === undefined ? (before?.[i] ?? null) : field)) ?? null;
}

/** Rows of the base that the transaction changed, by their keys. */
async function baseRows(
  { reader, shapes }: BaseAndStream,
  name: string,
  wanted: ReadonlyMap<string, StreamRow>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Fields>> {
  const contents = contentsOf(reader);
  const dataset = datasetNamed(contents, name);
  const { parse } = await rowShapeOf(contents, dataset, signal);
  const keyed = shapes.get(name) ?? { columns: [], key: [] };
  const found = new Map<string, Fields>();
  for (const partition of dataset.partitions) {
    for await (const record of splitRecords(contents.read(dataset, partition, signal))) {
      const fields = parse(record);
      const text = keyText(keyed, fields) ?? '';
      if (wanted.has(text)) found.set(text, fields);
      if (found.size === wanted.size) return found;
    }
  }
  return found;
}

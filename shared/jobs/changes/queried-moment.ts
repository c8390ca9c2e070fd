import { KiB } from '../../core/units.ts';
import { pickFields } from '../../format/pick-fields.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { type Fields, type RowShape, splitRecords } from '../../sources/rows.ts';
import { type Queried, queriedBackup } from '../inside/query/queried.ts';
import { rowShapeOf } from '../inside/row-shape.ts';
import { contentsOf } from '../restore/contents.ts';
import { type BaseAndStream, refuseUnsaid } from './base-and-stream.ts';
import { type KeyedDataset, keyText, type StreamRow, type StreamRows } from './proof/stream-rows.ts';

const BLOCK_BYTES = 256 * KiB;
const NEWLINE = Buffer.from('\n');

/**
 * A base with changes on top, for a query: as the database was then, without restoring it. Datasets that the stream does not
 * cover are as in the base.
 *
 * @param changed what `rowsAfter` gave
 * @throws E_SOURCE_UNSUPPORTED if the stream says too little of a dataset
 */
export function queriedMoment(
  { reader, decoder, shapes }: BaseAndStream,
  changed: ReadonlyMap<string, StreamRows>,
): Queried {
  const base = queriedBackup(reader);
  const contents = contentsOf(reader);
  refuseUnsaid(changed);
  const datasets = base.datasets.map((dataset) => {
    const rows = changed.get(dataset.name);
    return rows ? { ...dataset, records: countOf(dataset, rows) } : dataset;
  });
  return {
    sourceKind: base.sourceKind,
    datasets,
    async *read(dataset, wanted, signal) {
      const rows = changed.get(dataset.name);
      const keyed = shapes.get(dataset.name);
      if (!rows || !keyed) {
        yield* base.read(dataset, wanted, signal);
        return;
      }
      const shape = await rowShapeOf(contents, dataset, signal);
      const records = recordsOf(
        contents,
        { dataset, shape, keyed, rows, recordOf: decoder.recordWriter(dataset) },
        signal,
      );
      const { places } = wanted;
      for await (const block of inBlocks(records)) yield places ? pickFields(block, places) : block;
    },
  };
}

/** A wrong number would be a wrong `count(*)`: which rows of the base go is known by their keys. */
function countOf({ records }: StoredDataset, { isEmptied, rows, counts }: StreamRows): number {
  let count = isEmptied ? 0 : records;
  for (const { fields, isNew } of rows.values()) {
    if (fields && (isNew || isEmptied)) count++;
    else if (!fields && !isNew && !isEmptied) count--;
  }
  for (const step of counts.values()) count += step;
  return count;
}

interface Changed {
  readonly dataset: StoredDataset;
  readonly shape: RowShape;
  readonly keyed: KeyedDataset;
  readonly rows: StreamRows;
  readonly recordOf: (fields: Fields) => Uint8Array;
}

async function* recordsOf(
  contents: BackupContents,
  { dataset, shape, keyed, rows, recordOf }: Changed,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const left = new Left(keyed, rows);
  for (const partition of rows.isEmptied ? [] : dataset.partitions) {
    for await (const record of splitRecords(contents.read(dataset, partition, signal))) {
      const fields = shape.parse(record);
      const now = left.take(fields);
      if (now === fields) yield record;
      else if (now) yield recordOf(now);
    }
  }
  for (const row of left.others()) yield recordOf(row);
}

/** What the stream made of rows that were not met yet. */
class Left {
  readonly #keyed: KeyedDataset;
  readonly #rows: Map<string, StreamRow>;
  readonly #counts: Map<string, number>;

  constructor(keyed: KeyedDataset, { rows, counts }: StreamRows) {
    this.#keyed = keyed;
    this.#rows = new Map(rows);
    this.#counts = new Map(counts);
  }

  /** A row of the base as it is now; itself if it did not change, null if it is gone. */
  take(fields: Fields): Fields | null {
    if (this.#keyed.key.length === 0) return this.#count(fields);
    const key = keyText(this.#keyed, fields) ?? '';
    const row = this.#rows.get(key);
    if (!row) return fields;
    this.#rows.delete(key);
    return row.fields && merged(row, fields);
  }

  #count(fields: Fields): Fields | null {
    const text = JSON.stringify(fields);
    const count = this.#counts.get(text) ?? 0;
    if (count >= 0) return fields;
    this.#counts.set(text, count + 1);
    return null;
  }

  /** Rows that the base lacks. */
  *others(): Generator<Fields> {
    for (const row of this.#rows.values()) if (row.fields) yield merged(row, []);
    for (const [text, count] of this.#counts)
      for (let i = 0; i < count; i++) yield JSON.parse(text) as Fields;
  }
}

/** What the stream does not say is as it was. */
function merged({ fields }: StreamRow, before: Fields): Fields {
  return (fields ?? []).map((field, i) => (field === undefined ? (before[i] ?? null) : field));
}

async function* inBlocks(records: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let [block, bytes]: [Uint8Array[], number] = [[], 0];
  for await (const record of records) {
    block.push(Buffer.from(record), NEWLINE);
    bytes += record.length + 1;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(block);
    [block, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(block);
}

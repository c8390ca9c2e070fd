import type { ChangeTransaction, RowChangeOfStream } from '../../../sources/changes.ts';
import { isDivisible, isInPart, type KeyPart } from '../../inside/key-parts.ts';

/** A field, or undefined if the stream does not say it: then it is what it was before. */
type StreamFields = readonly (string | null | undefined)[];

/** What the stream makes of one row. */
export interface StreamRow {
  /** How the row ends up; null if it is gone. */
  readonly fields: StreamFields | null;
  /** The stream made it: before, there was none of its key. */
  readonly isNew: boolean;
  /** Each change of it found what it needs: no row was made twice, and none changed that was gone. */
  readonly fits: boolean;
}

/** What the stream makes of a dataset. */
export interface StreamRows {
  /** All rows went; what is below came after. */
  isEmptied: boolean;
  /** By key: `KeyedDataset.keyText`. */
  readonly rows: Map<string, StreamRow>;
  /** Of a dataset without a key: rows as text, and how much more often they are there than before. */
  readonly counts: Map<string, number>;
  /** Why it cannot be followed; undefined if it can. */
  problem: string | undefined;
  /** A row got another key, and the stream does not say all that it holds. @default false */
  isUnsaid?: boolean;
}

/** How the rows of a dataset are told apart. */
export interface KeyedDataset {
  /** Names of the columns that are compared, in their order. */
  readonly columns: readonly string[];
  /** Places of the key's columns among these; empty if there is no key. */
  readonly key: readonly number[];
}

/** What a row takes besides its text. */
const ROW_BYTES = 200;
const KEY_NOT_SAID = 'the stream does not include the key of a row that it changed';
const ROW_NOT_SAID = 'it has no key, and the stream does not include what its rows were before';

/**
 * Follows all transactions, and says how every row ends up that they change.
 *
 * @returns undefined if that is more than `mostBytes`
 */
export async function followStream(
  transactions: AsyncIterable<ChangeTransaction>,
  datasets: ReadonlyMap<string, KeyedDataset>,
  { part, mostBytes }: { readonly part: KeyPart; readonly mostBytes: number },
): Promise<
  { readonly byDataset: ReadonlyMap<string, StreamRows>; readonly transactions: number } | undefined
> {
  const follower = new Follower(datasets, part);
  let count = 0;
  for await (const { changes } of transactions) {
    count++;
    for await (const change of changes) {
      follower.take(change);
      if (follower.bytes > mostBytes && follower.held > 1 && isDivisible(part)) return undefined;
    }
  }
  return { byDataset: follower.byDataset, transactions: count };
}

/** Of a dataset that the stream did not change. */
export function noRows(): StreamRows {
  return { isEmptied: false, rows: new Map(), counts: new Map(), problem: undefined };
}

class Follower {
  readonly byDataset = new Map<string, StreamRows>();
  bytes = 0;
  /** Rows; of one that is too large no part is smaller. */
  held = 0;
  readonly #datasets: ReadonlyMap<string, KeyedDataset>;
  readonly #part: KeyPart;

  constructor(datasets: ReadonlyMap<string, KeyedDataset>, part: KeyPart) {
    this.#datasets = datasets;
    this.#part = part;
  }

  take(change: RowChangeOfStream): void {
    const dataset = this.#datasets.get(change.dataset);
    if (!dataset) return;
    const rows = this.#rowsOf(change.dataset);
    if (change.unsaid !== undefined) rows.problem ??= change.unsaid;
    else if (change.kind === 'truncate') {
      rows.rows.clear();
      rows.counts.clear();
      rows.isEmptied = true;
    } else if (dataset.key.length === 0) this.#count(rows, dataset, change);
    else this.#follow(rows, dataset, change);
  }

  #rowsOf(name: string): StreamRows {
    const rows = this.byDataset.get(name);
    if (rows) return rows;
    const made = noRows();
    this.byDataset.set(name, made);
    return made;
  }

  #follow(rows: StreamRows, dataset: KeyedDataset, change: RowChangeOfStream): void {
    const after = fieldsOf(dataset, change, change.after);
    const to = after && keyText(dataset, after);
    const before = fieldsOf(dataset, change, change.before);
    const from = (before && keyText(dataset, before)) ?? to;
    if (from === undefined || (after && to === undefined)) {
      rows.problem = KEY_NOT_SAID;
      return;
    }
    const was = rows.rows.get(from);
    const next = nextOf(was, change.kind === 'insert');
    if (to !== from) this.#put(rows, from, { ...next, fields: null });
    if (!after || to === undefined) return;
    const fields = after.map((field, i) => (field === undefined ? was?.fields?.[i] : field));
    if (to !== from && fields.includes(undefined)) rows.isUnsaid = true;
    // Under its new key it is made.
    this.#put(rows, to, { ...(to === from ? next : nextOf(rows.rows.get(to), true)), fields });
  }

  #put(rows: StreamRows, key: string, row: StreamRow): void {
    if (!isInPart(key, this.#part)) return;
    if (!rows.rows.has(key)) this.#hold(1, key);
    this.bytes += sizeOf(row.fields) - sizeOf(rows.rows.get(key)?.fields ?? null);
    rows.rows.set(key, row);
  }

  #hold(step: 1 | -1, text: string): void {
    this.held += step;
    this.bytes += step * (text.length + ROW_BYTES);
  }

  #count(rows: StreamRows, dataset: KeyedDataset, change: RowChangeOfStream): void {
    for (const [fields, step] of [
      [change.before, -1],
      [change.after, 1],
    ] as const) {
      if (fields === undefined && (step < 0 ? change.kind === 'insert' : change.kind === 'delete')) continue;
      const whole = fieldsOf(dataset, change, fields);
      if (!whole || whole.includes(undefined)) {
        rows.problem = ROW_NOT_SAID;
        return;
      }
      this.#add(rows.counts, JSON.stringify(whole), step);
    }
  }

  #add(counts: Map<string, number>, text: string, step: 1 | -1): void {
    if (!isInPart(text, this.#part)) return;
    const count = (counts.get(text) ?? 0) + step;
    if (!counts.has(text)) this.#hold(1, text);
    counts.set(text, count);
    if (count === 0) {
      counts.delete(text);
      this.#hold(-1, text);
    }
  }
}

/** What a change that makes a row, or needs one, says of it. */
function nextOf(was: StreamRow | undefined, isMade: boolean): Pick<StreamRow, 'isNew' | 'fits'> {
  if (!was) return { isNew: isMade, fits: true };
  return { isNew: was.isNew, fits: was.fits && (was.fields === null) === isMade };
}

/** In the order of the dataset's columns; undefined if the stream has none of them. */
function fieldsOf(
  { columns }: KeyedDataset,
  change: RowChangeOfStream,
  fields: StreamFields | undefined,
): StreamFields | undefined {
  return fields && columns.map((name) => fields[change.columns.indexOf(name)]);
}

/** The key as text; undefined if a field of it is not said. */
export function keyText({ key }: KeyedDataset, fields: StreamFields): string | undefined {
  const values = key.map((place) => fields[place]);
  return values.includes(undefined) ? undefined : JSON.stringify(values);
}

function sizeOf(fields: StreamFields | null): number {
  return fields?.reduce((sum, field) => sum + (field?.length ?? 0), 0) ?? 0;
}

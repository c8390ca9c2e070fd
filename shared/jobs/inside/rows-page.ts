import { KiB, MiB, SECOND_MS } from '../../core/units.ts';
import type { KeyRanges } from '../../format/key-ranges.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { RowColumn } from '../../sources/rows.ts';
import { contentsOf } from '../restore/contents.ts';
import { parseCondition, placesOf } from './conditions.ts';
import { chosenDataset } from './read-rows.ts';
import { nearRecordsFrom, recordsFrom } from './records-from.ts';
import { rowShapeOf } from './row-shape.ts';
import { type ShownFields, shownFields } from './shown-fields.ts';
import { keysWhere } from './wanted-keys.ts';

/** Bytes of values of a page, as JSON: it ends with the row that reaches them. */
export const PAGE_BYTES = MiB;
/** Values of several rows are cut there. */
export const SHOWN_CHARACTERS = 2000;
/** Characters that the values of a single requested row share. */
const ALONE_CHARACTERS = 256 * KiB;
/** A page ends after that time with what was found. */
const SEARCH_MS = 8 * SECOND_MS;
/** After how many records the clock is read again. */
const RECORDS_BETWEEN = 64;

/** Where a page begins: how many partitions, and records of the next one, lie before it. */
export interface RowPosition {
  readonly partition: number;
  readonly records: number;
}

/** What makes the records that somebody may see of those that are there; they keep their columns. */
export type RecordMask = (record: Uint8Array) => Uint8Array;

/** Which rows a page has. */
export interface RowsPageOptions {
  /** @default the only one with data */
  readonly dataset?: string | undefined;
  /** Conditions that must all hold; of masked rows, for what is shown of them. */
  readonly where?: readonly string[] | undefined;
  readonly columns?: readonly string[] | undefined;
  /** Rows at most. */
  readonly limit: number;
  /** @default the beginning */
  readonly from?: RowPosition | undefined;
  /** @default 8 s */
  readonly mostMs?: number | undefined;
  /** @default none: rows are shown as they are. @throws E_MASK_RULES */
  readonly maskOf?: ((contents: BackupContents, dataset: StoredDataset) => Promise<RecordMask>) | undefined;
  readonly signal: AbortSignal;
}

/** A column of a page. */
export interface PageColumn extends RowColumn {
  readonly isKey: boolean;
}

/** Some rows of a dataset. */
export interface RowsPage {
  readonly dataset: string;
  readonly columns: readonly PageColumn[];
  readonly rows: readonly ShownFields[];
  /** Records that were read for it. */
  readonly searched: number;
  /** Where the next one begins; undefined at the end. */
  readonly next: RowPosition | undefined;
}

/**
 * Reads a page of rows of a backup, in its order. The page is small and is there soon: it ends when it is full, and when its time is
 * over, with what was found until then.
 *
 * @throws E_NO_DATASET; E_USAGE for a condition or a column that cannot be; E_MASK_RULES, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function readRowsPage(reader: BackupReader, options: RowsPageOptions): Promise<RowsPage> {
  const { where = [], columns: chosen, from = { partition: 0, records: 0 }, maskOf, signal } = options;
  const contents = contentsOf(reader);
  const dataset = chosenDataset(contents, options.dataset);
  const shape = await rowShapeOf(contents, dataset, signal);
  const mask = await maskOf?.(contents, dataset);
  const tests = where.map((text) => parseCondition(text, shape.columns));
  const places = chosen ? placesOf(chosen, shape) : shape.columns.map((_, i) => i);
  const page = new Page(options, places.length);
  const about = { dataset: dataset.name, columns: columnsAt(places, shape) };
  // Conditions are for what is shown of masked rows, which says nothing of their keys.
  const ranges = mask ? undefined : keysWhere(dataset, shape, where);
  for await (const { record, position } of recordsAfter(reader, { dataset, from, ranges }, signal)) {
    if (page.isOver()) return { ...about, ...page.result, next: position };
    if (!record) continue;
    page.searched++;
    const fields = shape.parse(mask ? mask(record) : record);
    if (tests.every((test) => test(fields))) page.add(places.map((place) => fields[place] ?? null));
  }
  return { ...about, ...page.result, next: undefined };
}

/** The records of a dataset from a position on, each with its own; records with other keys may be passed over. */
async function* recordsAfter(
  reader: BackupReader,
  { dataset: { name, partitions }, from, ranges }: AfterOptions,
  signal: AbortSignal,
): AsyncGenerator<{ readonly record: Uint8Array | undefined; readonly position: RowPosition }> {
  for (const [partition, { name: part }] of partitions.entries()) {
    if (partition < from.partition) continue;
    let records = partition === from.partition ? from.records : 0;
    const after = { dataset: name, partition: part, skipped: records };
    if (ranges)
      for await (const { record, place } of nearRecordsFrom(reader, { ...after, ranges, signal }))
        yield { record, position: { partition, records: place } };
    else
      for await (const record of recordsFrom(reader, after, signal))
        yield { record, position: { partition, records: records++ } };
  }
}

interface AfterOptions {
  readonly dataset: StoredDataset;
  readonly from: RowPosition;
  /** The keys that are looked for. @default all */
  readonly ranges: KeyRanges | undefined;
}

function columnsAt(
  places: readonly number[],
  { columns, key }: { readonly columns: readonly RowColumn[]; readonly key: readonly number[] },
): readonly PageColumn[] {
  return places.flatMap((place) => {
    const column = columns[place];
    return column ? [{ ...column, isKey: key.includes(place) }] : [];
  });
}

class Page {
  readonly #rows: ShownFields[] = [];
  readonly #limit: number;
  readonly #mostMs: number;
  readonly #mostCharacters: number;
  readonly #startedMs = performance.now();
  #bytes = 0;
  #asked = 0;
  searched = 0;

  constructor({ limit, mostMs = SEARCH_MS }: RowsPageOptions, columns: number) {
    this.#limit = limit;
    this.#mostMs = mostMs;
    const shared = Math.floor(ALONE_CHARACTERS / Math.max(1, columns));
    this.#mostCharacters = limit === 1 ? shared : Math.min(SHOWN_CHARACTERS, shared);
  }

  get result() {
    return { rows: this.#rows, searched: this.searched };
  }

  add(fields: ShownFields['values']): void {
    const row = shownFields(fields, this.#mostCharacters);
    this.#rows.push(row);
    this.#bytes += row.bytes;
  }

  isOver(): boolean {
    if (this.#rows.length >= this.#limit || this.#bytes >= PAGE_BYTES) return true;
    const asked = this.#asked++;
    if (asked === 0 || asked % RECORDS_BETWEEN > 0) return false;
    return performance.now() - this.#startedMs >= this.#mostMs;
  }
}

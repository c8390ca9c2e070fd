import type { Fields } from '../../../sources/rows.ts';
import { isInPart, type KeyPart } from '../../inside/key-parts.ts';
import type { RowChange } from '../../inside/row-changes.ts';
import { type KeyedDataset, keyText, type StreamRow, type StreamRows } from './stream-rows.ts';

/** What a row is in which the later base and the stream do not agree. */
export interface RowDifference {
  /**
   * `not in the stream`: the backups differ in the row, and no change of it is stored. `only in the stream`: a stored change of it
   * is not in the later backup. `other row`: both changed it, and not to the same.
   */
  readonly problem: 'not in the stream' | 'only in the stream' | 'other row';
  /** Values of the key's columns; of a dataset without a key, of all. */
  readonly key: Fields;
}

/** A dataset in both bases. */
export interface ComparedDataset extends KeyedDataset {
  /** Rows that differ between the bases. */
  changes(): AsyncIterable<RowChange>;
  /** All rows of the later base. */
  laterRows(): AsyncIterable<Fields>;
}

/** Compares what the stream makes of a dataset's rows with what the later base has, for a part of the keys. */
export async function* compareRows(
  dataset: ComparedDataset,
  stream: StreamRows,
  part: KeyPart,
): AsyncGenerator<RowDifference> {
  if (dataset.key.length === 0) yield* compareCounts(dataset, stream, part);
  else if (stream.isEmptied) yield* compareAll(dataset, stream.rows, part);
  else yield* compareChanged(dataset, stream.rows, part);
}

async function* compareChanged(
  dataset: ComparedDataset,
  rows: ReadonlyMap<string, StreamRow>,
  part: KeyPart,
): AsyncGenerator<RowDifference> {
  const left = new Map(rows);
  for await (const { before, after } of dataset.changes())
    yield* judge(dataset, left, { before, after, part });
  for (const [text, row] of left) if (isMadeAndGone(row)) left.delete(text);
  // Changed back to what it was, if all is well: then the later base has it.
  if (left.size > 0) yield* compareWith(dataset, left);
}

/** Rows of the stream alone decide: all others are gone. */
async function* compareAll(
  dataset: ComparedDataset,
  rows: ReadonlyMap<string, StreamRow>,
  part: KeyPart,
): AsyncGenerator<RowDifference> {
  const left = new Map([...rows].filter(([, row]) => !isMadeAndGone(row)));
  for await (const after of dataset.laterRows()) yield* judge(dataset, left, { before: null, after, part });
  yield* onlyInStream(left);
}

/** Takes the row of the stream out of what is left. */
function* judge(
  dataset: KeyedDataset,
  left: Map<string, StreamRow>,
  { before, after, part }: Pick<RowChange, 'before' | 'after'> & { readonly part: KeyPart },
): Generator<RowDifference> {
  const row = after ?? before ?? [];
  const text = textOf(dataset, row);
  if (!isInPart(text, part)) return;
  const expected = left.get(text);
  left.delete(text);
  const key = keyOf(dataset, row);
  if (!expected) yield { problem: 'not in the stream', key };
  else if (!isAsExpected(expected, after, before)) yield { problem: 'other row', key };
}

async function* compareWith(
  dataset: ComparedDataset,
  left: Map<string, StreamRow>,
): AsyncGenerator<RowDifference> {
  for await (const row of dataset.laterRows()) {
    const text = textOf(dataset, row);
    const expected = left.get(text);
    if (!expected) continue;
    left.delete(text);
    if (!isAsExpected(expected, row, row)) yield { problem: 'other row', key: keyOf(dataset, row) };
  }
  yield* onlyInStream(left);
}

/** No base has it, and the bases do not differ in it. */
function isMadeAndGone({ fields, isNew, fits }: StreamRow): boolean {
  return fields === null && isNew && fits;
}

/** What the stream ended is here too if neither base had it: then what made it is not in the stream. */
function* onlyInStream(left: ReadonlyMap<string, StreamRow>): Generator<RowDifference> {
  for (const text of left.keys()) yield { problem: 'only in the stream', key: JSON.parse(text) as Fields };
}

/** Rows without a key: how often each is there more, or less. */
async function* compareCounts(
  dataset: ComparedDataset,
  { counts, isEmptied }: StreamRows,
  part: KeyPart,
): AsyncGenerator<RowDifference> {
  const left = new Map(counts);
  const take = (row: Fields | null, step: 1 | -1) => {
    const text = JSON.stringify(row);
    if (row && isInPart(text, part)) left.set(text, (left.get(text) ?? 0) - step);
  };
  if (isEmptied) for await (const row of dataset.laterRows()) take(row, 1);
  else
    for await (const { before, after } of dataset.changes()) {
      take(before, -1);
      take(after, 1);
    }
  for (const [text, count] of left)
    if (count !== 0)
      yield {
        problem: count > 0 ? 'only in the stream' : 'not in the stream',
        key: JSON.parse(text) as Fields,
      };
}

/**
 * A row that the stream made must not have been there before, and one that it changed must have.
 *
 * @param before the row in the earlier base: also what a field is that the stream does not say
 */
function isAsExpected(expected: StreamRow, row: Fields | null, before: Fields | null): boolean {
  const { fields, isNew, fits } = expected;
  if (!fits || isNew !== (before === null)) return false;
  if (fields === null || row === null) return fields === row;
  return fields.every((field, i) => field === row[i] || (field === undefined && isKept(i, row, before)));
}

/** A row whose key changed is not found under its old one: then nothing is known of the field. */
function isKept(place: number, row: Fields, before: Fields | null): boolean {
  return before === null || before[place] === row[place];
}

function textOf(dataset: KeyedDataset, row: Fields): string {
  return keyText(dataset, row) ?? '';
}

function keyOf({ key }: KeyedDataset, row: Fields): Fields {
  return key.length === 0 ? row : key.map((place) => row[place] ?? null);
}

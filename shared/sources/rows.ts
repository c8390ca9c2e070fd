import type { BackupContents, StoredDataset } from './contents.ts';

/** A column of the rows of a dataset. */
export interface RowColumn {
  readonly name: string;
  /** As the database writes it, such as `numeric(10,2)`. */
  readonly type: string;
  /** Its values are decimal numbers, and are compared and written as such. */
  readonly isNumber: boolean;
}

/** The fields of a row in the order of the columns, as the database writes them; null for NULL. */
export type Fields = readonly (string | null)[];

/** How the records of a dataset are read as rows. */
export interface RowShape {
  readonly columns: readonly RowColumn[];
  /** Places of the key's columns; empty if rows have no key, and are told apart by all that they hold. */
  readonly key: readonly number[];
  /** How values are written in its records, such as in which character sets; equal records of one encoding are equal rows. */
  readonly encoding?: string;
  /** The row of a record, which comes without its newline. `first`: only so many of its fields are wanted. @default all */
  parse(record: Uint8Array, first?: number): Fields;
}

/** How values are given: `shown` as the database writes them, `sql` as literals of its SQL, which lose nothing. */
export type ValueForm = 'shown' | 'sql';

/**
 * Says how a dataset is read as rows.
 *
 * @param form only kinds with `rowStatements` know `sql`
 * @returns undefined for a dataset that has none, such as the definitions of tables
 * @throws E_DAMAGED, E_USAGE for values that cannot be written as text
 */
export type RowReader = (
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
  form: ValueForm,
) => Promise<RowShape | undefined>;

const NEWLINE = 0x0a;

/** The records of a stream of blocks, each without its newline and the consumer's only until it asks for the next. */
export async function* splitRecords(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const block of wholeRecords(stream)) yield* recordsIn(block);
}

/** The same stream in blocks that end with a record. */
export async function* wholeRecords(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = [];
  for await (const block of stream) {
    const end = block.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const whole = block.subarray(0, end);
      yield rest.length > 0 ? Buffer.concat([...rest, whole]) : whole;
      rest = [];
    }
    if (end < block.length) rest.push(Buffer.from(block.subarray(end)));
  }
}

/** The records of a block that ends with one. */
export function* recordsIn(block: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, start)) {
    yield block.subarray(start, end);
    start = end + 1;
  }
}

import type { Fields, RowColumn, RowShape } from '../../sources/rows.ts';

/** What is compared of the rows of two versions of a dataset: the columns that both have. */
export interface RowTexts {
  readonly columns: readonly RowColumn[];
  /** Places of the key's columns; empty if rows are told apart by all that they hold. */
  readonly key: readonly number[];
  /** The columns are the same, in the same order: equal records are equal rows. */
  readonly isSame: boolean;
  /** A row of the first version as text; equal rows have equal texts. Of bytes, each is a character. */
  before(record: Uint8Array): string;
  after(record: Uint8Array): string;
  fieldsOf(text: string): Fields;
}

/** Compares the columns of the later version that the earlier one has too, by their names. */
export function rowTexts(before: RowShape, after: RowShape): RowTexts {
  const columns = after.columns.filter(({ name }) => placeOf(before, name) >= 0);
  const names = columns.map(({ name }) => name);
  const keyOf = ({ columns: own, key }: RowShape) => key.map((place) => own[place]?.name ?? '');
  const key = sameNames(keyOf(before), keyOf(after)) ? keyOf(after).map((name) => names.indexOf(name)) : [];
  if (sameNames(namesOf(before), namesOf(after)) && before.encoding === after.encoding) {
    const text = (record: Uint8Array) => bufferOf(record).toString('latin1');
    const fieldsOf = (row: string) => after.parse(Buffer.from(row, 'latin1'));
    return { columns, key, isSame: true, before: text, after: text, fieldsOf };
  }
  const among = (shape: RowShape) => {
    const places = names.map((name) => placeOf(shape, name));
    return (record: Uint8Array) => {
      const fields = shape.parse(record);
      return JSON.stringify(places.map((place) => fields[place] ?? null));
    };
  };
  return {
    columns,
    key,
    isSame: false,
    before: among(before),
    after: among(after),
    fieldsOf: (row) => JSON.parse(row) as Fields,
  };
}

function placeOf({ columns }: RowShape, name: string): number {
  return columns.findIndex((column) => column.name === name);
}

function namesOf({ columns }: RowShape): readonly string[] {
  return columns.map(({ name }) => name);
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

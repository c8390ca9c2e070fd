import { type Fields, type RowColumn, type RowShape, recordsIn } from '../../sources/rows.ts';

/** What is compared of the rows of two versions of a dataset: the columns that both have. */
export interface ComparedRows {
  readonly columns: readonly RowColumn[];
  /** Places of the key's columns; empty if rows are told apart by all that they hold. */
  readonly key: readonly number[];
  /** The columns are the same, in the same order: equal records are equal rows. */
  readonly isSame: boolean;
  /** The rows of a block of whole records of the first version; equal rows have equal bytes. */
  before(block: Uint8Array): Iterable<Uint8Array>;
  after(block: Uint8Array): Iterable<Uint8Array>;
  fieldsOf(row: Uint8Array): Fields;
  /** The fields of its key; all fields if rows have none. */
  keyOf(row: Uint8Array): Fields;
}

/** Compares the columns of the later version that the earlier one has too, by their names. */
export function comparedRows(before: RowShape, after: RowShape): ComparedRows {
  const columns = after.columns.filter(({ name }) => placeOf(before, name) >= 0);
  const names = columns.map(({ name }) => name);
  const namesOfKey = ({ columns: own, key }: RowShape) => key.map((place) => own[place]?.name ?? '');
  const hasSameKey = sameNames(namesOfKey(before), namesOfKey(after));
  const key = hasSameKey ? namesOfKey(after).map((name) => names.indexOf(name)) : [];
  const common = { columns, key };
  if (sameNames(namesOf(before), namesOf(after)) && before.encoding === after.encoding) {
    const { parse } = after;
    const first = Math.max(...key) + 1;
    return {
      ...common,
      isSame: true,
      before: recordsIn,
      after: recordsIn,
      fieldsOf: (row) => parse(row),
      keyOf: key.length === 0 ? (row) => parse(row) : (row) => pick(parse(row, first), key),
    };
  }
  const among = (shape: RowShape) => {
    const places = names.map((name) => placeOf(shape, name));
    return function* (block: Uint8Array) {
      for (const record of recordsIn(block))
        yield Buffer.from(JSON.stringify(pick(shape.parse(record), places)));
    };
  };
  const fieldsOf = (row: Uint8Array) => JSON.parse(Buffer.from(row).toString()) as Fields;
  return {
    ...common,
    isSame: false,
    before: among(before),
    after: among(after),
    fieldsOf,
    keyOf: key.length === 0 ? fieldsOf : (row) => pick(fieldsOf(row), key),
  };
}

function pick(fields: Fields, places: readonly number[]): Fields {
  return places.map((place) => fields[place] ?? null);
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

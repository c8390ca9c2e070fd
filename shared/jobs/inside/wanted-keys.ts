import { type KeyField, keyFieldsOf, keyIdOf } from '../../core/key-fields.ts';
import { formOfValue } from '../../format/key-bounds.ts';
import { type KeyRange, KeyRanges } from '../../format/key-ranges.ts';
import type { StoredDataset } from '../../sources/contents.ts';
import type { RowColumn, RowShape } from '../../sources/rows.ts';
import { comparisonsIn } from './conditions.ts';

type Dataset = Pick<StoredDataset, 'attributes'>;

/** What must hold of a field of the rows that are wanted. */
export interface FieldTest {
  /** Of the field in a record. */
  readonly place: number;
  readonly operator: '=' | '<' | '<=' | '>' | '>=';
  /** With `=`, one of these; else the only one. */
  readonly values: readonly string[];
}

/** Of the rows that are wanted, all tests of at least one of these hold. */
export type KeyTests = readonly (readonly FieldTest[])[];

/**
 * The keys of rows for which all tests hold.
 *
 * @returns undefined if they say too little of the key, or the dataset has no bounds of it
 */
export function keysTested({ attributes }: Dataset, tests: readonly FieldTest[]): KeyRanges | undefined {
  const fields = keyFieldsOf(attributes);
  /** Of the fields before, one value each. */
  const same: Buffer[] = [];
  for (const field of fields) {
    const of = tests.filter(({ place }) => place === field.place);
    const forms = formsOf(of, field);
    const [only, ...others] = forms ?? [];
    if (only && others.length === 0) same.push(only);
    else {
      const ranges = forms?.map((form) => ({ from: form, to: form })) ?? rangeOf(of, field);
      return ranges || same.length > 0 ? behind(fields, same, ranges ?? [NO_RANGE]) : undefined;
    }
  }
  return same.length > 0 ? behind(fields, same, [NO_RANGE]) : undefined;
}

/** The same of rows that are wanted for one or another reason. @returns undefined if one of these says too little */
export function keysOfAny(
  dataset: Dataset,
  tests: KeyTests,
): Pick<KeyRanges, 'keyId' | 'mayBeIn'> | undefined {
  const each = tests.map((all) => keysTested(dataset, all));
  const known = each.flatMap((ranges) => ranges ?? []);
  const [first] = known;
  if (!first || known.length < each.length) return undefined;
  return { keyId: first.keyId, mayBeIn: (bounds) => known.some((ranges) => ranges.mayBeIn(bounds)) };
}

const NO_RANGE: KeyRange = { from: Buffer.alloc(0), to: Buffer.alloc(0) };

function behind(
  fields: readonly KeyField[],
  same: readonly Buffer[],
  ranges: readonly KeyRange[],
): KeyRanges {
  const whole = (end: Uint8Array) => Buffer.concat([...same, end]);
  return new KeyRanges(
    keyIdOf(fields),
    ranges.map(({ from, to }) => ({ from: whole(from), to: whole(to) })),
  );
}

/** The values that a field can have; undefined if that is not said, or not of all how they are stored. */
function formsOf(of: readonly FieldTest[], field: KeyField): readonly Buffer[] | undefined {
  const { values = [] } = of.find(({ operator }) => operator === '=') ?? {};
  const forms = values.flatMap((value) => formOfValue(value, field) ?? []);
  return forms.length > 0 && forms.length === values.length ? forms : undefined;
}

/** From where to where its values lie, if the server has them in the order of their forms. */
function rangeOf(of: readonly FieldTest[], field: KeyField): readonly KeyRange[] | undefined {
  if (field.form !== 'integer') return undefined;
  const end = (operators: readonly string[]) => {
    const { values = [] } = of.find(({ operator }) => operators.includes(operator)) ?? {};
    return formOfValue(values[0] ?? '', field);
  };
  const [from, to] = [end(['>', '>=']), end(['<', '<='])];
  return from || to ? [{ from: from ?? NO_RANGE.from, to: to ?? NO_RANGE.to }] : undefined;
}

/** The keys of rows for which conditions hold. @returns undefined as `keysTested` */
export function keysWhere(
  dataset: Dataset,
  { columns }: Pick<RowShape, 'columns'>,
  where: readonly string[],
): KeyRanges | undefined {
  const fields = keyFieldsOf(dataset.attributes);
  if (fields.length === 0 || where.length === 0) return undefined;
  const tests = comparisonsIn(where, columns).flatMap(({ column, place, operator, value }): FieldTest[] => {
    const isOfKey = fields.some((field) => isField(field, column, place));
    return isOfKey && isOrder(operator) ? [{ place, operator, values: [value] }] : [];
  });
  return keysTested(dataset, tests);
}

function isOrder(operator: string): operator is FieldTest['operator'] {
  return ['=', '<', '<=', '>', '>='].includes(operator);
}

/**
 * Single keys.
 *
 * @param keys values of the key's columns, each list in the order of `shape.key`
 * @returns undefined if it cannot be said of all of them how they are stored
 */
export function keysAmong(
  dataset: Dataset,
  { columns, key }: Pick<RowShape, 'columns' | 'key'>,
  keys: Iterable<readonly (string | null)[]>,
): KeyRanges | undefined {
  const fields = keyFieldsOf(dataset.attributes);
  const order = fields.map((field) => key.findIndex((place) => isField(field, columns[place], place)));
  if (fields.length === 0 || order.includes(-1)) return undefined;
  const ranges: KeyRange[] = [];
  for (const values of keys) {
    const forms = fields.flatMap((field, i) => formOfValue(values[order[i] ?? -1] ?? NO_VALUE, field) ?? []);
    if (forms.length < fields.length) return undefined;
    const form = Buffer.concat(forms);
    ranges.push({ from: form, to: form });
  }
  return new KeyRanges(keyIdOf(fields), ranges);
}

/** NULL, which no key has: it has no form. */
const NO_VALUE = '\\N';

/** The column is that field, with values that compare as its form says. */
function isField({ name, place, form }: KeyField, column: RowColumn | undefined, at: number): boolean {
  return column?.name === name && place === at && column.isNumber === (form === 'integer');
}

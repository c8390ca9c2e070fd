import { type KeyField, keyFieldsOf } from '../../../core/key-fields.ts';
import type { QueryType } from '../../../sources/query.ts';
import type { FieldTest, KeyTests } from '../wanted-keys.ts';
import type { ColumnComparison, NamedTable } from './statement-tables.ts';
import type { QueryTable } from './tables.ts';

type Table = Pick<QueryTable, 'of' | 'shape' | 'columns' | 'path'>;

/**
 * What must hold of the key of a table's rows that a statement goes on with.
 *
 * @param tables all that the statement names
 * @param times how often DuckDB found this one when it read the statement
 * @returns undefined if all rows are wanted, or that is not certain
 */
export function testsOf(table: Table, tables: readonly NamedTable[], times: number): KeyTests | undefined {
  // What else has the name, in other schemas and backups or by WITH, may be among them: then more is read than need be.
  const named = tables.filter(({ name }) => name.toLowerCase() === table.path[2].toLowerCase());
  if (!table.shape.hasFields || named.length === 0 || times > named.length) return undefined;
  const tests = named.map((one) => fieldTests(table, one));
  return tests.every(({ length }) => length > 0) ? tests : undefined;
}

/** Those that are of fields of the table's key, and that compare as what is stored does. */
function fieldTests(table: Table, { alias, comparisons }: NamedTable): readonly FieldTest[] {
  const fields = keyFieldsOf(table.of.attributes);
  const isColumn = (name: string) => placeOf(table, name) >= 0;
  return comparisons.flatMap(({ qualifier, ...comparison }) => {
    // `a.b` is column b of table a; of a column that is called a, it would be something in that.
    if (qualifier !== undefined && (!isSame(qualifier, alias) || isColumn(qualifier))) return [];
    const place = placeOf(table, comparison.column);
    const { name, type } = table.shape.columns[place] ?? {};
    const field = fields.find((one) => one.place === place && one.name === name);
    const kind = type?.kind;
    const values = field && kind && storedValues(field, kind, comparison);
    return values ? [{ place, operator: comparison.operator, values }] : [];
  });
}

const INTEGERS: ReadonlySet<QueryType['kind']> = new Set([
  'tinyint',
  'smallint',
  'integer',
  'utinyint',
  'usmallint',
  'uinteger',
  'bigint',
  'ubigint',
]);
const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

/** The constants as the backup has such values; undefined if they compare otherwise, such as a text with a number. */
function storedValues(
  { form }: KeyField,
  kind: QueryType['kind'],
  { operator, values, isText }: ColumnComparison,
): readonly string[] | undefined {
  if (form === 'integer') return INTEGERS.has(kind) && !isText ? values : undefined;
  if (!isText || operator !== '=') return undefined;
  if (kind === 'text') return values;
  if (kind !== 'uuid' || !values.every((one) => UUID.test(one))) return undefined;
  return values.map((one) => one.toLowerCase());
}

function placeOf({ columns }: Table, name: string): number {
  return columns.findIndex((column) => isSame(column, name));
}

/** To DuckDB. No two columns of a table are. */
function isSame(one: string, other: string): boolean {
  const lower = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower(one) === lower(other);
}

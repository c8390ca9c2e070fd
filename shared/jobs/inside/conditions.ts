import { HoldfastError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Fields, RowColumn, RowShape } from '../../sources/rows.ts';
import { compareValues, isNumberText } from './compare-values.ts';

/** Whether a row is wanted. */
export type RowTest = (fields: Fields) => boolean;

const CONDITION = /^\s*("(?:[^"]|"")+"|[^\s<>=!~"]+)\s*(<=|>=|!=|<>|=|<|>|~)(.*)$/s;
const NULL_CONDITION = /^\s*("(?:[^"]|"")+"|[^\s<>=!~"]+)\s+is\s+(not\s+)?null\s*$/i;
const HINT =
  "Such as 'id = 42', 'total >= 10.50', 'email ~ @example.org', 'paid_at is null'; several --where are all to hold.";

/**
 * A condition on one column as people write it: `id = 42`, `name != 'O''Hara'`, `email ~ example` (contains), `note is null`. As in
 * SQL, no comparison holds for NULL. Numbers are compared as numbers, all else as text.
 *
 * @throws E_USAGE for what is no condition, a column that is not there, a value that is no number where one is compared
 */
export function parseCondition(text: string, columns: readonly RowColumn[]): RowTest {
  const isNull = NULL_CONDITION.exec(text);
  if (isNull) {
    const { place } = columnNamed(unquoted(isNull[1] ?? '', '"'), columns);
    return (fields) => (fields[place] === null) === (isNull[2] === undefined);
  }
  const [, name = '', operator = '', given = ''] = CONDITION.exec(text) ?? [];
  if (operator === '') throw new HoldfastError('E_USAGE', `'${text}' is not a condition`, { hint: HINT });
  const { column, place } = columnNamed(unquoted(name, '"'), columns);
  return comparison(column, place, { operator, value: unquoted(given.trim(), "'") });
}

function comparison(
  { name, type, isNumber }: RowColumn,
  place: number,
  { operator, value }: { readonly operator: string; readonly value: string },
): RowTest {
  if (operator === '~') return (fields) => fields[place]?.includes(value) ?? false;
  if (isNumber && !isNumberText(value))
    throw new HoldfastError('E_USAGE', `${name} is ${type}; '${value}' is not a number`, { hint: HINT });
  const test = TESTS[operator] ?? (() => false);
  return (fields) => {
    const field = fields[place] ?? null;
    return field !== null && test(compareValues(field, value, isNumber));
  };
}

const TESTS: Readonly<Record<string, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Places of columns by their names. @throws E_USAGE naming the one that is not there, and the nearest that is */
export function placesOf(
  names: readonly string[],
  { columns }: Pick<RowShape, 'columns'>,
): readonly number[] {
  return names.map((name) => columnNamed(name, columns).place);
}

function columnNamed(name: string, columns: readonly RowColumn[]) {
  const place = columns.findIndex((one) => one.name === name);
  const column = columns[place];
  if (column) return { column, place };
  const known = columns.map((one) => one.name);
  const meant = nearest(name, known);
  throw new HoldfastError('E_USAGE', `there is no column '${name}'`, {
    hint: meant ? `Did you mean ${meant}?` : `The columns are ${known.join(', ')}.`,
  });
}

/** Without the quotes around it, doubled ones inside made single. */
function unquoted(text: string, quote: string): string {
  if (text.length < 2 || !text.startsWith(quote) || !text.endsWith(quote)) return text;
  return text.slice(1, -1).replaceAll(quote + quote, quote);
}

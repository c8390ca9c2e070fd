import { HoldfastError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Fields, RowColumn, RowShape } from '../../sources/rows.ts';
import { compareValues, isNumberText } from './compare-values.ts';

/** Whether a row is wanted. */
export type RowTest = (fields: Fields) => boolean;

const CONDITION = /^\s*("(?:[^"]|"")+"|[^\s<>=!~"]+)\s*(<=|>=|!=|<>|=|<|>|~)(.*)$/s;
const NULL_CONDITION = /^\s*("(?:[^"]|"")+"|[^\s<>=!~"]+)\s+is\s+(not\s+)?null\s*$/i;
const SUBQUERY = /^\(\s*(?:select|with|values|table)\b/i;
const QUOTED = /^'(?:[^']|'')*'$/s;
const JOINED = /\s(?:and|or)\s+/i;
const HINT =
  "A condition is one column, one of = != < <= > >= ~, and a value: 'id = 42', 'email ~ @example.org', 'paid_at is null'.";

/**
 * A condition on one column as people write it: `id = 42`, `name != 'O''Hara'`, `email ~ example` (contains), `note is null`. As in
 * SQL, no comparison holds for NULL. Numbers are compared as numbers, all else as text.
 *
 * @throws E_USAGE for what is no condition, a column that is not there, a value that is no number where one is compared; a subquery
 *   or a second condition in the place of a value
 */
export function parseCondition(text: string, columns: readonly RowColumn[]): RowTest {
  const isNull = NULL_CONDITION.exec(text);
  if (isNull) {
    const { place } = columnNamed(unquoted(isNull[1] ?? '', '"'), columns);
    return (fields) => (fields[place] === null) === (isNull[2] === undefined);
  }
  return testOf(parseComparison(text, columns));
}

/** A condition that compares a column with a value. */
export interface Comparison {
  readonly column: RowColumn;
  readonly place: number;
  readonly operator: string;
  readonly value: string;
}

/** Those of some conditions that compare. @throws E_USAGE as `parseCondition`, but not for a value */
export function comparisonsIn(
  texts: readonly string[],
  columns: readonly RowColumn[],
): readonly Comparison[] {
  return texts.filter((text) => !NULL_CONDITION.test(text)).map((text) => parseComparison(text, columns));
}

function parseComparison(text: string, columns: readonly RowColumn[]): Comparison {
  const [, name = '', operator = '', given = ''] = CONDITION.exec(text) ?? [];
  if (operator === '') throw new HoldfastError('E_USAGE', `'${text}' is not a condition`, { hint: HINT });
  const { column, place } = columnNamed(unquoted(name, '"'), columns);
  refuseMoreThanValue(text, given.trim(), columns);
  return { column, place, operator, value: unquoted(given.trim(), "'") };
}

/** What would be compared as a text, and was meant as more than that. In quotes it is a text. @throws E_USAGE */
function refuseMoreThanValue(text: string, value: string, columns: readonly RowColumn[]): void {
  if (SUBQUERY.test(value))
    throw new HoldfastError(
      'E_USAGE',
      `'${text}' has a subquery; a condition compares a column with a value`,
      {
        hint: '`holdfast query` runs SQL over backups. If it is a text that is meant, put it in single quotes.',
      },
    );
  if (
    QUOTED.test(value) ||
    !value
      .split(JOINED)
      .slice(1)
      .some((more) => isCondition(more, columns))
  )
    return;
  throw new HoldfastError('E_USAGE', `'${text}' is more than one condition`, {
    hint: 'Give each one by itself: all that are given must hold. If it is a text that is meant, put it in single quotes.',
  });
}

function isCondition(text: string, columns: readonly RowColumn[]): boolean {
  const name = (NULL_CONDITION.exec(text) ?? CONDITION.exec(text))?.[1];
  return name !== undefined && columns.some((column) => column.name === unquoted(name, '"'));
}

function testOf({ column: { name, type, isNumber }, place, operator, value }: Comparison): RowTest {
  if (operator === '~') return (fields) => fields[place]?.includes(value) ?? false;
  if (isNumber && !isNumberText(value))
    throw new HoldfastError('E_USAGE', `${name} is ${type}; '${value}' is not a number`, {
      hint: `Give a number, such as '${name} ${operator} 42'.`,
    });
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

import type { Fields, RowColumn } from '../shared/sources/rows.ts';
import { usage } from './command.ts';
import type { Screen } from './style.ts';

/** Longer values are cut on a terminal. */
const LONG = 60;

/** A value for people: NULL, a number as it is, a text in quotes. */
export function valueText(value: string | null, { isNumber }: RowColumn, screen: Screen): string {
  if (value === null) return 'NULL';
  if (isNumber) return value;
  const shown = screen.width !== undefined && value.length > LONG ? `${value.slice(0, LONG)}…` : value;
  return `'${shown.replaceAll('\n', '\\n')}'`;
}

/** A row by the names of its columns, for JSON: values as the database writes them. */
export function rowObject(columns: readonly RowColumn[], fields: Fields): Record<string, string | null> {
  return Object.fromEntries(columns.map(({ name }, i) => [name, fields[i] ?? null]));
}

/** The value of `--limit`. @throws E_USAGE */
export function limitOf(text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  if (text === 'all') return Number.POSITIVE_INFINITY;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw usage(`--limit is '${text}'; allowed are whole numbers from 1, and all`);
}

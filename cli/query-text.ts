import { GiB, MiB } from '../shared/core/units.ts';
import type { ResultColumn, ResultValue } from '../shared/jobs/inside/query/messages.ts';
import { usage } from './command.ts';

/** How `holdfast query` gives rows. */
export const QUERY_FORMATS = ['table', 'csv', 'json', 'parquet'] as const;
export type QueryFormat = (typeof QUERY_FORMATS)[number];
/** Rows in a table and in a JSON document, if nothing else is said. */
export const SHOWN_ROWS = 100;

/** Most digits of a number that every reader of JSON takes exactly. */
const EXACT_DIGITS = 15;

/** A value as text, null for NULL: bytes in hexadecimal digits as PostgreSQL writes them, lists and structures as JSON. */
export function cellText(value: ResultValue): string | null {
  if (value === null) return null;
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
  return typeof value === 'object' ? valueJson(value, '') : String(value);
}

/** A row as JSON. Numbers of more than 15 digits, and those that JSON does not know, are text; JSON is itself. */
export function rowJson(columns: readonly ResultColumn[], row: readonly ResultValue[]): string {
  const members = columns.map(
    ({ name, type }, i) => `${JSON.stringify(name)}:${valueJson(row[i] ?? null, type)}`,
  );
  return `{${members.join(',')}}`;
}

/** @param type of a column; empty for what is inside of a value */
function valueJson(value: ResultValue, type: string): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'bigint':
      return numberJson(String(value));
    case 'string':
      if (type === 'JSON') return value.replaceAll(/[\r\n]+/g, ' ');
      return type.startsWith('DECIMAL') ? numberJson(value) : JSON.stringify(value);
    case 'boolean':
      return String(value);
    default:
      return value === null ? 'null' : partsJson(value);
  }
}

function numberJson(text: string): string {
  return text.replaceAll(/\D/g, '').length <= EXACT_DIGITS ? text : `"${text}"`;
}

function partsJson(value: Exclude<ResultValue, null | boolean | number | bigint | string>): string {
  if (value instanceof Uint8Array) return JSON.stringify(cellText(value));
  if (isList(value)) return `[${value.map((item) => valueJson(item, '')).join(',')}]`;
  const members = Object.entries(value).map(
    ([name, item]) => `${JSON.stringify(name)}:${valueJson(item, '')}`,
  );
  return `{${members.join(',')}}`;
}

function isList(value: object): value is readonly ResultValue[] {
  return Array.isArray(value);
}

const UNITS: Readonly<Record<string, number>> = { MIB: MiB, MB: 1e6, GIB: GiB, GB: 1e9 };
const LEAST_MEMORY_BYTES = 64 * MiB;

/** What `--memory` says, in bytes. @throws E_USAGE */
export function memoryOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text) ?? [];
  const size = Math.round(Number(count) * (UNITS[unit.toUpperCase()] ?? Number.NaN));
  if (size >= LEAST_MEMORY_BYTES) return size;
  throw usage(`--memory is '${text}'; allowed are sizes from 64MiB, such as 512MiB or 4GiB`);
}

import { csvField as plainField } from '../../../core/csv.ts';
import type { ColumnAttributes } from '../datasets/attributes.ts';

type Fields = readonly (string | undefined)[];

/** The first line of a CSV file. */
export function csvHeader(columns: readonly ColumnAttributes[]): string {
  return `${columns.map(({ name }) => csvField(name)).join(',')}\r\n`;
}

/** RFC 4180. NULL is empty, an empty text is `""`, as PostgreSQL's own CSV has it. */
export function csvRow(fields: Fields): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** PostgreSQL's COPY would take `\.` for the end of the data. */
function csvField(field: string | undefined): string {
  return field === '\\.' ? '"\\."' : plainField(field);
}

/** One object a line. Numbers that a double holds exactly are numbers, booleans are booleans, json is itself; all else is text. */
export function jsonRow(columns: readonly ColumnAttributes[], fields: Fields): string {
  const members = columns.map(({ name, type }, i) => `${JSON.stringify(name)}:${jsonValue(type, fields[i])}`);
  return `{${members.join(',')}}\n`;
}

/** Types whose values are decimal numbers. */
export const NUMBER_TYPE = /^(smallint|integer|bigint|real|double precision|numeric(\(.*\))?|oid)$/;

function jsonValue(type: string, field: string | undefined): string {
  if (field === undefined) return 'null';
  if (type === 'boolean') return field === 't' ? 'true' : 'false';
  // A line feed in json is white space, and would end the line.
  if (type === 'json' || type === 'jsonb') return field.replaceAll(/[\r\n]+/g, ' ');
  if (NUMBER_TYPE.test(type) && isExact(field)) return field;
  return JSON.stringify(field);
}

/** Whether reading the text as a double and writing it again gives the same text. */
function isExact(field: string): boolean {
  const value = Number(field);
  return Number.isFinite(value) && String(value) === field;
}

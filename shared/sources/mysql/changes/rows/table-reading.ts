import type { Fields } from '../../../rows.ts';
import type { TableAttributes } from '../../datasets/attributes.ts';
import { shownTexts } from '../../rows/export-rows.ts';
import { COLUMN, columnsOf, type LogColumn } from '../log/column-types.ts';
import type { TableMap } from '../log/payloads.ts';
import type { RawValue } from '../log/rows.ts';
import { type ValueText, valueTextOf } from './value-texts.ts';

/** How rows of a table are read that the log has, or why they are not: part of a sentence. */
export type TableReading =
  | {
      readonly columns: readonly LogColumn[];
      /** Fields in the order of the backup's columns; undefined if the event has only some of them. */
      read(values: readonly RawValue[]): Fields | undefined;
    }
  | { readonly why: string };

export const PARTIAL = 'the log has only parts of its rows: binlog_row_image is not FULL';

/** MariaDB notes so that a column's form is an old one. */
const COMMENT = / \/\*.*$/s;

/**
 * @param map what the log says of the table: types and names of columns
 * @param attributes what a backup says of it: what the types mean
 */
export function readTable(map: TableMap, attributes: TableAttributes): TableReading {
  const { names = [] } = map;
  const columns = knownColumns(map);
  if (!columns) return { why: 'the log has a type of column that is not read' };
  const shown = shownTexts(attributes.columns);
  const readers: { readonly place: number; readonly text: ValueText }[] = [];
  for (const [i, column] of attributes.columns.entries()) {
    const place = names.indexOf(column.name);
    const log = columns[place];
    const text = log && valueTextOf(column, log, shown[i] ?? String);
    if (!text) return { why: whyNot(column.name, column.type, log) };
    readers.push({ place, text });
  }
  return { columns, read: (values) => fieldsOf(values, readers) };
}

function fieldsOf(
  values: readonly RawValue[],
  readers: readonly { readonly place: number; readonly text: ValueText }[],
): Fields | undefined {
  const fields: (string | null)[] = [];
  for (const { place, text } of readers) {
    const raw = values[place];
    if (raw === undefined) return undefined;
    fields.push(raw === null ? null : text(raw));
  }
  return fields;
}

function knownColumns(map: TableMap): readonly LogColumn[] | undefined {
  try {
    return columnsOf(map);
  } catch {
    return undefined;
  }
}

function whyNot(name: string, type: string, log: LogColumn | undefined): string {
  if (!log) return `the log does not know its column ${name}`;
  if (log.type === COLUMN.json) return `${name} is JSON of MySQL, whose binary form is not read`;
  return `the log has ${name} in another form than ${type.replace(COMMENT, '')}`;
}

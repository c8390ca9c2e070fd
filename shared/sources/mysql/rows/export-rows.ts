import { csvRow as rowOf } from '../../../core/csv.ts';
import { HoldfastError } from '../../../core/errors.ts';
import type { ColumnAttributes } from '../datasets/attributes.ts';
import { decoderOf } from '../text/charsets.ts';

type Value = Buffer | null;
/** The text of a value, as CSV and NDJSON have it. */
type ToText = (value: Buffer) => string;

/** Texts in UTF-8; bytes in hexadecimal digits, `0x48656c`. @throws E_USAGE for a character set that Node.js does not know */
export function textsOf(columns: readonly ColumnAttributes[]): readonly ToText[] {
  return columns.map((column) => {
    const text = textOf(column);
    if (text) return text;
    throw new HoldfastError(
      'E_USAGE',
      `${column.name} is in ${column.charset}, which cannot be shown as text here`,
      {
        hint: 'Export the table as sql.',
      },
    );
  });
}

/** The same for people who look at rows: a text in such a character set is shown as its bytes. */
export function shownTexts(columns: readonly ColumnAttributes[]): readonly ToText[] {
  return columns.map((column) => textOf(column) ?? hexadecimal);
}

function textOf({ class: kind, charset }: ColumnAttributes): ToText | undefined {
  if (kind === 'binary') return hexadecimal;
  return kind === 'text' ? decoderOf(charset ?? 'utf8mb4') : (value) => value.toString('utf8');
}

function hexadecimal(value: Buffer): string {
  return `0x${value.toString('hex')}`;
}

export function csvHeader(columns: readonly ColumnAttributes[]): string {
  return rowOf(columns.map(({ name }) => name));
}

/** RFC 4180. NULL is empty, an empty text is `""`. */
export function csvRow(values: readonly Value[], texts: readonly ToText[]): string {
  return rowOf(values.map((value, i) => (value === null ? null : (texts[i]?.(value) ?? ''))));
}

/** One object a line. Numbers that a double holds exactly are numbers, JSON is itself; all else is text. */
export function jsonRow(
  columns: readonly ColumnAttributes[],
  values: readonly Value[],
  texts: readonly ToText[],
): string {
  const members = columns.map((column, i) => {
    const value = values[i] ?? null;
    return `${JSON.stringify(column.name)}:${value === null ? 'null' : jsonValue(column, texts[i]?.(value) ?? '')}`;
  });
  return `{${members.join(',')}}\n`;
}

function jsonValue({ class: kind }: ColumnAttributes, text: string): string {
  if (kind === 'json') return text.replaceAll(/[\r\n]+/g, ' ');
  if (kind === 'number' && String(Number(text)) === text) return text;
  return JSON.stringify(text);
}

import type { QueryColumn, QueryType, QueryValue } from '../../query.ts';
import {
  decimalType,
  readBigint,
  readClock,
  readDate,
  readDecimal,
  readDouble,
  readInteger,
  readMoment,
  readUuid,
  textNote,
} from '../../query-texts.ts';
import type { ColumnAttributes } from '../datasets/attributes.ts';
import { decoderOf } from './charsets.ts';

/** A column's type in a query, and how the bytes of a field become its value. */
export interface Reading extends Pick<QueryColumn, 'note'> {
  readonly type: QueryType;
  /** Undefined for a value that the type cannot hold, such as a day of zeros. */
  read(bytes: Buffer): QueryValue | undefined;
}

const ofText = (type: QueryType, read: (text: string) => QueryValue | undefined): Reading => ({
  type,
  read: (bytes) => read(bytes.toString('utf8')),
});
const TEXT = ofText({ kind: 'text' }, (text) => text);
const BYTES: Reading = { type: { kind: 'bytes' }, read: (bytes) => bytes };

const INTEGERS = {
  tinyint: 'tinyint',
  smallint: 'smallint',
  mediumint: 'integer',
  int: 'integer',
  integer: 'integer',
} as const;

/** How a column is read. */
export function readingOf(column: ColumnAttributes): Reading {
  switch (column.class) {
    case 'number':
      return numberReading(column);
    case 'time':
      return TIMES[baseOf(column.type)] ?? TEXT;
    case 'json':
      return ofText({ kind: 'json' }, (text) => text);
    case 'text':
      return textReading(column);
    default:
      return baseOf(column.type) === 'bit' ? BITS : BYTES;
  }
}

const baseOf = (type: string) => /^[a-z0-9]+/i.exec(type)?.[0].toLowerCase() ?? '';

function numberReading({ name, type }: ColumnAttributes): Reading {
  const base = baseOf(type);
  const isUnsigned = /unsigned|zerofill/.test(type);
  if (base === 'bigint') return ofText({ kind: isUnsigned ? 'ubigint' : 'bigint' }, readBigint);
  if (base in INTEGERS) {
    const kind = INTEGERS[base as keyof typeof INTEGERS];
    return ofText({ kind: isUnsigned ? `u${kind}` : kind }, readInteger);
  }
  if (base === 'year') return ofText({ kind: 'smallint' }, readInteger);
  if (base === 'float') return ofText({ kind: 'float' }, readDouble);
  const [, digits, scale] = /^(?:decimal|numeric)\((\d+)(?:,(\d+))?\)/.exec(type) ?? [];
  if (digits === undefined) return ofText({ kind: 'double' }, readDouble);
  const places = Number(scale ?? 0);
  const decimal = decimalType(Number(digits), places);
  if (decimal.kind === 'decimal') return ofText(decimal, (text) => readDecimal(text, places));
  return { ...TEXT, note: textNote(name, type, 'as it has more than 38 digits') };
}

/** A day of zeros, or one that the calendar lacks, is no date to a query. */
const TIMES: Readonly<Record<string, Reading>> = {
  date: ofText({ kind: 'date' }, (text) => (text.startsWith('0000') ? undefined : readDate(text))),
  datetime: ofText({ kind: 'timestamp' }, readDay),
  timestamp: ofText({ kind: 'timestamptz' }, readDay),
  // Up to 838 hours, and below 0: a span of time.
  time: ofText({ kind: 'interval' }, (text) => {
    const micros = readClock(text.replace(/^-/, ''));
    return micros === undefined
      ? undefined
      : { months: 0, days: 0, micros: text.startsWith('-') ? -micros : micros };
  }),
  uuid: ofText({ kind: 'uuid' }, readUuid),
};

function readDay(text: string): bigint | undefined {
  return text.startsWith('0000') ? undefined : readMoment(text);
}

/** As MySQL counts with it: a whole number. */
const BITS: Reading = {
  type: { kind: 'ubigint' },
  read: (bytes) => (bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`)),
};

function textReading({ charset }: ColumnAttributes): Reading {
  const decode = decoderOf(charset ?? 'utf8mb4');
  if (decode) return { ...TEXT, read: decode };
  return { ...BYTES, note: `it is in ${charset}, which cannot be shown as text, and is read as bytes` };
}

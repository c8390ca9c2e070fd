import { INFINITE, type QueryInterval, type QueryType, type QueryValue } from '../../query.ts';
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
} from '../../query-texts.ts';
import { parseArray } from './array-text.ts';

/** A column's type in a query, and how the text of COPY becomes its value. */
export interface Reading {
  readonly type: QueryType;
  /** Undefined for a value that the type cannot hold. */
  read(text: string): QueryValue | undefined;
}

const TEXT: Reading = { type: { kind: 'text' }, read: (text) => text };
const INTEGER = (kind: 'smallint' | 'integer' | 'uinteger'): Reading => ({
  type: { kind },
  read: readInteger,
});
const DOUBLE = (kind: 'float' | 'double'): Reading => ({ type: { kind }, read: readDouble });

/** By the type's name without what is in parentheses; any other is text. */
const READINGS: Readonly<Record<string, Reading>> = {
  boolean: { type: { kind: 'boolean' }, read: (text) => text === 't' },
  smallint: INTEGER('smallint'),
  integer: INTEGER('integer'),
  oid: INTEGER('uinteger'),
  bigint: { type: { kind: 'bigint' }, read: readBigint },
  real: DOUBLE('float'),
  'double precision': DOUBLE('double'),
  bytea: { type: { kind: 'bytes' }, read: (text) => Buffer.from(text.slice(2), 'hex') },
  uuid: { type: { kind: 'uuid' }, read: readUuid },
  json: { type: { kind: 'json' }, read: (text) => text },
  jsonb: { type: { kind: 'json' }, read: (text) => text },
  date: { type: { kind: 'date' }, read: readDay },
  'time without time zone': { type: { kind: 'time' }, read: readClock },
  'time with time zone': { type: { kind: 'timetz' }, read: readZonedTime },
  'timestamp without time zone': { type: { kind: 'timestamp' }, read: readTimestamp },
  'timestamp with time zone': { type: { kind: 'timestamptz' }, read: readTimestamp },
  interval: { type: { kind: 'interval' }, read: readInterval },
};

/** @param type as `format_type` writes it */
export function readingOf(type: string): Reading {
  if (type.endsWith('[]')) return type === 'box[]' ? TEXT : listOf(readingOf(type.slice(0, -2)));
  const [, digits, scale] = /^numeric\((\d+),(-?\d+)\)$/.exec(type) ?? [];
  if (digits !== undefined) return decimal(Number(digits), Number(scale));
  const name = type.startsWith('interval') ? 'interval' : type.replace(/\(\d+\)/, '');
  return READINGS[name] ?? TEXT;
}

/** A scale below 0 rounds to tens and hundreds; one above the precision is that of numbers below 0.1. */
function decimal(digits: number, scale: number): Reading {
  const places = Math.max(scale, 0);
  const type = decimalType(Math.max(digits - Math.min(scale, 0), places), places);
  return type.kind === 'text' ? TEXT : { type, read: (text) => readDecimal(text, places) };
}

function listOf({ type, read }: Reading): Reading {
  return {
    type: { kind: 'list', of: type },
    read: (text) => {
      const values: (QueryValue | null)[] = [];
      const elements = parseArray(text);
      for (const element of elements ?? []) {
        const value = element === null ? null : read(element);
        if (value === undefined) return undefined;
        values.push(value);
      }
      return elements && values;
    },
  };
}

const BC = ' BC';
const beforeBc = (text: string) => (text.endsWith(BC) ? text.slice(0, -BC.length) : text);

function readDay(text: string): number | undefined {
  if (text === 'infinity') return Number.POSITIVE_INFINITY;
  if (text === '-infinity') return Number.NEGATIVE_INFINITY;
  return readDate(beforeBc(text), text.endsWith(BC));
}

const ZONE = /([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/;

/** With or without an offset, which is that of the session that read it. */
function readTimestamp(text: string): bigint | undefined {
  if (text === 'infinity') return INFINITE;
  if (text === '-infinity') return -INFINITE;
  const moment = beforeBc(text);
  // Not the day of the month.
  const zone = moment.includes(':') ? ZONE.exec(moment) : null;
  const local = readMoment(zone ? moment.slice(0, zone.index) : moment, text.endsWith(BC));
  return local === undefined ? undefined : local - BigInt(offsetOf(zone)) * 1_000_000n;
}

function readZonedTime(text: string): QueryValue | undefined {
  const zone = ZONE.exec(text);
  const micros = readClock(text.slice(0, zone?.index));
  return micros === undefined ? undefined : { micros, offsetSeconds: offsetOf(zone) };
}

function offsetOf(zone: RegExpExecArray | null): number {
  const [, sign, hours = 0, minutes = 0, seconds = 0] = zone ?? [];
  const total = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return sign === '-' ? -total : total;
}

const PARTS =
  /^(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?(?:([+-]?)(\d+:\d\d:\d\d(?:\.\d+)?))?$/;

/** `1 year 2 mons -3 days -04:05:06.5`. */
function readInterval(text: string): QueryInterval | undefined {
  const parts = PARTS.exec(text);
  if (!parts || text === '') return undefined;
  const [, years = 0, months = 0, days = 0, sign, clock] = parts;
  const micros = clock === undefined ? 0n : readClock(clock);
  if (micros === undefined || micros > INFINITE) return undefined;
  return {
    months: Number(years) * 12 + Number(months),
    days: Number(days),
    micros: sign === '-' ? -micros : micros,
  };
}

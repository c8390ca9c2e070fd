import { daysOfDate } from '../core/civil-date.ts';
import { MOST_DIGITS, type QueryType } from './query.ts';

/*
 * Values of queries from texts that more than one kind of database writes. Each gives undefined for a text that it cannot read.
 */

const DAY_MICROS = 86_400_000_000n;
const MOST_MICROS = 2n ** 63n - 2n;
const DATE = /^(\d{4,})-(\d\d)-(\d\d)$/;
const CLOCK = /^(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

/** Days since 1970-01-01 of `2026-11-30`. @param isBc the year is before Christ */
export function readDate(text: string, isBc = false): number | undefined {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  return daysOfDate(isBc ? 1 - Number(year) : Number(year), Number(month), Number(day));
}

/** Microseconds of `09:05:00.25`. */
export function readClock(text: string): bigint | undefined {
  const [, hours, minutes, seconds, fraction = ''] = CLOCK.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** Microseconds since 1970 of `2026-11-30 09:05:00.25`. */
export function readMoment(text: string, isBc = false): bigint | undefined {
  const blank = text.indexOf(' ');
  const days = readDate(text.slice(0, blank), isBc);
  const micros = readClock(text.slice(blank + 1));
  if (blank < 0 || days === undefined || micros === undefined) return undefined;
  const moment = BigInt(days) * DAY_MICROS + micros;
  return moment > MOST_MICROS || moment < -MOST_MICROS ? undefined : moment;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** The number without its point. @param scale digits after it */
export function readDecimal(text: string, scale: number): bigint | undefined {
  const [, sign, whole = '', fraction = ''] = DECIMAL.exec(text) ?? [];
  if (sign === undefined || fraction.length > scale) return undefined;
  const size = BigInt(whole + fraction.padEnd(scale, '0'));
  return sign === '-' ? -size : size;
}

/** The type of a decimal number; text if it has more digits than a query's numbers. */
export function decimalType(digits: number, scale: number): QueryType {
  return digits > MOST_DIGITS ? { kind: 'text' } : { kind: 'decimal', digits, scale };
}

/** Why a number is read as text. @param name of the column */
export function textNote(name: string, type: string, reason: string): string {
  return `${type} is read as text, ${reason}: cast it where it is counted with, as in ${name}::decimal(38,6)`;
}

/** `UUID`'s 128 bits. */
export function readUuid(text: string): bigint | undefined {
  const digits = text.replaceAll('-', '');
  return /^[0-9a-f]{32}$/.test(digits) ? BigInt(`0x${digits}`) : undefined;
}

/** A number as a double. */
export function readDouble(text: string): number | undefined {
  const value = Number(text);
  return Number.isNaN(value) && text !== 'NaN' ? undefined : value;
}

/** A whole number. */
export function readInteger(text: string): number | undefined {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A whole number of up to 64 bits. */
export function readBigint(text: string): bigint | undefined {
  return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
}

const BYTE = 256;
const MICRO_DIGITS = 6;

const two = (value: number) => String(value).padStart(2, '0');
const four = (value: number) => String(value).padStart(4, '0');

/** Fractions take a byte for two digits. */
function fractionText(value: number, digits: number): string {
  if (digits === 0) return '';
  const stored = 2 * Math.ceil(digits / 2);
  return `.${String(value).padStart(stored, '0').padEnd(MICRO_DIGITS, '0').slice(0, digits)}`;
}

function fractionOf(raw: Buffer, at: number, digits: number): number {
  return digits === 0 ? 0 : raw.readUIntBE(at, (digits + 1) >> 1);
}

export function dateText(raw: Buffer): string {
  const value = raw.readUIntLE(0, 3);
  return `${four(value >> 9)}-${two((value >> 5) & 15)}-${two(value & 31)}`;
}

/** TIMESTAMP, in UTC. */
export function timestampText(raw: Buffer, digits: number): string {
  return `${momentText(raw.readUInt32BE(0))}${fractionText(fractionOf(raw, 4, digits), digits)}`;
}

/** As servers log it whose columns have the form of before MySQL 5.6. */
export function oldTimestampText(raw: Buffer): string {
  return momentText(raw.readUInt32LE(0));
}

function momentText(seconds: number): string {
  if (seconds === 0) return '0000-00-00 00:00:00';
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/** DATETIME: a sign, 17 bits of thirteenths of years, 5 of the day, 5 of the hour, 6 of minute and second each. */
export function datetimeText(raw: Buffer, digits: number): string {
  const value = raw.readUIntBE(0, 5) - 0x80_0000_0000;
  const day = Math.floor(value / 2 ** 17);
  const clock = value % 2 ** 17;
  const months = Math.floor(day / 32);
  const date = `${four(Math.floor(months / 13))}-${two(months % 13)}-${two(day % 32)}`;
  return `${date} ${clockText(clock)}${fractionText(fractionOf(raw, 5, digits), digits)}`;
}

/** As a decimal number: 20260228235959. */
export function oldDatetimeText(raw: Buffer): string {
  const text = String(raw.readBigUInt64LE(0)).padStart(14, '0');
  return text.replace(/^(\d+)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, '$1-$2-$3 $4:$5:$6');
}

/** TIME: the fraction counts in the same direction, so that the whole is one number that may be negative. */
export function timeText(raw: Buffer, digits: number): string {
  const fractionBytes = (digits + 1) >> 1;
  const unit = BYTE ** fractionBytes;
  const value = raw.readUIntBE(0, 3 + fractionBytes) - 0x80_0000 * unit;
  const size = Math.abs(value);
  return `${value < 0 ? '-' : ''}${clockText(Math.floor(size / unit))}${fractionText(size % unit, digits)}`;
}

/** As a decimal number: -8385959. */
export function oldTimeText(raw: Buffer): string {
  const value = raw.readIntLE(0, 3);
  const size = Math.abs(value);
  const minutes = Math.floor(size / 100);
  return `${value < 0 ? '-' : ''}${two(Math.floor(minutes / 100))}:${two(minutes % 100)}:${two(size % 100)}`;
}

/** From 12 bits on: hours. */
function clockText(value: number): string {
  return `${two(value >> 12)}:${two((value >> 6) & 63)}:${two(value & 63)}`;
}

/** @param digits of the column: four, or two */
export function yearText(raw: Buffer, digits: number): string {
  const value = raw.readUInt8(0);
  if (digits === 2) return two(value % 100);
  return value === 0 ? '0000' : String(1900 + value);
}

import { inflateRawSync, inflateSync } from 'node:zlib';
import type { ColumnAttributes } from '../../datasets/attributes.ts';
import { COLUMN, type LogColumn } from '../log/column-types.ts';
import { inet4Text, inet6Text, padded, uuidText } from './network-texts.ts';
import { decimalText, doubleText } from './number-texts.ts';
import {
  dateText,
  datetimeText,
  oldDatetimeText,
  oldTimestampText,
  oldTimeText,
  timestampText,
  timeText,
  yearText,
} from './time-texts.ts';
import { type TypeWords, typeWords } from './type-words.ts';

/** The text of a value, as rows of a backup have it. @throws RangeError, Error for bytes that are no value of the type */
export type ValueText = (raw: Buffer) => string;

interface About extends TypeWords {
  readonly log: LogColumn;
  /** What bytes of a text, or of a column of bytes, are shown as. */
  readonly shown: ValueText;
}

type Reader = (about: About) => ValueText | undefined;

/**
 * How values of a column are read that the log has.
 *
 * @param shown text of the bytes that a backup has
 * @returns undefined if the log's form is not that of the column's type, or is not read
 */
export function valueTextOf(
  { type }: ColumnAttributes,
  log: LogColumn,
  shown: ValueText,
): ValueText | undefined {
  const words = typeWords(type);
  return (READERS[words.word] ?? bytesReader)({ ...words, log, shown });
}

const integer =
  (type: number, bytes: number): Reader =>
  ({ log, isUnsigned, isZerofilled, size = 0 }) => {
    if (log.type !== type) return undefined;
    const width = isZerofilled ? size : 0;
    return (raw) => String(integerOf(raw, bytes, isUnsigned)).padStart(width, '0');
  };

function integerOf(raw: Buffer, bytes: number, isUnsigned: boolean): number | bigint {
  if (bytes === 8) return isUnsigned ? raw.readBigUInt64LE(0) : raw.readBigInt64LE(0);
  return isUnsigned ? raw.readUIntLE(0, bytes) : raw.readIntLE(0, bytes);
}

const decimal: Reader = ({ log, isZerofilled }) => {
  if (log.type !== COLUMN.decimal) return undefined;
  const [precision, scale] = [log.meta >> 8, log.meta & 0xff];
  const width = isZerofilled ? precision + (scale > 0 ? 1 : 0) : 0;
  return (raw) => decimalText(raw, precision, scale).padStart(width, '0');
};

const float: Reader = ({ log }) =>
  log.type === COLUMN.float ? (raw) => doubleText(raw.readFloatLE(0)) : undefined;

const double: Reader = ({ log }) =>
  log.type === COLUMN.double ? (raw) => doubleText(raw.readDoubleLE(0)) : undefined;

/** @param old the form of before MySQL 5.6, which has no fractions */
const timed =
  (type: number, text: (raw: Buffer, digits: number) => string, old: readonly [number, ValueText]): Reader =>
  ({ log, size = 0 }) => {
    if (log.type === type && log.meta === size) return (raw) => text(raw, size);
    return log.type === old[0] && size === 0 ? old[1] : undefined;
  };

const member: Reader = ({ log, members }) =>
  log.type === COLUMN.enum ? (raw) => memberAt(members, raw.readUIntLE(0, raw.length)) : undefined;

/** The place 0 is that of a value that was refused. */
function memberAt(members: readonly string[], place: number): string {
  const found = place === 0 ? '' : members[place - 1];
  if (found === undefined) throw new RangeError(`an ENUM has no value ${place}`);
  return found;
}

const set: Reader = ({ log, members }) =>
  log.type === COLUMN.set
    ? (raw) => members.filter((_, place) => ((raw[place >> 3] ?? 0) & (1 << (place & 7))) !== 0).join(',')
    : undefined;

const BYTES: ReadonlySet<number> = new Set([
  COLUMN.varchar,
  COLUMN.varString,
  COLUMN.string,
  COLUMN.blob,
  COLUMN.geometry,
]);
const COMPRESSED: ReadonlySet<number> = new Set([COLUMN.blobCompressed, COLUMN.varcharCompressed]);

/** Texts and bytes of all kinds. */
const bytesReader: Reader = ({ word, size = 1, log, shown }) => {
  if (COMPRESSED.has(log.type)) return (raw) => shown(expanded(raw));
  if (!BYTES.has(log.type)) return undefined;
  return word === 'binary' ? (raw) => shown(padded(raw, size)) : shown;
};

const bits: Reader = ({ log, shown }) => (log.type === COLUMN.bit ? shown : undefined);

const fixed =
  (text: ValueText): Reader =>
  ({ log }) =>
    log.type === COLUMN.string ? text : undefined;

const READERS: Readonly<Record<string, Reader>> = {
  tinyint: integer(COLUMN.tiny, 1),
  smallint: integer(COLUMN.short, 2),
  mediumint: integer(COLUMN.int24, 3),
  int: integer(COLUMN.long, 4),
  integer: integer(COLUMN.long, 4),
  bigint: integer(COLUMN.longlong, 8),
  decimal,
  numeric: decimal,
  float,
  double,
  real: double,
  bit: bits,
  year: ({ log, size = 4 }) => (log.type === COLUMN.year ? (raw) => yearText(raw, size) : undefined),
  date: ({ log }) => (log.type === COLUMN.date || log.type === COLUMN.newdate ? dateText : undefined),
  datetime: timed(COLUMN.datetime2, datetimeText, [COLUMN.datetime, oldDatetimeText]),
  timestamp: timed(COLUMN.timestamp2, timestampText, [COLUMN.timestamp, oldTimestampText]),
  time: timed(COLUMN.time2, timeText, [COLUMN.time, oldTimeText]),
  enum: member,
  set,
  json: () => undefined,
  uuid: fixed(uuidText),
  inet4: fixed(inet4Text),
  inet6: fixed(inet6Text),
};

/** The longest value that a server takes. */
const MOST_BYTES = 2 ** 30;

/** A value of a column that MariaDB compresses (`COMPRESSED`): the first byte says how, and how many bytes its length has. */
function expanded(raw: Buffer): Buffer {
  const head = raw[0] ?? 0;
  const method = head >> 4;
  if (method === 0) return raw.subarray(1);
  if (method !== 8) throw new Error(`a value is compressed by a method that is not known: ${method}`);
  const lengthBytes = head & 0x07;
  const bytes = lengthBytes === 0 ? 0 : raw.readUIntBE(1, Math.min(lengthBytes, 6));
  const options = { maxOutputLength: Math.max(1, Math.min(bytes, MOST_BYTES)) };
  const body = raw.subarray(1 + lengthBytes);
  // Without zlib's own header, unless column_compression_zlib_wrap is on.
  return (head & 0x08) === 0 ? inflateSync(body, options) : inflateRawSync(body, options);
}

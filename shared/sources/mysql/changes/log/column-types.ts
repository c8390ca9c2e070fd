import type { TableMap } from './payloads.ts';

/** A column as an event of rows has its values. */
export interface LogColumn {
  /** The server's number of its type; of ENUM and SET their own, not that of the text that they look like. */
  readonly type: number;
  /** What the type depends on; its meaning is the type's. */
  readonly meta: number;
}

export const COLUMN = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  newdate: 14,
  varchar: 15,
  bit: 16,
  timestamp2: 17,
  datetime2: 18,
  time2: 19,
  blobCompressed: 140,
  varcharCompressed: 141,
  json: 245,
  decimal: 246,
  enum: 247,
  set: 248,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

const FIXED: Readonly<Record<number, number>> = {
  [COLUMN.tiny]: 1,
  [COLUMN.short]: 2,
  [COLUMN.long]: 4,
  [COLUMN.float]: 4,
  [COLUMN.double]: 8,
  [COLUMN.null]: 0,
  [COLUMN.timestamp]: 4,
  [COLUMN.longlong]: 8,
  [COLUMN.int24]: 3,
  [COLUMN.date]: 3,
  [COLUMN.time]: 3,
  [COLUMN.datetime]: 8,
  [COLUMN.year]: 1,
  [COLUMN.newdate]: 3,
};

const ONE_BYTE = new Set<number>([
  COLUMN.float,
  COLUMN.double,
  COLUMN.timestamp2,
  COLUMN.datetime2,
  COLUMN.time2,
  COLUMN.blob,
  COLUMN.blobCompressed,
  COLUMN.json,
  COLUMN.geometry,
]);
const TWO_BYTES = new Set<number>([COLUMN.varchar, COLUMN.varcharCompressed, COLUMN.varString, COLUMN.bit]);
/** With the more significant byte first. */
const TWO_PARTS = new Set<number>([COLUMN.decimal, COLUMN.string, COLUMN.enum, COLUMN.set]);

/** @throws Error for a type that nobody here knows: where the next value begins would be unknown too */
export function columnsOf({ types, metadata }: Pick<TableMap, 'types' | 'metadata'>): readonly LogColumn[] {
  let at = 0;
  return Array.from(types, (type) => {
    if (ONE_BYTE.has(type)) return { type, meta: metadata[at++] ?? 0 };
    if (!TWO_BYTES.has(type) && !TWO_PARTS.has(type)) {
      if (FIXED[type] === undefined) throw new Error(`columns of type ${type} are unknown`);
      return { type, meta: 0 };
    }
    const low = metadata[at] ?? 0;
    const high = metadata[at + 1] ?? 0;
    at += 2;
    if (TWO_BYTES.has(type)) return { type, meta: low + high * 256 };
    return type === COLUMN.string ? textColumn(low, high) : { type, meta: low * 256 + high };
  });
}

/** CHAR, ENUM and SET: the type is in the first byte, with two bits of a CHAR's length turned round. */
function textColumn(first: number, length: number): LogColumn {
  const isLong = (first & 0x30) !== 0x30;
  const type = isLong ? first | 0x30 : first;
  return { type, meta: isLong ? length | (((first & 0x30) ^ 0x30) << 4) : length };
}

/** Bytes of as many decimal digits. */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4] as const;

export function decimalBytes(digits: number): number {
  return Math.floor(digits / 9) * 4 + (DIGIT_BYTES[digits % 9] ?? 0);
}

/** How many bytes a value has that is at `at`, and how many of them say how long it is. */
export function valueSize(
  { type, meta }: LogColumn,
  bytes: Buffer,
  at: number,
): { readonly prefix: number; readonly length: number } {
  const fixed = FIXED[type] ?? fixedByMeta(type, meta);
  if (fixed !== undefined) return { prefix: 0, length: fixed };
  const isBlob =
    type === COLUMN.blob ||
    type === COLUMN.blobCompressed ||
    type === COLUMN.json ||
    type === COLUMN.geometry;
  const prefix = isBlob ? meta : meta > 255 ? 2 : 1;
  return { prefix, length: bytes.readUIntLE(at, prefix) };
}

function fixedByMeta(type: number, meta: number): number | undefined {
  const fraction = (meta + 1) >> 1;
  if (type === COLUMN.timestamp2) return 4 + fraction;
  if (type === COLUMN.datetime2) return 5 + fraction;
  if (type === COLUMN.time2) return 3 + fraction;
  if (type === COLUMN.enum || type === COLUMN.set) return meta & 0xff;
  if (type === COLUMN.bit) return (meta >> 8) + ((meta & 0xff) > 0 ? 1 : 0);
  if (type !== COLUMN.decimal) return undefined;
  const scale = meta & 0xff;
  return decimalBytes((meta >> 8) - scale) + decimalBytes(scale);
}

import type { HoldfastError } from '../../core/errors.ts';
import { ByteReader } from '../varint.ts';
import { decompressInto } from '../zstd.ts';
import { HAS_NULLS, KIND, MOST_FIELDS } from './layout.ts';
import { type ColumnMemory, columnMemory, SPARE_BYTES } from './memory.ts';

const MOST_WIDTH = 8;
const MOST_SCALE = 18;
const MOST_ENTRIES = 255;
const FORMS = 3;
const HEX_FORMS = 2;
const UUID_BYTES = 16;
/** Nulls and differences; numbers may also drop zeros at their end. */
const MOST_FLAGS = { [KIND.number]: 7, [KIND.time]: 3 };
/** More than a number takes, or a time without its suffix. */
const MOST_VALUE_BYTES = 512;
/** Where each entry of a dictionary begins, and where the last one ends. */
const STARTS_BYTES = 4 * (MOST_ENTRIES + 2);

interface Part {
  readonly plainBytes: number;
  /** 0: stored uncompressed. */
  readonly storedBytes: number;
}

/** A column as its head describes it. */
interface Column {
  readonly kind: number;
  readonly flags: number;
  readonly form: number;
  readonly width: number;
  readonly base: bigint;
  readonly affix: Buffer;
  readonly entries: number;
  readonly parts: readonly Part[];
}

/** Columns as their head describes them, and a reader that stands before their parts. */
interface Opened {
  readonly reader: ByteReader;
  /** Of the rows that they produce. */
  readonly bytes: number;
  readonly rows: number;
  readonly columns: readonly Column[];
}

/**
 * The rows that columns produce.
 *
 * @param maxBytes largest output
 * @throws E_DAMAGED
 */
export function decodeColumns(body: Uint8Array, maxBytes: number): Buffer {
  const opened = openColumns(body, maxBytes);
  const made = joinWanted(opened, () => true);
  if (made.length === opened.bytes) return made;
  throw noRows(opened);
}

/**
 * The same rows with some of their fields only. No other column is decompressed.
 *
 * @param places of the fields, ascending, at least one
 * @returns undefined if there is no field at one of the places
 * @throws E_DAMAGED
 */
export function pickColumns(
  body: Uint8Array,
  maxBytes: number,
  places: readonly number[],
): Buffer | undefined {
  const opened = openColumns(body, maxBytes);
  if ((places.at(-1) ?? 0) >= opened.columns.length) return undefined;
  return joinWanted(opened, (place) => places.includes(place));
}

/**
 * How the bytes of an item of columns are shared out: its heads, then each column in order.
 *
 * @throws E_DAMAGED
 */
export function columnSizes(body: Uint8Array): { readonly headBytes: number; readonly columns: number[] } {
  const { reader, columns } = openColumns(body, Number.MAX_SAFE_INTEGER);
  const sizes = columns.map(({ parts }) => parts.reduce((sum, part) => sum + storedBytesOf(part), 0));
  return { headBytes: body.length - reader.left, columns: sizes };
}

function openColumns(body: Uint8Array, maxBytes: number): Opened {
  const reader = new ByteReader(body, 'an item of columns');
  const [bytes, rows, fields] = [reader.varint(), reader.varint(), reader.varint()];
  if (bytes > maxBytes)
    throw reader.damaged(`it claims to hold ${bytes} bytes, at most ${maxBytes} are allowed`);
  if (fields < 1 || fields > MOST_FIELDS || rows < 1 || rows * fields > bytes)
    throw reader.damaged(`it claims to hold ${rows} rows of ${fields} fields in ${bytes} bytes`);
  const columns = Array.from({ length: fields }, () => readColumn(reader, bytes, rows));
  return { reader, bytes, rows, columns };
}

function joinWanted(opened: Opened, isWanted: (place: number) => boolean): Buffer {
  const { reader, bytes, rows, columns } = opened;
  const memory = columnMemory();
  const [table = 0, parts = 0, starts = 0, texts = 0, out = 0] = memory.layOut(
    columns.length * 8,
    Math.max(...columns.map(({ parts: of, affix }) => totalOf(of) + affix.length)),
    STARTS_BYTES,
    2 * bytes + columns.length * SPARE_BYTES + MOST_VALUE_BYTES,
    bytes,
  );
  let left = bytes;
  let at = texts;
  let joined = 0;
  for (const [index, column] of columns.entries()) {
    if (!isWanted(index)) {
      for (const part of column.parts) reader.bytes(storedBytesOf(part));
      continue;
    }
    const placed = place(column, reader, { memory, at: parts });
    const area = { rows, starts, out: at, room: left + bytes + MOST_VALUE_BYTES };
    const made = decodeColumn(column, placed, { memory, ...area });
    if (made < 0 || made > left)
      throw reader.damaged(`column ${index} does not hold ${rows} values that fit`);
    memory.writeU32(table + 8 * joined, at);
    memory.writeU32(table + 8 * joined + 4, at + made);
    joined++;
    left -= made;
    at += made + SPARE_BYTES;
  }
  reader.end();
  const total = memory.call.joinColumns(table, joined, rows, out, bytes);
  if (total !== bytes - left) throw noRows(opened);
  return Buffer.from(memory.view(out, total));
}

function noRows({ reader, rows, bytes }: Opened): HoldfastError {
  return reader.damaged(`its columns do not produce ${rows} rows of ${bytes} bytes`);
}

const totalOf = (parts: readonly Part[]) => parts.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
const storedBytesOf = ({ plainBytes, storedBytes }: Part) => (storedBytes === 0 ? plainBytes : storedBytes);

function readColumn(reader: ByteReader, bytes: number, rows: number): Column {
  const kind = reader.u8();
  const none = { kind, flags: 0, form: 0, width: 0, base: 0n, affix: Buffer.alloc(0), entries: 0 };
  const part = (mostBytes: number): Part => readPart(reader, mostBytes);
  switch (kind) {
    case KIND.text:
      return { ...none, parts: [part(bytes)] };
    case KIND.constant:
      return { ...none, affix: reader.bytes(reader.count(1)), parts: [] };
    case KIND.dictionary: {
      const entries = reader.varint();
      if (entries < 1 || entries > MOST_ENTRIES) throw reader.damaged(`a dictionary has ${entries} entries`);
      return { ...none, entries, parts: [part(bytes), part(rows)] };
    }
    case KIND.number:
    case KIND.time:
      return { ...none, ...readIntegers(reader, kind, rows) };
    case KIND.hex: {
      const [flags, form, width] = [reader.u8(), reader.u8(), reader.varint()];
      if (
        flags > HAS_NULLS ||
        form >= HEX_FORMS ||
        width < 1 ||
        2 * width > bytes ||
        (form === 1 && width !== UUID_BYTES)
      )
        throw reader.damaged(`a hex column has flags ${flags}, form ${form}, ${width} bytes`);
      const affix = reader.bytes(reader.u8());
      return { ...none, flags, form, width, affix, parts: partsOf(flags, rows, width * rows, part) };
    }
    default:
      throw reader.damaged(`a column is of kind ${kind}, known kinds are 0 to ${KIND.hex}`);
  }
}

function readIntegers(reader: ByteReader, kind: typeof KIND.number | typeof KIND.time, rows: number) {
  const [flags, form, width] = [reader.u8(), reader.u8(), reader.u8()];
  const mostForm = kind === KIND.time ? FORMS - 1 : MOST_SCALE;
  if (flags > MOST_FLAGS[kind] || form > mostForm || width > MOST_WIDTH)
    throw reader.damaged(`a column of numbers has flags ${flags}, form ${form}, width ${width}`);
  const base = reader.bytes(8).readBigInt64LE();
  const affix = kind === KIND.time ? reader.bytes(reader.u8()) : Buffer.alloc(0);
  const parts = partsOf(flags, rows, width * rows, (mostBytes) => readPart(reader, mostBytes));
  return { flags, form, width, base, affix, parts };
}

/** @param mostBytes of values; 0: there are no values */
function partsOf(flags: number, rows: number, mostBytes: number, part: (mostBytes: number) => Part): Part[] {
  const nulls = (flags & HAS_NULLS) === 0 ? [] : [part(Math.ceil(rows / 8))];
  return mostBytes === 0 ? nulls : [...nulls, part(mostBytes)];
}

function readPart(reader: ByteReader, mostBytes: number): Part {
  const [plainBytes, storedBytes] = [reader.varint(), reader.varint()];
  if (plainBytes > mostBytes || storedBytes > plainBytes)
    throw reader.damaged(
      `a part of ${plainBytes} bytes is stored in ${storedBytes}, at most ${mostBytes} are allowed`,
    );
  return { plainBytes, storedBytes };
}

/** Where the parts of a column and its affix were put, and how large each part is. */
interface Placed {
  readonly at: readonly number[];
  readonly bytes: readonly number[];
  readonly affix: number;
}

/** @throws E_DAMAGED */
function place(
  { parts, affix }: Column,
  reader: ByteReader,
  { memory, at }: { readonly memory: ColumnMemory; readonly at: number },
): Placed {
  let next = at;
  const places = parts.map(({ plainBytes, storedBytes }) => {
    const stored = reader.bytes(storedBytesOf({ plainBytes, storedBytes }));
    if (storedBytes === 0) memory.write(next, stored);
    else decompressInto(stored, memory.view(next, plainBytes));
    next += plainBytes;
    return next - plainBytes;
  });
  memory.write(next, affix);
  return { at: places, bytes: parts.map(({ plainBytes }) => plainBytes), affix: next };
}

interface Area {
  readonly memory: ColumnMemory;
  readonly rows: number;
  readonly starts: number;
  readonly out: number;
  readonly room: number;
}

/** @returns bytes of the values, each with a newline; negative if they are damaged */
function decodeColumn(column: Column, placed: Placed, { memory, rows, starts, out, room }: Area): number {
  const { kind, form, width, base, affix, entries } = column;
  const { call } = memory;
  const [first = 0, second = 0] = placed.at;
  const [firstBytes = 0, secondBytes = 0] = placed.bytes;
  switch (kind) {
    case KIND.text:
      memory.move(first, out, firstBytes);
      return firstBytes;
    case KIND.constant:
      return call.decodeConstant(placed.affix, affix.length, rows, out, room);
    case KIND.dictionary:
      if (secondBytes !== rows) return -1;
      return call.decodeDictionary(first, firstBytes, entries, second, rows, starts, out, room);
    default:
  }
  const hasNulls = (column.flags & HAS_NULLS) !== 0;
  const nulls = hasNulls ? first : 0;
  if (hasNulls && firstBytes !== Math.ceil(rows / 8)) return -1;
  const count = rows - (hasNulls ? call.countNulls(nulls, rows) : 0);
  const values = hasNulls ? second : first;
  if ((hasNulls ? secondBytes : firstBytes) !== width * count) return -1;
  if (kind === KIND.hex)
    return call.decodeHex(values, width, form, nulls, placed.affix, affix.length, rows, out, room);
  const flags = column.flags;
  if (kind === KIND.number)
    return call.decodeNumbers(values, count, width, flags, form, base, nulls, rows, out, room);
  return call.decodeTimes(
    values,
    count,
    width,
    flags,
    form,
    base,
    nulls,
    placed.affix,
    affix.length,
    rows,
    out,
    room,
  );
}

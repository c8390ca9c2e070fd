import { Cursor, check, sha256, unzstd } from './bytes.ts';

/** What is said of a part: its bytes, and its stored bytes (0: as it is). */
interface Part {
  readonly bytes: number;
  readonly stored: number;
}

interface Column {
  readonly parts: readonly Part[];
  /** One value for each row, each byte a character. */
  readonly values: (parts: readonly Buffer[]) => readonly string[];
}

interface Table {
  readonly bytes: number;
  readonly rows: number;
}

function part(head: Cursor, most: number): Part {
  const bytes = head.varint();
  check(bytes <= most, 'a part is larger than its kind can take');
  const stored = head.varint();
  check(stored <= bytes, 'a part is stored in more bytes than it has');
  return { bytes, stored };
}

function readPart(cursor: Cursor, { bytes, stored }: Part): Buffer {
  const plain = stored === 0 ? cursor.take(bytes) : unzstd(cursor.take(stored), bytes);
  check(plain.length === bytes, 'a part has other bytes than it says');
  return plain;
}

/** `count` values, each with a newline after it. */
function lines(bytes: Buffer, count: number): readonly string[] {
  const found = bytes.toString('latin1').split('\n');
  check(found.pop() === '', 'a value has no newline after it');
  check(found.length === count, 'a column has another number of values');
  return found;
}

function flagsOf(head: Cursor, allowed: number): number {
  const flags = head.u8();
  check((flags & ~allowed) === 0, 'a flag that this page does not know');
  return flags;
}

function textColumn(head: Cursor, { bytes, rows }: Table): Column {
  return { parts: [part(head, bytes)], values: ([text]) => lines(text!, rows) };
}

function constantColumn(head: Cursor, { rows }: Table): Column {
  const value = head.take(head.varint()).toString('latin1');
  return { parts: [], values: () => Array.from({ length: rows }, () => value) };
}

function dictionaryColumn(head: Cursor, { bytes, rows }: Table): Column {
  const count = head.varint();
  check(count >= 1 && count <= 255, 'a dictionary of another size');
  const values = ([entries, numbers]: readonly Buffer[]): readonly string[] => {
    const texts = lines(entries!, count);
    check(numbers!.length === rows, 'a column has another number of values');
    check(
      numbers!.every((number) => number < count),
      'a dictionary has no such entry',
    );
    return Array.from(numbers!, (number) => texts[number]!);
  };
  return { parts: [part(head, bytes), part(head, rows)], values };
}

/** Rows that are not null; null: `\N` is there. */
function present(nulls: Buffer | null, rows: number): readonly boolean[] {
  if (nulls === null) return Array.from({ length: rows }, () => true);
  check(nulls.length === Math.ceil(rows / 8), 'nulls are of another number of rows');
  return Array.from({ length: rows }, (_, row) => ((nulls[row >> 3]! >> (row & 7)) & 1) === 0);
}

function withNulls(rows: readonly boolean[], values: readonly string[]): readonly string[] {
  let next = 0;
  return rows.map((there) => (there ? values[next++]! : '\\N'));
}

const LARGEST = 2n ** 63n;

interface Integers {
  readonly flags: number;
  readonly width: number;
  readonly base: bigint;
}

/** The column of a kind that is made of integers. */
function integerColumn(
  head: Cursor,
  { rows }: Table,
  { flags, width, base, write }: Integers & { readonly write: (value: bigint) => string },
): Column {
  const parts: Part[] = [];
  if ((flags & 1) !== 0) parts.push(part(head, Math.ceil(rows / 8)));
  if (width !== 0) parts.push(part(head, width * rows));
  const values = (read: readonly Buffer[]): readonly string[] => {
    const there = present((flags & 1) !== 0 ? read[0]! : null, rows);
    const count = there.filter(Boolean).length;
    const planes = width === 0 ? Buffer.alloc(0) : read.at(-1)!;
    check(planes.length === width * count, 'a column has another number of values');
    let before = base;
    const numbers = Array.from({ length: count }, (_, index) => {
      let number = 0n;
      for (let byte = width - 1; byte >= 0; byte -= 1)
        number = (number << 8n) | BigInt(planes[byte * count + index]!);
      if ((flags & 2) === 0) return base + number;
      before += number % 2n === 0n ? number / 2n : -(number + 1n) / 2n;
      return before;
    });
    check(
      numbers.every((number) => number > -LARGEST && number < LARGEST),
      'an integer that is no i64',
    );
    return withNulls(there, numbers.map(write));
  };
  return { parts, values };
}

function widthOf(head: Cursor): number {
  const width = head.u8();
  check(width <= 8, 'integers are too wide');
  return width;
}

function numberColumn(head: Cursor, table: Table): Column {
  const flags = flagsOf(head, 7);
  const scale = head.u8();
  check(scale <= 18, 'a number has too many digits behind the point');
  const width = widthOf(head);
  const write = (value: bigint): string => {
    const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
    const whole = digits.slice(0, digits.length - scale);
    let behind = digits.slice(digits.length - scale);
    if ((flags & 4) !== 0) behind = behind.replace(/0+$/, '');
    return `${value < 0n ? '-' : ''}${whole}${behind === '' ? '' : `.${behind}`}`;
  };
  return integerColumn(head, table, { flags, width, base: head.i64(), write });
}

const UNITS = [86_400_000_000n, 1_000_000n, 1n];

function timeColumn(head: Cursor, table: Table): Column {
  const flags = flagsOf(head, 3);
  const form = head.u8();
  const unit = UNITS[form];
  check(unit !== undefined, 'a time of another form');
  const width = widthOf(head);
  const base = head.i64();
  const suffix = head.take(head.u8()).toString('latin1');
  const write = (value: bigint): string => {
    const micros = value * unit;
    const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
    const date = new Date(Number((micros - fraction) / 1000n));
    const year = date.getUTCFullYear();
    check(year >= 1 && year <= 9999, 'a time of another year than 1 to 9999');
    const [day = '', hour = ''] = date.toISOString().slice(0, 19).split('T');
    const behind = fraction.toString().padStart(6, '0').replace(/0+$/, '');
    return `${day}${form === 0 ? '' : ` ${hour}`}${behind === '' ? '' : `.${behind}`}${suffix}`;
  };
  return integerColumn(head, table, { flags, width, base, write });
}

function hexColumn(head: Cursor, { bytes, rows }: Table): Column {
  const flags = flagsOf(head, 1);
  const form = head.u8();
  const width = head.varint();
  check(width >= 1 && (form === 0 || (form === 1 && width === 16)), 'hex of another form');
  const prefix = head.take(head.u8()).toString('latin1');
  const parts = (flags & 1) === 0 ? [] : [part(head, Math.ceil(rows / 8))];
  check(2 * width <= bytes, 'hex that is wider than the chunk');
  parts.push(part(head, width * rows));
  const values = (read: readonly Buffer[]): readonly string[] => {
    const there = present((flags & 1) === 0 ? null : read[0]!, rows);
    const count = there.filter(Boolean).length;
    const data = read.at(-1)!;
    check(data.length === width * count, 'a column has another number of values');
    const texts = Array.from({ length: count }, (_, index) => {
      const digits = data.toString('hex', index * width, (index + 1) * width);
      if (form === 0) return prefix + digits;
      return prefix + digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    });
    return withNulls(there, texts);
  };
  return { parts, values };
}

const KINDS = [textColumn, constantColumn, dictionaryColumn, numberColumn, timeColumn, hexColumn];

/** A table as codec 4 begins, and its columns' heads. */
function readHeads(cursor: Cursor, seen: Set<string>): Table & { readonly heads: readonly Column[] } {
  const [bytes = 0, rows = 0, fields = 0] = cursor.many(3, () => cursor.varint());
  check(rows >= 1 && fields >= 1 && fields <= 1024, 'a table of no rows, or of too many fields');
  check(rows * fields <= bytes, 'more values than bytes');
  const heads = cursor.many(fields, () => {
    const number = cursor.u8();
    const kind = KINDS[number];
    check(kind !== undefined, 'a column of another kind');
    seen.add(`column ${number}`);
    return kind(cursor, { bytes, rows });
  });
  return { bytes, rows, heads };
}

/** The map of columns behind an item of codec 4: its parts are the heads, then whole columns, and have the digests that it says. */
export function checkMap(item: Buffer, map: Buffer): void {
  check(map.readUInt16LE(1) === map.length && map.length <= 2048, 'a map has another length than it says');
  const cursor = new Cursor(map.subarray(3));
  const parts = cursor.many(cursor.varint(), () => ({
    columns: cursor.varint(),
    bytes: cursor.varint(),
    digest: cursor.take(16).toString('hex'),
  }));
  cursor.end();
  check(parts.length >= 2 && parts.length <= 128, 'a map has another number of parts');
  const rest = new Cursor(item.subarray(1));
  const { heads } = readHeads(rest, new Set());
  const ends = [item.length - rest.rest().length];
  for (const head of heads)
    ends.push(head.parts.reduce((end, { bytes, stored }) => end + (stored || bytes), ends.at(-1)!));
  let [at, done] = [0, 0];
  for (const [index, { columns: count, bytes, digest }] of parts.entries()) {
    check(index === 0 ? count === 0 : count > 0, 'a part of a map has another number of columns');
    const part = item.subarray(at, at + bytes);
    check(sha256(part).startsWith(digest), 'a part of a map has another digest');
    at += bytes;
    done += count;
    check(ends[done] === at, 'a part of a map does not end where a column does');
  }
  check(at === item.length && done === heads.length, 'a map is not of all columns');
}

/** The chunk that codec 4 holds as columns. */
export function columns(stored: Buffer, maxBytes: number, seen: Set<string>): Buffer {
  const cursor = new Cursor(stored);
  const { bytes, rows, heads } = readHeads(cursor, seen);
  check(bytes <= maxBytes, 'a chunk is too large');
  const values = heads.map((head) => head.values(head.parts.map((each) => readPart(cursor, each))));
  cursor.end();
  const total = values.reduce((sum, column) => column.reduce((all, value) => all + value.length + 1, sum), 0);
  check(total === bytes, 'the rows have other bytes than is said');
  const records = Array.from({ length: rows }, (_, row) => values.map((column) => column[row]!).join('\t'));
  return Buffer.from(records.map((record) => `${record}\n`).join(''), 'latin1');
}

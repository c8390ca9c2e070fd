import type { KeyField } from '../core/key-fields.ts';

/** Most bytes of a bound. */
export const MOST_BOUND_BYTES = 32;

const NEWLINE = 0x0a;
const TAB = 0x09;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;
const LETTER_N = 0x4e;
const DIGIT_0 = 0x30;
/** So many digits are a whole number that a double holds exactly. */
const EXACT_DIGITS = 15;
const MOST_DIGITS = 19;
const LEAST_INTEGER = -(2n ** 63n);
const GREATEST_INTEGER = 2n ** 63n - 1n;

/** No key of a chunk is before `least` or behind `greatest`, both in canonical form and no longer than MOST_BOUND_BYTES. */
export interface ChunkBounds {
  readonly least: Uint8Array;
  readonly greatest: Uint8Array;
}

/** The value of a field: of a whole number itself, else where its bytes lie. */
type Value = number | bigint | readonly [start: number, end: number];
type Key = readonly Value[];

/**
 * Counts the records of a chunk, and finds the least and the greatest key of them.
 *
 * @param plain whole records
 * @param fields of the key, at least one
 * @returns no bounds if there is no record, if one lacks a field or has NULL or no number in it, or if there is none behind the greatest
 */
export function scanRecords(plain: Buffer, fields: readonly KeyField[]): Scanned {
  const [only, ...others] = fields;
  const numbers =
    only?.form === 'integer' && others.length === 0 ? scanNumbers(plain, only.place) : undefined;
  return numbers ?? scanKeys(plain, fields);
}

interface Scanned {
  readonly records: number;
  readonly bounds: ChunkBounds | undefined;
}

/** The usual key, several times faster; undefined if a field is no number that a double holds exactly. */
function scanNumbers(plain: Buffer, place: number): Scanned | undefined {
  let records = 0;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  let start = 0;
  for (let end = plain.indexOf(NEWLINE); end >= 0; end = plain.indexOf(NEWLINE, start)) {
    const value = numberAt(plain, fieldStart(plain, start, end, place), end);
    if (Number.isNaN(value)) return undefined;
    if (value > greatest) greatest = value;
    if (value < least) least = value;
    records++;
    start = end + 1;
  }
  if (records === 0) return { records, bounds: undefined };
  return { records, bounds: boundsOf(formOfInteger(BigInt(least)), formOfInteger(BigInt(greatest))) };
}

function scanKeys(plain: Buffer, fields: readonly KeyField[]): Scanned {
  const found = new Extremes(plain);
  let records = 0;
  let isKnown = true;
  let start = 0;
  for (let end = plain.indexOf(NEWLINE); end >= 0; end = plain.indexOf(NEWLINE, start)) {
    isKnown &&= found.add(keyAt(plain, start, end, fields));
    records++;
    start = end + 1;
  }
  return { records, bounds: isKnown ? found.bounds : undefined };
}

/** The least and the greatest of keys in a chunk. */
class Extremes {
  readonly #plain: Buffer;
  #least: Key | undefined;
  #greatest: Key | undefined;

  constructor(plain: Buffer) {
    this.#plain = plain;
  }

  /** @returns false: without that key, nothing is known */
  add(key: Key | undefined): boolean {
    if (!key) return false;
    // Rows mostly come in the order of their keys.
    if (!this.#least || !this.#greatest) this.#least = this.#greatest = key;
    else if (compareKeys(this.#plain, key, this.#greatest) > 0) this.#greatest = key;
    else if (compareKeys(this.#plain, key, this.#least) < 0) this.#least = key;
    return true;
  }

  get bounds(): ChunkBounds | undefined {
    if (!this.#least || !this.#greatest) return undefined;
    return boundsOf(formOfKey(this.#plain, this.#least), formOfKey(this.#plain, this.#greatest));
  }
}

/** Bounds from the canonical forms of two keys; those may be longer than bounds are. */
export function boundsOf(least: Buffer, greatest: Buffer): ChunkBounds | undefined {
  const upper = cutUp(greatest);
  return upper && { least: Uint8Array.from(least.subarray(0, MOST_BOUND_BYTES)), greatest: upper };
}

/** The form itself if it is short, else the least short one that is behind all with its first bytes. */
function cutUp(form: Buffer): Uint8Array | undefined {
  if (form.length <= MOST_BOUND_BYTES) return Uint8Array.from(form);
  let length = MOST_BOUND_BYTES;
  while (length > 0 && form[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const cut = Uint8Array.from(form.subarray(0, length));
  cut[length - 1] = (cut[length - 1] ?? 0) + 1;
  return cut;
}

/** Where a field of a record begins; -1 if the record has fewer fields. */
function fieldStart(plain: Buffer, start: number, end: number, place: number): number {
  let at = start;
  for (let passed = 0; passed < place; passed++) {
    while (at < end && plain[at] !== TAB) at++;
    if (at >= end) return -1;
    at++;
  }
  return at;
}

/** Undefined if one of the values is not there, is NULL, or is not what its form says. */
function keyAt(plain: Buffer, start: number, end: number, fields: readonly KeyField[]): Key | undefined {
  const key: Value[] = [];
  for (const { place, form } of fields) {
    const at = fieldStart(plain, start, end, place);
    if (at < 0) return undefined;
    let stop = at;
    while (stop < end && plain[stop] !== TAB) stop++;
    const value = form === 'integer' ? integerAt(plain, at, stop) : textAt(plain, at, stop);
    if (value === undefined) return undefined;
    key.push(value);
  }
  return key;
}

function textAt(plain: Buffer, start: number, end: number): Value | undefined {
  const isNull = end - start === 2 && plain[start] === BACKSLASH && plain[start + 1] === LETTER_N;
  return isNull ? undefined : [start, end];
}

/** A whole number of few digits, with at most a minus sign before them; NaN if it is none. */
function numberAt(plain: Buffer, start: number, end: number): number {
  if (start < 0) return Number.NaN;
  const isNegative = plain[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  let value = 0;
  let at = first;
  for (; at < end && plain[at] !== TAB; at++) {
    const digit = (plain[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (at === first || at - first > EXACT_DIGITS) return Number.NaN;
  return isNegative ? -value : value;
}

/** Undefined if it is not a whole number of up to 8 bytes. */
function integerAt(plain: Buffer, start: number, end: number): number | bigint | undefined {
  const value = numberAt(plain, start, end);
  if (!Number.isNaN(value)) return value;
  if (end - start > 1 + MOST_DIGITS) return undefined;
  const text = plain.toString('latin1', start, end);
  if (!/^-?\d+$/.test(text)) return undefined;
  const exact = BigInt(text);
  return exact < LEAST_INTEGER || exact > GREATEST_INTEGER ? undefined : exact;
}

function compareKeys(plain: Buffer, a: Key, b: Key): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareOne(plain, a[i] ?? 0, b[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function compareOne(plain: Buffer, a: Value, b: Value): number {
  if (typeof a !== 'object' || typeof b !== 'object') return a < b ? -1 : Number(a > b);
  const [aStart, aEnd] = a;
  const [bStart, bEnd] = b;
  return plain.compare(plain, bStart, bEnd, aStart, aEnd);
}

function formOfKey(plain: Buffer, key: Key): Buffer {
  return Buffer.concat(
    key.map((value) =>
      typeof value === 'object' ? formOfBytes(plain.subarray(...value)) : formOfInteger(BigInt(value)),
    ),
  );
}

/** Highest byte first, the sign turned over: the order of the bytes is that of the numbers. */
function formOfInteger(value: bigint): Buffer {
  const form = Buffer.alloc(8);
  form.writeBigInt64BE(value);
  form[0] = (form[0] ?? 0) ^ 0x80;
  return form;
}

/** 0 becomes `00 ff`, and `00 00` ends it: no form is the beginning of another. */
function formOfBytes(bytes: Uint8Array): Buffer {
  const form: number[] = [];
  for (const byte of bytes.subarray(0, MOST_BOUND_BYTES + 1)) {
    form.push(byte);
    if (byte === 0) form.push(0xff);
  }
  // What lies behind so many bytes is in no bound.
  if (bytes.length <= MOST_BOUND_BYTES + 1) form.push(0, 0);
  return Buffer.from(form);
}

const WHOLE = /^([+-]?\d{1,40})(?:\.0*)?$/;
/** Such texts are stored as they are, whatever escapes a kind of database has. */
const PLAIN = /^[\x20-\x5b\x5d-\x7e]*$/;

/**
 * The canonical form of a value that somebody looks for, such as `42`.
 *
 * @returns undefined if it cannot be said how it is stored: a reader then skips nothing by it
 */
export function formOfValue(text: string, { form }: Pick<KeyField, 'form'>): Buffer | undefined {
  if (form === 'text') return PLAIN.test(text) ? formOfBytes(Buffer.from(text)) : undefined;
  const [, whole] = WHOLE.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const value = BigInt(whole.replace('+', ''));
  return value < LEAST_INTEGER || value > GREATEST_INTEGER ? undefined : formOfInteger(value);
}

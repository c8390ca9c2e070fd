import { encodeHex } from './hex.assembly';
import {
  AFFIX_AT,
  AFFIX_BYTES,
  CONSTANT,
  COUNT,
  DICTIONARY,
  FIRST_BYTES,
  FLAGS,
  FORM,
  HEX,
  MINUS,
  MOST_ENTRIES,
  NEWLINE,
  NUMBER,
  RESULT_AT,
  SECOND_BYTES,
  SLOTS,
  SLOTS_AT,
  TAB,
  TEXT,
  TIME,
  ZERO,
  copy,
  endOf,
  isNull,
  isSame,
  startOf,
} from './layout.assembly';
import {
  numberCount,
  numberFlags,
  numberScale,
  planIntegers,
  plannedWidth,
  putIntegers,
  readNumbers,
} from './numbers.assembly';
import { encodeTimes } from './times.assembly';

/**
 * Finds the ends of all fields of `at[0, bytes)`, which ends in a newline, as u32 each.
 *
 * @returns the number of fields in a row, and at `resultAt()` their number in all; 0 if rows differ, or if
 * there are more than `mostFields` of them, or more than `mostEnds` in all
 */
export function findFields(at: usize, bytes: u32, ends: usize, mostFields: u32, mostEnds: u32): u32 {
  const tabs = i8x16.splat(<i8>TAB);
  const newlines = i8x16.splat(<i8>NEWLINE);
  let fields: u32 = 0;
  let inRow: u32 = 0;
  let out = ends;
  const last = ends + (<usize>mostEnds << 2);
  for (let block: u32 = 0; block < bytes; block += 16) {
    const data = v128.load(at + block);
    const isTab = <u32>i8x16.bitmask(i8x16.eq(data, tabs));
    const isNewline = <u32>i8x16.bitmask(i8x16.eq(data, newlines));
    let mask = isTab | isNewline;
    if (block + 16 > bytes) mask &= (1 << (bytes - block)) - 1;
    if (out + (<usize>popcnt(mask) << 2) > last) return 0;
    while (mask != 0) {
      const bit = ctz(mask);
      mask &= mask - 1;
      store<u32>(out, block + bit);
      out += 4;
      inRow++;
      if (((isNewline >> bit) & 1) == 0) continue;
      if (fields == 0) fields = inRow;
      if (inRow != fields || fields > mostFields) return 0;
      inRow = 0;
    }
  }
  store<u32>(RESULT_AT, <u32>(out - ends) >> 2, COUNT);
  return inRow == 0 ? fields : 0;
}


/**
 * Encodes one column into one or two parts, the second right after the first.
 *
 * @param scratch 9 bytes a row
 * @returns its kind; the rest is at `resultAt()`
 */
export function encodeColumn(
  at: usize,
  ends: usize,
  rows: u32,
  fields: u32,
  field: u32,
  out: usize,
  scratch: usize,
): u32 {
  memory.fill(RESULT_AT, 0, 64);
  if (isConstant(at, ends, rows, fields, field)) return CONSTANT;
  const first = firstValue(at, ends, rows, fields, field);
  if (first != u32.MAX_VALUE) {
    const index = first * fields + field;
    const byte = <u32>load<u8>(at + startOf(ends, index));
    const isDigit = byte - ZERO < 10;
    if (isDigit || byte == MINUS) {
      if (isDigit && encodeTimes(at, ends, rows, fields, field, out, scratch, index)) return TIME;
      if (readNumbers(at, ends, rows, fields, field, scratch)) {
        planIntegers(numberCount, scratch);
        // A few values that are far apart take one byte each in a dictionary.
        if (plannedWidth > 1 && encodeDictionary(at, ends, rows, fields, field, out)) return DICTIONARY;
        store<u32>(RESULT_AT, numberScale, FORM);
        putIntegers(at, ends, rows, fields, field, numberCount, numberFlags, out, scratch);
        return NUMBER;
      }
    }
    if (encodeHex(at, ends, rows, fields, field, out, index)) return HEX;
  }
  if (encodeDictionary(at, ends, rows, fields, field, out)) return DICTIONARY;
  encodeText(at, ends, rows, fields, field, out);
  return TEXT;
}

export function isConstant(at: usize, ends: usize, rows: u32, fields: u32, field: u32): bool {
  const start = startOf(ends, field);
  const bytes = endOf(ends, field) - start;
  for (let row: u32 = 1, index = fields + field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    if (endOf(ends, index) - from != bytes || !isSame(at + from, at + start, bytes)) return false;
  }
  store<u32>(RESULT_AT, start, AFFIX_AT);
  store<u32>(RESULT_AT, bytes, AFFIX_BYTES);
  return true;
}

/** The first row whose value is not null, `u32.MAX_VALUE` if there is none. */
export function firstValue(at: usize, ends: usize, rows: u32, fields: u32, field: u32): u32 {
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    if (!isNull(at + from, endOf(ends, index) - from)) return row;
  }
  return u32.MAX_VALUE;
}

export function encodeText(at: usize, ends: usize, rows: u32, fields: u32, field: u32, out: usize): void {
  let to = out;
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    const bytes = endOf(ends, index) - from;
    copy(to, at + from, bytes);
    to += bytes;
    store<u8>(to, <u8>NEWLINE);
    to++;
  }
  store<u32>(RESULT_AT, <u32>(to - out), FIRST_BYTES);
}

export function encodeDictionary(at: usize, ends: usize, rows: u32, fields: u32, field: u32, out: usize): bool {
  memory.fill(SLOTS_AT, 0, SLOTS << 2);
  let entries: u32 = 0;
  let entryBytes: u32 = 0;
  // Row indexes first go to the end of the area: the entries come before them, and their size is not known
  // yet.
  const most = rows / 4 < MOST_ENTRIES ? rows / 4 : MOST_ENTRIES;
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    const bytes = endOf(ends, index) - from;
    let hash: u32 = 2166136261 ^ bytes;
    for (let i: u32 = 0; i < bytes; i++) hash = (hash ^ load<u8>(at + from + i)) * 16777619;
    hash ^= hash >> 15;
    let slot = hash & (SLOTS - 1);
    for (;;) {
      const known = load<u32>(SLOTS_AT + (<usize>slot << 2));
      if (known == 0) {
        if (entries == most) return false;
        entries++;
        store<u32>(SLOTS_AT + (<usize>slot << 2), (entries << 24) | (row + 1));
        store<u8>(out + row, <u8>(entries - 1));
        entryBytes += bytes + 1;
        break;
      }
      const other = ((known & 0xffffff) - 1) * fields + field;
      const start = startOf(ends, other);
      if (endOf(ends, other) - start == bytes && isSame(at + start, at + from, bytes)) {
        store<u8>(out + row, <u8>((known >> 24) - 1));
        break;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
  }
  memory.copy(out + entryBytes, out, rows);
  // Entries in the order in which they came up: that of their first rows.
  let to = out;
  for (let entry: u32 = 1, row: u32 = 0; entry <= entries; row++) {
    if (<u32>load<u8>(out + entryBytes + row) != entry - 1) continue;
    const index = row * fields + field;
    const from = startOf(ends, index);
    const bytes = endOf(ends, index) - from;
    for (let i: u32 = 0; i < bytes; i++) store<u8>(to + i, load<u8>(at + from + i));
    to += bytes;
    store<u8>(to, <u8>NEWLINE);
    to++;
    entry++;
  }
  store<u32>(RESULT_AT, 0, FLAGS);
  store<u32>(RESULT_AT, entries, COUNT);
  store<u32>(RESULT_AT, entryBytes, FIRST_BYTES);
  store<u32>(RESULT_AT, rows, SECOND_BYTES);
  return true;
}

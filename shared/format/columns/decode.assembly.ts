import {
  BACKSLASH,
  COLON,
  DATE_FORM,
  DAY_SECONDS,
  DIFFERENCES,
  HEX_PAIRS_AT,
  MICRO_FORM,
  MINUS,
  NEWLINE,
  PAIRS_AT,
  POINT,
  SECOND,
  SPACE,
  TAB,
  TRIMMED,
  ZERO,
  copy,
  power,
} from './layout.assembly';
import { isDifferences } from './numbers.assembly';
import { unitOf } from './times.assembly';

// Each decodes a column into text, values that end in a newline, and returns its bytes; -1: it does not fit,
// or is not valid.

export function decodeConstant(value: usize, bytes: u32, rows: u32, out: usize, room: u32): i32 {
  if (<u64>(bytes + 1) * rows > room) return -1;
  let to = out;
  for (let row: u32 = 0; row < rows; row++) {
    copy(to, value, bytes);
    to += bytes;
    store<u8>(to, <u8>NEWLINE);
    to++;
  }
  return <i32>(to - out);
}

/** @param starts of the entries, u32 each, and one more; filled here: 257 of them */
export function decodeDictionary(
  entries: usize,
  entryBytes: u32,
  count: u32,
  indexes: usize,
  rows: u32,
  starts: usize,
  out: usize,
  room: u32,
): i32 {
  let found: u32 = 0;
  store<u32>(starts, 0);
  for (let i: u32 = 0; i < entryBytes; i++) {
    if (<u32>load<u8>(entries + i) != NEWLINE) continue;
    found++;
    if (found > count) return -1;
    store<u32>(starts + (<usize>found << 2), i + 1);
  }
  if (found != count || load<u32>(starts + (<usize>count << 2)) != entryBytes) return -1;
  let to = out;
  const end = out + room;
  for (let row: u32 = 0; row < rows; row++) {
    const entry = <u32>load<u8>(indexes + row);
    if (entry >= count) return -1;
    const from = load<u32>(starts + (<usize>entry << 2));
    const bytes = load<u32>(starts + (<usize>(entry + 1) << 2)) - from;
    if (to + bytes > end) return -1;
    copy(to, entries + from, bytes);
    to += bytes;
  }
  return <i32>(to - out);
}

@inline
export function isNullAt(nulls: usize, row: u32): bool {
  return nulls != 0 && ((<u32>load<u8>(nulls + (row >> 3)) >> (row & 7)) & 1) != 0;
}

@inline
export function putNull(to: usize): usize {
  store<u16>(to, <u16>(BACKSLASH | (0x4e << 8)));
  store<u8>(to, <u8>NEWLINE, 2);
  return to + 3;
}

export function countNulls(nulls: usize, rows: u32): u32 {
  let count: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) if (isNullAt(nulls, row)) count++;
  return count;
}

export let running: i64 = 0;

@inline
export function integerAt(planes: usize, index: u32, count: u32, width: u32, isDifferences: bool, base: i64): i64 {
  let raw: u64 = 0;
  for (let byte: u32 = 0; byte < width; byte++)
    raw |= <u64>load<u8>(planes + <usize>byte * count + index) << (byte << 3);
  if (!isDifferences) return base + <i64>raw;
  running += <i64>(raw >> 1) ^ -(<i64>(raw & 1));
  return running;
}

/** Most bytes of a number, a time without its suffix, or a null. */
export const MOST_VALUE: u32 = 40;

export function decodeNumbers(
  planes: usize,
  count: u32,
  width: u32,
  flags: u32,
  scale: u32,
  base: i64,
  nulls: usize,
  rows: u32,
  out: usize,
  room: u32,
): i32 {
  running = base;
  const unit = power(scale);
  let to = out;
  const end = out + room;
  let index: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    if (to + MOST_VALUE > end) return -1;
    if (isNullAt(nulls, row)) {
      to = putNull(to);
      continue;
    }
    const value = integerAt(planes, index++, count, width, (flags & DIFFERENCES) != 0, base);
    if (value == i64.MIN_VALUE) return -1;
    let size = <u64>value;
    if (value < 0) {
      size = <u64>-value;
      store<u8>(to, <u8>MINUS);
      to++;
    }
    if (scale == 0) to = putDigits(to, size, 1);
    else {
      const whole = size < <u64>unit ? 0 : size / <u64>unit;
      to = putDigits(to, whole, 1);
      store<u8>(to, <u8>POINT);
      to = putDigits(to + 1, size - whole * <u64>unit, scale);
      if ((flags & TRIMMED) != 0) {
        while (<u32>load<u8>(to - 1) == ZERO) to--;
        if (<u32>load<u8>(to - 1) == POINT) to--;
      }
    }
    store<u8>(to, <u8>NEWLINE);
    to++;
  }
  return <i32>(to - out);
}

/** Writes decimal digits, with leading zeros up to `least`. */
export function putDigits(at: usize, value: u64, least: u32): usize {
  if (value < 1_000_000_000) return putSmall(at, <u32>value, least);
  const rest = value / 1_000_000_000;
  const end = putDigits(at, rest, least > 9 ? least - 9 : 1);
  return putSmall(end, <u32>(value - rest * 1_000_000_000), 9);
}

export function putSmall(at: usize, value: u32, least: u32): usize {
  let digits: u32 = 1;
  if (value >= 10_000) {
    digits = value < 1_000_000 ? (value < 100_000 ? 5 : 6) : value < 100_000_000 ? (value < 10_000_000 ? 7 : 8) : 9;
  } else if (value >= 10) digits = value < 100 ? 2 : value < 1000 ? 3 : 4;
  if (digits < least) digits = least;
  const end = at + digits;
  let to = end;
  let rest = value;
  while (to - at >= 2) {
    to -= 2;
    const next = rest / 100;
    store<u16>(to, load<u16>(PAIRS_AT + ((rest - next * 100) << 1)));
    rest = next;
  }
  if (to > at) store<u8>(at, <u8>(ZERO + (rest % 10)));
  return end;
}

@inline
export function putTwo(at: usize, value: u32): void {
  store<u16>(at, load<u16>(PAIRS_AT + (value << 1)));
}

export function decodeTimes(
  planes: usize,
  count: u32,
  width: u32,
  flags: u32,
  form: u32,
  base: i64,
  nulls: usize,
  suffix: usize,
  suffixBytes: u32,
  rows: u32,
  out: usize,
  room: u32,
): i32 {
  running = base;
  const perDay = (DAY_SECONDS * SECOND) / unitOf(form);
  const perSecond: i64 = form == MICRO_FORM ? SECOND : 1;
  let lastDay = i64.MIN_VALUE;
  let lastDate = out;
  let to = out;
  const end = out + room;
  let index: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    if (to + MOST_VALUE + suffixBytes > end) return -1;
    if (isNullAt(nulls, row)) {
      to = putNull(to);
      continue;
    }
    const value = integerAt(planes, index++, count, width, (flags & DIFFERENCES) != 0, base);
    let day = value / perDay;
    if (day * perDay > value) day--;
    const rest = value - day * perDay;
    if (day == lastDay) copy(to, lastDate, 10);
    else if (!putDate(to, day)) return -1;
    lastDay = day;
    lastDate = to;
    to += 10;
    if (form != DATE_FORM) to = putClock(to, <u32>(rest / perSecond), <u32>(rest % perSecond));
    copy(to, suffix, suffixBytes);
    to += suffixBytes;
    store<u8>(to, <u8>NEWLINE);
    to++;
  }
  return <i32>(to - out);
}

/** Hinnant: civil_from_days. Years 1 to 9999. */
export function putDate(to: usize, day: i64): bool {
  if (day < -719_162 || day > 2_932_896) return false;
  const shifted = day + 719_468;
  const era = shifted / 146_097;
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shiftedMonth = (5 * dayOfYear + 2) / 153;
  const dayOfMonth = <u32>(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1);
  const month = <u32>(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9);
  const year = <u32>(yearOfEra + era * 400 + (month <= 2 ? 1 : 0));
  putTwo(to, year / 100);
  putTwo(to + 2, year % 100);
  store<u8>(to, <u8>MINUS, 4);
  putTwo(to + 5, month);
  store<u8>(to, <u8>MINUS, 7);
  putTwo(to + 8, dayOfMonth);
  return true;
}

export function putClock(to: usize, seconds: u32, micros: u32): usize {
  store<u8>(to, <u8>SPACE);
  putTwo(to + 1, seconds / 3600);
  store<u8>(to, <u8>COLON, 3);
  putTwo(to + 4, (seconds / 60) % 60);
  store<u8>(to, <u8>COLON, 6);
  putTwo(to + 7, seconds % 60);
  if (micros == 0) return to + 9;
  store<u8>(to, <u8>POINT, 9);
  let end = putDigits(to + 10, micros, 6);
  while (<u32>load<u8>(end - 1) == ZERO) end--;
  return end;
}

export function decodeHex(
  packed: usize,
  width: u32,
  isUuid: u32,
  nulls: usize,
  prefix: usize,
  prefixBytes: u32,
  rows: u32,
  out: usize,
  room: u32,
): i32 {
  const most = prefixBytes + width * 2 + 8;
  let to = out;
  const end = out + room;
  let from = packed;
  for (let row: u32 = 0; row < rows; row++) {
    if (to + most > end) return -1;
    if (isNullAt(nulls, row)) {
      to = putNull(to);
      continue;
    }
    copy(to, prefix, prefixBytes);
    to += prefixBytes;
    for (let byte: u32 = 0; byte < width; byte++) {
      if (isUuid != 0 && (byte == 4 || byte == 6 || byte == 8 || byte == 10)) {
        store<u8>(to, <u8>MINUS);
        to++;
      }
      store<u16>(to, load<u16>(HEX_PAIRS_AT + (<usize>load<u8>(from) << 1)));
      from++;
      to += 2;
    }
    store<u8>(to, <u8>NEWLINE);
    to++;
  }
  return <i32>(to - out);
}

/**
 * Puts columns of text side by side.
 *
 * @param columns where each is and where it ends, u32 each; the first moves
 * @returns bytes of the rows; -1 if a column lacks values, or they do not fit
 */
export function joinColumns(columns: usize, fields: u32, rows: u32, out: usize, room: u32): i32 {
  const newlines = i8x16.splat(<i8>NEWLINE);
  let to = out;
  const end = out + room;
  for (let row: u32 = 0; row < rows; row++) {
    for (let field: u32 = 0; field < fields; field++) {
      const place = columns + (<usize>field << 3);
      let from = <usize>load<u32>(place);
      const until = <usize>load<u32>(place, 4);
      for (;;) {
        if (from >= until || to > end) return -1;
        const data = v128.load(from);
        v128.store(to, data);
        const mask = <u32>i8x16.bitmask(i8x16.eq(data, newlines));
        if (mask != 0) {
          const bytes = ctz(mask);
          from += bytes + 1;
          to += bytes;
          break;
        }
        from += 16;
        to += 16;
      }
      if (from > until || to >= end) return -1;
      store<u8>(to, <u8>(field + 1 == fields ? NEWLINE : TAB));
      to++;
      store<u32>(place, <u32>from);
    }
  }
  for (let field: u32 = 0; field < fields; field++) {
    const place = columns + (<usize>field << 3);
    if (load<u32>(place) != load<u32>(place, 4)) return -1;
  }
  return <i32>(to - out);
}

// AssemblyScript: docs/reference/format.md, "Columns". Built into module.ts by `npm run wasm`; a test builds it again.
// Plain pointers into one memory, which the caller lays out (memory.ts). Areas that are read have 16 spare bytes behind them, areas
// that are written 32: copies and scans go 16 bytes at a time.

export const TAB: u32 = 0x09;
export const NEWLINE: u32 = 0x0a;
export const BACKSLASH: u32 = 0x5c;
export const MINUS: u32 = 0x2d;
export const POINT: u32 = 0x2e;
export const SPACE: u32 = 0x20;
export const COLON: u32 = 0x3a;
export const ZERO: u32 = 0x30;

export const TEXT: u32 = 0;
export const CONSTANT: u32 = 1;
export const DICTIONARY: u32 = 2;
export const NUMBER: u32 = 3;
export const TIME: u32 = 4;
export const HEX: u32 = 5;

export const HAS_NULLS: u32 = 1;
export const DIFFERENCES: u32 = 2;
export const TRIMMED: u32 = 4;

export const MOST_DIGITS: u32 = 18;
export const MOST_ENTRIES: u32 = 255;
export const MOST_SUFFIX: u32 = 16;
export const LEAST_HEX_BYTES: u32 = 8;
export const SECOND: i64 = 1_000_000;
export const DAY_SECONDS: i64 = 86_400;

export const DATE_FORM: u32 = 0;
export const SECOND_FORM: u32 = 1;
export const MICRO_FORM: u32 = 2;

// What `encodeColumn` reports about a column, for the caller to read.
export const FIRST_BYTES: i32 = 0;
export const SECOND_BYTES: i32 = 4;
export const FLAGS: i32 = 8;
export const FORM: i32 = 12;
export const WIDTH: i32 = 16;
export const AFFIX_AT: i32 = 20;
export const AFFIX_BYTES: i32 = 24;
export const COUNT: i32 = 28;
export const BASE: i32 = 32;
export const RESULT_AT: usize = 1024;
/** 1,024 slots of a hash table of dictionary entries: row + 1 each, u32. */
export const SLOTS_AT: usize = 2048;
export const SLOTS: u32 = 1024;
/** The value of each byte as a hex digit, 16 if it is not one; powers of ten, i64 each. */
export const NIBBLES_AT: usize = 6144;
export const POWERS_AT: usize = 6400;
/** Two digits each: of the numbers below 100, and of all bytes in hex. */
export const PAIRS_AT: usize = 6656;
export const HEX_PAIRS_AT: usize = 6912;

for (let byte: u32 = 0; byte < 256; byte++) {
  const digit = byte - ZERO;
  const letter = byte - 0x61;
  store<u8>(NIBBLES_AT + byte, <u8>(digit < 10 ? digit : letter < 6 ? letter + 10 : 16));
}
for (let pair: u32 = 0; pair < 100; pair++) {
  store<u8>(PAIRS_AT + (pair << 1), <u8>(ZERO + pair / 10));
  store<u8>(PAIRS_AT + (pair << 1), <u8>(ZERO + (pair % 10)), 1);
}
for (let byte: u32 = 0; byte < 256; byte++) {
  const high = byte >> 4;
  const low = byte & 15;
  store<u8>(HEX_PAIRS_AT + (byte << 1), <u8>(high < 10 ? ZERO + high : 0x57 + high));
  store<u8>(HEX_PAIRS_AT + (byte << 1), <u8>(low < 10 ? ZERO + low : 0x57 + low), 1);
}
for (let digits: u32 = 0, value: i64 = 1; digits <= MOST_DIGITS; digits++, value *= 10)
  store<i64>(POWERS_AT + (<usize>digits << 3), value);

@inline
export function power(digits: u32): i64 {
  return load<i64>(POWERS_AT + (<usize>digits << 3));
}

export function resultAt(): usize {
  return RESULT_AT;
}

@inline
export function startOf(ends: usize, index: u32): u32 {
  return index == 0 ? 0 : load<u32>(ends + (<usize>(index - 1) << 2)) + 1;
}

@inline
export function endOf(ends: usize, index: u32): u32 {
  return load<u32>(ends + (<usize>index << 2));
}

@inline
export function copy(to: usize, from: usize, bytes: u32): void {
  for (let done: u32 = 0; done < bytes; done += 16) v128.store(to + done, v128.load(from + done));
}

export function isSame(a: usize, b: usize, bytes: u32): bool {
  let done: u32 = 0;
  for (; done + 16 <= bytes; done += 16)
    if (v128.any_true(v128.xor(v128.load(a + done), v128.load(b + done)))) return false;
  for (; done < bytes; done++) if (load<u8>(a + done) != load<u8>(b + done)) return false;
  return true;
}

@inline
export function isNull(at: usize, bytes: u32): bool {
  return bytes == 2 && <u32>load<u16>(at) == (BACKSLASH | (0x4e << 8));
}

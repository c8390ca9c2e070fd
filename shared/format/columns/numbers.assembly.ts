import {
  BASE,
  COUNT,
  DIFFERENCES,
  FIRST_BYTES,
  FLAGS,
  HAS_NULLS,
  MINUS,
  MOST_DIGITS,
  POINT,
  RESULT_AT,
  SECOND_BYTES,
  TRIMMED,
  WIDTH,
  ZERO,
  endOf,
  isNull,
  power,
  startOf,
} from './layout.assembly';

export let mantissa: i64 = 0;
export let fraction: u32 = 0;

/**
 * Reads a decimal number written without superfluous digits into `mantissa` and `fraction` (its digits after
 * the point).
 */
export function readNumber(from: usize, end: usize): bool {
  let at = from;
  const isNegative = at < end && <u32>load<u8>(at) == MINUS;
  if (isNegative) at++;
  const start = at;
  let value: i64 = 0;
  while (at < end) {
    const digit = <u32>load<u8>(at) - ZERO;
    if (digit > 9) break;
    value = value * 10 + digit;
    at++;
  }
  const whole = <u32>(at - start);
  if (whole == 0 || whole > MOST_DIGITS || (whole > 1 && <u32>load<u8>(start) == ZERO)) return false;
  fraction = 0;
  if (at < end) {
    if (<u32>load<u8>(at) != POINT) return false;
    at++;
    const point = at;
    while (at < end) {
      const digit = <u32>load<u8>(at) - ZERO;
      if (digit > 9) return false;
      value = value * 10 + digit;
      at++;
      if (<u32>(at - point) + whole > MOST_DIGITS) return false;
    }
    fraction = <u32>(at - point);
    if (fraction == 0) return false;
  }
  if (isNegative && value == 0) return false;
  wholeDigits = whole;
  mantissa = isNegative ? -value : value;
  return true;
}

export let wholeDigits: u32 = 0;
export let numberCount: u32 = 0;
export let numberFlags: u32 = 0;
export let numberScale: u32 = 0;

/** Reads all non-null values into `scratch`, as integers with `numberScale` digits after the point. */
export function readNumbers(at: usize, ends: usize, rows: u32, fields: u32, field: u32, scratch: usize): bool {
  const fractions = scratch + (<usize>rows << 3);
  let least: u32 = u32.MAX_VALUE;
  let most: u32 = 0;
  let mostWhole: u32 = 0;
  let hasSpare = false;
  let count: u32 = 0;
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    const end = endOf(ends, index);
    if (isNull(at + from, end - from)) continue;
    if (!readNumber(at + from, at + end)) return false;
    store<i64>(scratch + (<usize>count << 3), mantissa);
    store<u8>(fractions + count, <u8>fraction);
    count++;
    if (fraction < least) least = fraction;
    if (fraction > most) most = fraction;
    if (wholeDigits > mostWhole) mostWhole = wholeDigits;
    if (fraction > 0 && <u32>load<u8>(at + end - 1) == ZERO) hasSpare = true;
  }
  numberCount = count;
  numberScale = most;
  numberFlags = 0;
  if (least == most) return true;
  // Written without zeros at the end: all are scaled to the longest.
  if (hasSpare || mostWhole + most > MOST_DIGITS) return false;
  numberFlags = TRIMMED;
  for (let i: u32 = 0; i < count; i++) {
    const place = scratch + (<usize>i << 3);
    store<i64>(place, load<i64>(place) * power(most - <u32>load<u8>(fractions + i)));
  }
  return true;
}

@inline
export function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63));
}

export let isDifferences = false;
export let plannedWidth: u32 = 0;
export let plannedBase: i64 = 0;

/**
 * Chooses the smaller encoding of integers, offsets from the least or differences, and converts them in
 * place. Returns whether they are differences.
 */
export function planIntegers(count: u32, values: usize): void {
  let least = i64.MAX_VALUE;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<i64>(values + (<usize>i << 3));
    if (value < least) least = value;
  }
  let fromLeast: u64 = 0;
  let asDifferences: u64 = 0;
  let leastBits: u64 = 0;
  let differenceBits: u64 = 0;
  const first = load<i64>(values);
  let before = first;
  for (let i: u32 = 0; i < count; i++) {
    const value = load<i64>(values + (<usize>i << 3));
    const direct = <u64>(value - least);
    const difference = zigzag(value - before);
    before = value;
    fromLeast |= direct;
    asDifferences |= difference;
    leastBits += 64 - clz(direct);
    differenceBits += 64 - clz(difference);
  }
  isDifferences = differenceBits < leastBits;
  plannedWidth = bytesOf(isDifferences ? asDifferences : fromLeast);
  plannedBase = isDifferences ? first : least;
  before = first;
  for (let i: u32 = 0; i < count; i++) {
    const place = values + (<usize>i << 3);
    const value = load<i64>(place);
    store<u64>(place, isDifferences ? zigzag(value - before) : <u64>(value - least));
    before = value;
  }
}

/** Nulls as bits, then the planned integers in planes: all their lowest bytes, all bytes above those, and so on. */
export function putIntegers(
  at: usize,
  ends: usize,
  rows: u32,
  fields: u32,
  field: u32,
  count: u32,
  flags: u32,
  out: usize,
  values: usize,
): void {
  let nullBytes: u32 = 0;
  if (count < rows) {
    flags |= HAS_NULLS;
    nullBytes = (rows + 7) >> 3;
    encodeNulls(at, ends, rows, fields, field, out);
  }
  let to = out + nullBytes;
  for (let byte: u32 = 0; byte < plannedWidth; byte++) {
    let from = values + byte;
    for (let i: u32 = 0; i < count; i++) {
      store<u8>(to, load<u8>(from));
      to++;
      from += 8;
    }
  }
  store<u32>(RESULT_AT, flags | (isDifferences ? DIFFERENCES : 0), FLAGS);
  store<u32>(RESULT_AT, plannedWidth, WIDTH);
  store<u32>(RESULT_AT, count, COUNT);
  store<i64>(RESULT_AT, plannedBase, BASE);
  store<u32>(RESULT_AT, nullBytes, FIRST_BYTES);
  store<u32>(RESULT_AT, plannedWidth * count, SECOND_BYTES);
}

@inline
export function bytesOf(value: u64): u32 {
  return (64 - <u32>clz(value) + 7) >> 3;
}

export function encodeNulls(at: usize, ends: usize, rows: u32, fields: u32, field: u32, out: usize): void {
  memory.fill(out, 0, (rows + 7) >> 3);
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    if (!isNull(at + from, endOf(ends, index) - from)) continue;
    const place = out + (row >> 3);
    store<u8>(place, <u8>(<u32>load<u8>(place) | (<u32>1 << (row & 7))));
  }
}

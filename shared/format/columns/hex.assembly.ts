import {
  AFFIX_AT,
  AFFIX_BYTES,
  BACKSLASH,
  FIRST_BYTES,
  FLAGS,
  FORM,
  HAS_NULLS,
  LEAST_HEX_BYTES,
  MINUS,
  NIBBLES_AT,
  RESULT_AT,
  SECOND_BYTES,
  WIDTH,
  endOf,
  isNull,
  isSame,
  startOf,
} from './layout.assembly';
import { encodeNulls } from './numbers.assembly';

@inline
export function nibble(at: usize): u32 {
  return <u32>load<u8>(NIBBLES_AT + <usize>load<u8>(at));
}

/** Where a UUID has its dashes. */
@inline
export function isDash(digit: u32): bool {
  return digit == 8 || digit == 13 || digit == 18 || digit == 23;
}

export function encodeHex(
  at: usize,
  ends: usize,
  rows: u32,
  fields: u32,
  field: u32,
  out: usize,
  first: u32,
): bool {
  const start = startOf(ends, first);
  const bytes = endOf(ends, first) - start;
  // bytea is `\x` and digits, and COPY doubles a backslash.
  const hasPrefix =
    bytes > 3 && <u32>load<u16>(at + start) == (BACKSLASH | (BACKSLASH << 8)) && <u32>load<u8>(at + start, 2) == 0x78;
  const prefix: u32 = hasPrefix ? 3 : 0;
  const isUuid = bytes == 36 && <u32>load<u8>(at + start, 8) == MINUS;
  const digits: u32 = isUuid ? 32 : bytes - prefix;
  if ((digits & 1) != 0 || digits < LEAST_HEX_BYTES * 2) return false;
  let to = out;
  let nulls = false;
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = at + startOf(ends, index);
    const length = <u32>(at + endOf(ends, index) - from);
    if (isNull(from, length)) {
      nulls = true;
      continue;
    }
    if (length != bytes || (prefix > 0 && !isSame(from, at + start, prefix))) return false;
    let digit = from + prefix;
    const end = from + bytes;
    let all: u32 = 0;
    while (digit < end) {
      if (isUuid && isDash(<u32>(digit - from))) {
        if (<u32>load<u8>(digit) != MINUS) return false;
        digit++;
        continue;
      }
      const high = nibble(digit);
      const low = nibble(digit + 1);
      all |= high | low;
      store<u8>(to, <u8>((high << 4) | low));
      to++;
      digit += 2;
    }
    if (all > 15) return false;
  }
  const packed = <u32>(to - out);
  let nullBytes: u32 = 0;
  if (nulls) {
    nullBytes = (rows + 7) >> 3;
    memory.copy(out + nullBytes, out, packed);
    encodeNulls(at, ends, rows, fields, field, out);
  }
  store<u32>(RESULT_AT, nulls ? HAS_NULLS : 0, FLAGS);
  store<u32>(RESULT_AT, isUuid ? 1 : 0, FORM);
  store<u32>(RESULT_AT, digits >> 1, WIDTH);
  store<u32>(RESULT_AT, start, AFFIX_AT);
  store<u32>(RESULT_AT, prefix, AFFIX_BYTES);
  store<u32>(RESULT_AT, nullBytes, FIRST_BYTES);
  store<u32>(RESULT_AT, packed, SECOND_BYTES);
  return true;
}

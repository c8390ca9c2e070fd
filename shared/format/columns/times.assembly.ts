import {
  AFFIX_AT,
  AFFIX_BYTES,
  COLON,
  DATE_FORM,
  DAY_SECONDS,
  FORM,
  MICRO_FORM,
  MINUS,
  MOST_SUFFIX,
  POINT,
  RESULT_AT,
  SECOND,
  SECOND_FORM,
  SPACE,
  ZERO,
  endOf,
  isNull,
  isSame,
  power,
  startOf,
} from './layout.assembly';
import { planIntegers, putIntegers } from './numbers.assembly';

@inline
export function twoDigits(at: usize): u32 {
  const tens = <u32>load<u8>(at) - ZERO;
  const ones = <u32>load<u8>(at, 1) - ZERO;
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

export let timeValue: i64 = 0;
export let timeEnd: usize = 0;
/** Precision of the times: 1 the date alone, 2 seconds, 3 part of a second. */
export let timeParts: u32 = 0;

/** Reads `YYYY-MM-DD HH:MM:SS.ffffff` or its beginning, in microseconds since 1970. */
export function readTime(from: usize, end: usize): bool {
  if (end - from < 10) return false;
  const century = twoDigits(from);
  const yearOf = twoDigits(from + 2);
  const month = twoDigits(from + 5);
  const day = twoDigits(from + 8);
  if (century > 99 || yearOf > 99) return false;
  const year = century * 100 + yearOf;
  if (<u32>load<u8>(from, 4) != MINUS || <u32>load<u8>(from, 7) != MINUS) return false;
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  timeValue = daysSince1970(year, month, day) * DAY_SECONDS * SECOND;
  timeParts = 1;
  timeEnd = from + 10;
  if (end - from < 19 || <u32>load<u8>(from, 10) != SPACE) return true;
  const hour = twoDigits(from + 11);
  const minute = twoDigits(from + 14);
  const second = twoDigits(from + 17);
  if (<u32>load<u8>(from, 13) != COLON || <u32>load<u8>(from, 16) != COLON) return true;
  if (hour > 23 || minute > 59 || second > 59) return true;
  timeValue += <i64>((hour * 60 + minute) * 60 + second) * SECOND;
  timeParts = 2;
  timeEnd = from + 19;
  if (timeEnd >= end || <u32>load<u8>(timeEnd) != POINT) return true;
  let at = timeEnd + 1;
  let digits: u32 = 0;
  let part: i64 = 0;
  while (at < end && digits < 6) {
    const digit = <u32>load<u8>(at) - ZERO;
    if (digit > 9) break;
    part = part * 10 + digit;
    digits++;
    at++;
  }
  if (digits == 0 || part % 10 == 0) return false;
  timeValue += part * power(6 - digits);
  timeParts = 3;
  timeEnd = at;
  return true;
}

export function daysIn(year: u32, month: u32): u32 {
  if (month == 2) return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** Hinnant, "chrono-compatible low-level date algorithms": days_from_civil. */
export function daysSince1970(year: u32, month: u32, day: u32): i64 {
  const y = <i64>year - (month <= 2 ? 1 : 0);
  const era = y / 400;
  const yearOfEra = y - era * 400;
  const dayOfYear = <i64>((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1);
  const dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

export function encodeTimes(
  at: usize,
  ends: usize,
  rows: u32,
  fields: u32,
  field: u32,
  out: usize,
  scratch: usize,
  first: u32,
): bool {
  if (!readTime(at + startOf(ends, first), at + endOf(ends, first))) return false;
  const hasClock = timeParts > 1;
  const suffix = timeEnd;
  const suffixBytes = <u32>(at + endOf(ends, first) - suffix);
  if (suffixBytes > MOST_SUFFIX) return false;
  let mostParts: u32 = 0;
  let count: u32 = 0;
  for (let row: u32 = 0, index = field; row < rows; row++, index += fields) {
    const from = startOf(ends, index);
    const end = at + endOf(ends, index);
    if (isNull(at + from, <u32>(end - at) - from)) continue;
    if (!readTime(at + from, end) || timeParts > 1 != hasClock) return false;
    if (<u32>(end - timeEnd) != suffixBytes || !isSame(timeEnd, suffix, suffixBytes)) return false;
    if (timeParts > mostParts) mostParts = timeParts;
    store<i64>(scratch + (<usize>count << 3), timeValue);
    count++;
  }
  const form: u32 = !hasClock ? DATE_FORM : mostParts == 3 ? MICRO_FORM : SECOND_FORM;
  const unit = unitOf(form);
  if (unit > 1)
    for (let i: u32 = 0; i < count; i++) {
      const place = scratch + (<usize>i << 3);
      store<i64>(place, load<i64>(place) / unit);
    }
  store<u32>(RESULT_AT, form, FORM);
  store<u32>(RESULT_AT, <u32>(suffix - at), AFFIX_AT);
  store<u32>(RESULT_AT, suffixBytes, AFFIX_BYTES);
  planIntegers(count, scratch);
  putIntegers(at, ends, rows, fields, field, count, 0, out, scratch);
  return true;
}

@inline
export function unitOf(form: u32): i64 {
  return form == DATE_FORM ? DAY_SECONDS * SECOND : form == SECOND_FORM ? SECOND : 1;
}

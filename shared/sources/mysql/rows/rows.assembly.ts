// AssemblyScript: records of the rows of a text resultset. Built into rows-module.ts by `npm run wasm`; a test builds it again.
// row-frames.ts says what a record is, and takes the rows that are not for this.

const HEADER_BYTES: usize = 4;
const FULL_PACKET: u32 = 0xffffff;
const NULL_VALUE: u32 = 0xfb;
const EOF: u32 = 0xfe;
const TAB: u8 = 0x09;
const NEWLINE: u8 = 0x0a;
const BACKSLASH: u8 = 0x5c;
/** What a byte of a row becomes at most: the one that says NULL, a tab, a backslash and a letter. */
const MOST_BYTES_OF_ONE: usize = 3;
/** Stores go so far beyond what they are for. */
const SPARE_BYTES: usize = 16;

/** Where the records end that the last call wrote. */
let written: usize = 0;

export function writtenTo(): usize {
  return written;
}

/**
 * Writes the records of packets from `start` to `end` to `out`, as long as they are whole, surely fit before `outEnd`, and are
 * rows of so many columns.
 *
 * @returns where the first packet begins that it left
 */
export function takeRows(start: usize, end: usize, out: usize, outEnd: usize, columns: u32): usize {
  let at = start;
  written = out;
  while (at + HEADER_BYTES < end) {
    const length = load<u32>(at) & 0xffffff;
    const first = at + HEADER_BYTES;
    const last = first + <usize>length;
    if (length == 0 || length == FULL_PACKET || <u32>load<u8>(first) >= EOF || last > end) break;
    if (written + <usize>length * MOST_BYTES_OF_ONE + SPARE_BYTES + 1 > outEnd) break;
    const to = takeRow(first, last, written, columns);
    if (to == 0) break;
    written = to;
    at = last;
  }
  return at;
}

/** @returns the end of the record; 0 for a row that is wrong, or has a value of more than 16 MB */
function takeRow(start: usize, end: usize, out: usize, columns: u32): usize {
  let at = start;
  let to = out;
  let column: u32 = 0;
  for (; at < end; column++) {
    if (column > 0) store<u8>(to++, TAB);
    let size = <u32>load<u8>(at++);
    if (size == NULL_VALUE) {
      store<u16>(to, 0x4e5c);
      to += 2;
      continue;
    }
    if (size > NULL_VALUE) {
      if (size > 253) return 0;
      const bytes: usize = size == 252 ? 2 : 3;
      if (at + bytes > end) return 0;
      size = load<u32>(at) & (size == 252 ? 0xffff : 0xffffff);
      at += bytes;
    }
    if (at + <usize>size > end) return 0;
    to = escape(at, size, to);
    at += <usize>size;
  }
  if (column != columns) return 0;
  store<u8>(to, NEWLINE);
  return to + 1;
}

/** Sixteen bytes at a time, up to the next one that is escaped. */
function escape(from: usize, bytes: u32, out: usize): usize {
  let at = from;
  let to = out;
  let left = bytes;
  while (left > 0) {
    const these = v128.load(at);
    v128.store(to, these);
    const special = v128.or(
      v128.or(i8x16.eq(these, i8x16.splat(0)), i8x16.eq(these, i8x16.splat(TAB))),
      v128.or(i8x16.eq(these, i8x16.splat(NEWLINE)), i8x16.eq(these, i8x16.splat(BACKSLASH))),
    );
    const before = min<u32>(min<u32>(left, 16), <u32>ctz(i8x16.bitmask(special) | 0x10000));
    at += <usize>before;
    to += <usize>before;
    left -= before;
    if (left == 0 || before == 16) continue;
    const byte = load<u8>(at++);
    store<u8>(to, BACKSLASH);
    store<u8>(to + 1, byte == 0 ? 0x30 : byte == TAB ? 0x74 : byte == NEWLINE ? 0x6e : BACKSLASH);
    to += 2;
    left--;
  }
  return to;
}

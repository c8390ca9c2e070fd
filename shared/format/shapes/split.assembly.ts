import { NEWLINE, TAB, copy, isSame } from '../columns/layout.assembly';
import { ENTRY, ENTRY_AT, ENTRY_BYTES, ENTRY_GROUP, ENTRY_HASH, ENTRY_LINE_BYTES, ENTRY_ROWS, ENTRY_VALUE_BYTES } from './layout.assembly';
import { LINE, LINE_END, LINE_ENTRY, LINE_VALUES_END } from './layout.assembly';

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
/** What is shape outside of quotes: `{}[]:,`, a quote and a space; each at the place of its low four bits, with 0x20 set. */
const SIGNS = i8x16(0x20, 0, 0x22, 0, 0, 0, 0, 0, 0, 0, 0x3a, 0x7b, 0x2c, 0x7d, 0, 0);

/** How many lines there are in `at[0, bytes)`, which ends in a newline; 0 if a tab is in it. */
export function countLines(at: usize, bytes: u32): u32 {
  const tabs = i8x16.splat(<i8>TAB);
  const newlines = i8x16.splat(<i8>NEWLINE);
  let lines: u32 = 0;
  for (let block: u32 = 0; block < bytes; block += 16) {
    const data = v128.load(at + block);
    const within: u32 = block + 16 > bytes ? (1 << (bytes - block)) - 1 : 0xffff;
    if ((<u32>i8x16.bitmask(i8x16.eq(data, tabs)) & within) != 0) return 0;
    lines += popcnt(<u32>i8x16.bitmask(i8x16.eq(data, newlines)) & within);
  }
  return lines;
}

/**
 * Takes the lines of `at[0, bytes)`, which ends in a newline, apart into values and shapes.
 *
 * @param values where the values of all lines go: no more bytes than the lines have
 * @param lines a record for each line
 * @param entries a record for each shape, in the order in which they come up; as many as there are lines at most
 * @param slots zeros: a hash table of entries, u32 each; a power of two, more than there are lines
 * @param shapes where the shapes go, one after the other; twice the bytes of the lines at most
 * @returns the number of shapes
 */
export function splitLines(
  at: usize,
  bytes: u32,
  values: usize,
  lines: usize,
  entries: usize,
  slots: usize,
  slotCount: u32,
  shapes: usize,
): u32 {
  const end = at + bytes;
  const signs = SIGNS;
  const spaces = i8x16.splat(0x20);
  const lowBits = i8x16.splat(0x0f);
  const quotes = i8x16.splat(<i8>QUOTE);
  const newlines = i8x16.splat(<i8>NEWLINE);
  const backslashes = i8x16.splat(<i8>BACKSLASH);
  let from = at;
  let out = values;
  let line = lines;
  let shape = shapes;
  let count: u32 = 0;
  let entry: usize = entries;
  while (from < end) {
    const firstByte = from;
    const firstValue = out;
    let sign = shape;
    let byte = <u32>load<u8>(from);
    while (byte != NEWLINE) {
      if (byte == QUOTE) {
        store<u8>(sign, <u8>QUOTE);
        sign++;
        from++;
        for (;;) {
          const data = v128.load(from);
          v128.store(out, data);
          const ends = v128.or(
            v128.or(i8x16.eq(data, quotes), i8x16.eq(data, newlines)),
            i8x16.eq(data, backslashes),
          );
          const mask = <u32>i8x16.bitmask(ends);
          const copied: u32 = mask == 0 ? 16 : ctz(mask);
          from += copied;
          out += copied;
          if (mask == 0) continue;
          byte = <u32>load<u8>(from);
          if (byte != BACKSLASH) break;
          out++;
          from++;
          byte = <u32>load<u8>(from);
          if (byte == NEWLINE) break;
          store<u8>(out, <u8>byte);
          out++;
          from++;
        }
        store<u8>(out, <u8>TAB);
        out++;
        store<u8>(sign, <u8>TAB);
        sign++;
        if (byte == QUOTE) {
          store<u8>(sign, <u8>QUOTE);
          sign++;
          from++;
        }
      } else {
        const data = v128.load(from);
        const mask = <u32>i8x16.bitmask(isSign(data, signs, spaces, lowBits, newlines));
        if ((mask & 1) != 0) {
          store<u8>(sign, <u8>byte);
          sign++;
          from++;
        } else {
          v128.store(out, data);
          let copied: u32 = mask == 0 ? 16 : ctz(mask);
          from += copied;
          out += copied;
          let more = mask == 0;
          while (more) {
            const next = v128.load(from);
            v128.store(out, next);
            const ends = <u32>i8x16.bitmask(isSign(next, signs, spaces, lowBits, newlines));
            copied = ends == 0 ? 16 : ctz(ends);
            from += copied;
            out += copied;
            more = ends == 0;
          }
          store<u8>(out, <u8>TAB);
          out++;
          store<u8>(sign, <u8>TAB);
          sign++;
        }
      }
      byte = <u32>load<u8>(from);
    }
    from++;
    if (out > firstValue) store<u8>(out - 1, <u8>NEWLINE);
    const shapeBytes = <u32>(sign - shape);
    if (count == 0 || !isShape(entry, shapes, shape, shapeBytes)) {
      entry = entryOf(entries, count, slots, slotCount, shapes, shape, shapeBytes);
      if (entry == entries + <usize>count * ENTRY) {
        count++;
        shape = sign;
      }
    }
    store<u32>(entry, load<u32>(entry, ENTRY_ROWS) + 1, ENTRY_ROWS);
    store<u32>(entry, load<u32>(entry, ENTRY_LINE_BYTES) + <u32>(from - firstByte), ENTRY_LINE_BYTES);
    store<u32>(entry, load<u32>(entry, ENTRY_VALUE_BYTES) + <u32>(out - firstValue), ENTRY_VALUE_BYTES);
    store<u32>(line, <u32>(out - values), LINE_VALUES_END);
    store<u32>(line, <u32>(from - at), LINE_END);
    store<u32>(line, <u32>((entry - entries) / ENTRY), LINE_ENTRY);
    line += LINE;
  }
  return count;
}

/** All bits of the bytes that end a value outside of quotes. */
@inline
function isSign(data: v128, signs: v128, spaces: v128, lowBits: v128, newlines: v128): v128 {
  const candidates = i8x16.eq(v128.or(data, spaces), i8x16.swizzle(signs, v128.and(data, lowBits)));
  // Control characters look like signs once 0x20 is set in them.
  return v128.or(v128.and(candidates, i8x16.ge_u(data, spaces)), i8x16.eq(data, newlines));
}

@inline
function isShape(entry: usize, shapes: usize, shape: usize, bytes: u32): bool {
  return load<u32>(entry, ENTRY_BYTES) == bytes && isSame(shapes + load<u32>(entry, ENTRY_AT), shape, bytes);
}

/** The entry of a shape that lies behind all others: the first free one, made, if it is new. */
function entryOf(
  entries: usize,
  count: u32,
  slots: usize,
  slotCount: u32,
  shapes: usize,
  shape: usize,
  bytes: u32,
): usize {
  store<u64>(shape + bytes, 0);
  let mixed: u64 = <u64>bytes;
  for (let done: u32 = 0; done < bytes; done += 8)
    mixed = rotl<u64>(mixed ^ load<u64>(shape + done), 29) * 0x9e3779b97f4a7c15;
  const hash = <u32>(mixed >> 32);
  let slot = hash & (slotCount - 1);
  for (;;) {
    const known = load<u32>(slots + (<usize>slot << 2));
    if (known == 0) break;
    const entry = entries + <usize>(known - 1) * ENTRY;
    if (load<u32>(entry, ENTRY_HASH) == hash && isShape(entry, shapes, shape, bytes)) return entry;
    slot = (slot + 1) & (slotCount - 1);
  }
  store<u32>(slots + (<usize>slot << 2), count + 1);
  const entry = entries + <usize>count * ENTRY;
  memory.fill(entry, 0, ENTRY);
  store<u32>(entry, <u32>(shape - shapes), ENTRY_AT);
  store<u32>(entry, bytes, ENTRY_BYTES);
  store<u32>(entry, hash, ENTRY_HASH);
  return entry;
}

/**
 * Puts what is kept of each line behind what is kept of the lines of its group before it.
 *
 * @param at the lines themselves, which the group `whole` keeps
 * @param ends of each group, u32: where its next line goes
 * @param numbers the group of each line, u8
 */
export function groupLines(
  at: usize,
  values: usize,
  lines: usize,
  rows: u32,
  entries: usize,
  whole: u32,
  ends: usize,
  numbers: usize,
): void {
  let value: u32 = 0;
  let byte: u32 = 0;
  for (let row: u32 = 0; row < rows; row++, lines += LINE) {
    const valuesEnd = load<u32>(lines, LINE_VALUES_END);
    const lineEnd = load<u32>(lines, LINE_END);
    const group = load<u32>(entries + <usize>load<u32>(lines, LINE_ENTRY) * ENTRY, ENTRY_GROUP);
    const to = load<u32>(ends + (<usize>group << 2));
    const bytes = group == whole ? lineEnd - byte : valuesEnd - value;
    copy(to, group == whole ? at + byte : values + value, bytes);
    store<u32>(ends + (<usize>group << 2), to + bytes);
    store<u8>(numbers + row, <u8>group);
    value = valuesEnd;
    byte = lineEnd;
  }
}

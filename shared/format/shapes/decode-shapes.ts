import { releaseMemory } from '../../core/buffer-memory.ts';
import { ByteReader } from '../varint.ts';
import { MOST_SHAPES, NEWLINE, TAB } from './split-lines.ts';

/** Lines of one shape, as far as they were put back. */
interface Group {
  /** What is before the first value, between values, and after the last one. */
  readonly signs: readonly Uint8Array[];
  readonly values: Buffer;
  at: number;
}

/**
 * The lines that shapes and tables of values make.
 *
 * @param maxBytes no more is made
 * @param open the plain bytes of an item, at most so many; `isTable`: of values @throws E_DAMAGED
 * @throws E_DAMAGED
 */
export function decodeShapes(
  body: Uint8Array,
  maxBytes: number,
  open: (item: Uint8Array, maxBytes: number, isTable: boolean) => Buffer,
): Buffer {
  const reader = new ByteReader(body, 'an item of shapes');
  const [bytes, rows, count] = [reader.varint(), reader.varint(), reader.varint()];
  if (bytes > maxBytes || rows < 1 || rows > bytes || count < 1 || count > MOST_SHAPES)
    throw reader.damaged(
      `it says that it holds ${rows} rows of ${count} shapes in ${bytes} bytes, at most ${maxBytes} are allowed`,
    );
  const shapes = Array.from({ length: count }, () => reader.bytes(reader.count(1)));
  const numbers = count === 1 ? new Uint8Array(rows) : open(reader.bytes(reader.count(1)), rows, false);
  if (numbers.length !== rows)
    throw reader.damaged(`it has shapes of ${numbers.length} rows, not of ${rows}`);
  const groups = shapes.map((shape): Group => {
    const values = open(reader.bytes(reader.count(1)), bytes, true);
    return { signs: signsOf(shape, reader), values, at: 0 };
  });
  reader.end();
  const out = Buffer.from(new ArrayBuffer(bytes));
  const isWhole =
    join(numbers, groups, out) === bytes && groups.every(({ at, values }) => at === values.length);
  for (const { values } of groups) releaseMemory(values);
  if (!isWhole) throw reader.damaged(`its shapes and values do not make ${rows} rows of ${bytes} bytes`);
  return out;
}

/** @throws E_DAMAGED for a shape without a value, or of more than one line */
function signsOf(shape: Uint8Array, reader: ByteReader): Uint8Array[] {
  const signs: Uint8Array[] = [];
  let from = 0;
  for (let at = shape.indexOf(TAB); at >= 0; at = shape.indexOf(TAB, from)) {
    signs.push(shape.subarray(from, at));
    from = at + 1;
  }
  if (signs.length === 0 || shape.includes(NEWLINE)) throw reader.damaged('a shape is none');
  return [...signs, shape.subarray(from)];
}

/** @returns how many bytes were made; -1: the values are not those of the shapes, or do not fit */
function join(numbers: Uint8Array, groups: readonly Group[], out: Buffer): number {
  let to = 0;
  for (const number of numbers) {
    const group = groups[number];
    to = group ? addLine(group, out, to) : -1;
    if (to < 0) return -1;
  }
  return to;
}

function addLine(group: Group, out: Buffer, from: number): number {
  const { signs } = group;
  const last = signs.length - 1;
  let to = from;
  for (const [i, sign] of signs.entries()) {
    if (to + sign.length >= out.length) return -1;
    for (let at = 0; at < sign.length; at++) out[to++] = sign[at] ?? 0;
    if (i < last) to = addValue(group, out, { to, end: i + 1 === last ? NEWLINE : TAB });
    if (to < 0) return -1;
  }
  out[to++] = NEWLINE;
  return to;
}

function addValue(
  group: Group,
  out: Buffer,
  { to: from, end }: { readonly to: number; readonly end: number },
): number {
  const { values } = group;
  let to = from;
  let byte = values[group.at++];
  while (byte !== TAB && byte !== NEWLINE) {
    if (byte === undefined || to >= out.length) return -1;
    out[to++] = byte;
    byte = values[group.at++];
  }
  return byte === end ? to : -1;
}

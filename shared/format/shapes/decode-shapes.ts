import { releaseMemory } from '../../core/buffer-memory.ts';
import { ByteReader } from '../varint.ts';
import { GROUP, shapeMemory } from './memory.ts';
import { MOST_SHAPES, NEWLINE, type ShapedRows, TAB } from './split-lines.ts';

/** The plain bytes of an item, at most so many; `isTable`: of values. @throws E_DAMAGED */
type OpenItem = (item: Uint8Array, maxBytes: number, isTable: boolean) => Buffer;

/** Ends the last part of a shape in memory, as tabs end the others. */
const END_OF_SHAPE = Buffer.of(TAB);

/**
 * The lines that shapes and tables of values make.
 *
 * @param maxBytes no more is made
 * @param open opens the items within
 * @throws E_DAMAGED
 */
export function decodeShapes(body: Uint8Array, maxBytes: number, open: OpenItem): Buffer {
  const reader = new ByteReader(body, 'an item of shapes');
  const [bytes, rows, count] = [reader.varint(), reader.varint(), reader.varint()];
  if (bytes > maxBytes || rows < 1 || rows > bytes || count < 1 || count > MOST_SHAPES)
    throw reader.damaged(
      `it says that it holds ${rows} rows of ${count} shapes in ${bytes} bytes, at most ${maxBytes} are allowed`,
    );
  const shapes = Array.from({ length: count }, () => readShape(reader));
  const numbers = count === 1 ? new Uint8Array(rows) : open(reader.bytes(reader.count(1)), rows, false);
  if (numbers.length !== rows)
    throw reader.damaged(`it has shapes of ${numbers.length} rows, not of ${rows}`);
  let left = bytes;
  const groups = shapes.map((shape) => {
    const values = open(reader.bytes(reader.count(1)), left, true);
    left -= values.length;
    return { shape, values };
  });
  reader.end();
  const out = join(numbers, groups, bytes);
  for (const { values } of groups) releaseMemory(values);
  if (!out) throw reader.damaged(`its shapes and values do not make ${rows} rows of ${bytes} bytes`);
  return out;
}

/** @throws E_DAMAGED for a shape without a value, or of more than one line */
function readShape(reader: ByteReader): Buffer {
  const shape = reader.bytes(reader.count(1));
  if (!shape.includes(TAB) || shape.includes(NEWLINE)) throw reader.damaged('a shape is none');
  return shape;
}

/** @returns undefined: the values are not those of the shapes, or make another number of bytes */
function join(numbers: Uint8Array, groups: readonly ShapedRows[], bytes: number): Buffer | undefined {
  const memory = shapeMemory();
  const [out = 0, numbersAt = 0, table = 0, ...places] = memory.layOut(
    bytes,
    numbers.length,
    groups.length * GROUP.bytes,
    ...groups.flatMap(({ shape, values }) => [shape.length + 1, values.length]),
  );
  memory.write(numbersAt, numbers);
  for (const [i, { shape, values }] of groups.entries()) {
    const [shapeAt = 0, valuesAt = 0] = places.slice(2 * i);
    memory.write(shapeAt, shape);
    memory.write(shapeAt + shape.length, END_OF_SHAPE);
    memory.write(valuesAt, values);
    const group = table + i * GROUP.bytes;
    memory.writeU32(group + GROUP.shape, shapeAt);
    memory.writeU32(group + GROUP.shapeEnd, shapeAt + shape.length);
    memory.writeU32(group + GROUP.values, valuesAt);
    memory.writeU32(group + GROUP.valuesEnd, valuesAt + values.length);
  }
  const made = memory.call.joinLines(numbersAt, numbers.length, table, groups.length, out, bytes);
  const areUsed = groups.every((_, i) => {
    const group = table + i * GROUP.bytes;
    return memory.u32(group + GROUP.values) === memory.u32(group + GROUP.valuesEnd);
  });
  return made === bytes && areUsed ? Buffer.from(memory.view(out, bytes)) : undefined;
}

import { SPARE_BYTES } from '../columns/memory.ts';
import { ENTRY, LINE_BYTES, type ShapeMemory, shapeMemory } from './memory.ts';

/** docs/reference/format.md, "Shapes". */
export const TAB = 0x09;
/** What ends a line. */
export const NEWLINE = 0x0a;

/** The shape of lines that are one value: what is rare, and what is no JSON. */
const WHOLE_LINE = Buffer.of(TAB);
/** Lines of more shapes than this are not told apart. */
export const MOST_SHAPES = 255;
/** Rows of a rarer shape are kept whole. */
const LEAST_ROWS = 16;
/** Shorter rows, on average, are left to the other codecs: they take memory. */
const LEAST_ROW_BYTES = 4;

/** Lines of one shape. */
export interface ShapedRows {
  /** A tab in the place of each value. */
  readonly shape: Uint8Array;
  /** The values of each line, with tabs between them and a newline behind them. */
  readonly values: Uint8Array;
}

/** Lines, each with the group of its shape; views, until more lines are split or joined. */
export interface SplitLines {
  readonly rows: number;
  readonly groups: readonly ShapedRows[];
  /** For each line, the number of its group. */
  readonly numbers: Uint8Array;
}

/**
 * Takes lines apart into shapes, which are the signs of JSON, and values: what is between quotes, and numbers, `true`, `false`
 * and `null`. Names are values too: those that are the same on every line take next to nothing as columns.
 *
 * @param plain whole lines
 * @returns undefined if most of it is no JSON, or has a tab in it
 */
export function splitLines(plain: Uint8Array): SplitLines | undefined {
  const bytes = plain.length;
  if (plain[bytes - 1] !== NEWLINE) return undefined;
  const memory = shapeMemory();
  const [lineAt = 0] = memory.layOut(bytes);
  memory.write(lineAt, plain);
  const rows = memory.call.countLines(lineAt, bytes);
  if (rows < LEAST_ROWS || rows * LEAST_ROW_BYTES > bytes) return undefined;
  const areas = layOut(memory, bytes, rows);
  const { at, values, lines, entries, slots, slotCount, shapes } = areas;
  memory.view(slots, 4 * slotCount).fill(0);
  const count = memory.call.splitLines(at, bytes, values, lines, entries, slots, slotCount, shapes);
  const kept = keptShapes(memory, areas, count);
  const keptRows = kept.reduce((sum, shape) => sum + shape.rows, 0);
  if (keptRows * 2 < rows) return undefined;
  return group(memory, areas, { bytes, rows, count, kept });
}

interface Areas {
  readonly at: number;
  readonly values: number;
  readonly out: number;
  readonly numbers: number;
  readonly ends: number;
  readonly lines: number;
  readonly entries: number;
  readonly slots: number;
  readonly slotCount: number;
  readonly shapes: number;
}

/** The lines stay where they are: they are the first area. */
function layOut(memory: ShapeMemory, bytes: number, rows: number): Areas {
  const slotCount = 2 ** Math.ceil(Math.log2(2 * rows));
  const [at = 0, values = 0, out = 0, numbers = 0, ends = 0, lines = 0, slots = 0, entries = 0, shapes = 0] =
    memory.layOut(
      bytes,
      bytes,
      bytes + MOST_SHAPES * SPARE_BYTES,
      rows,
      4 * MOST_SHAPES,
      rows * LINE_BYTES,
      4 * slotCount,
      rows * ENTRY.bytes,
      2 * bytes,
    );
  return { at, values, out, numbers, ends, lines, entries, slots, slotCount, shapes };
}

/** A shape of enough lines. */
interface KeptShape {
  /** Its place among all shapes. */
  readonly entry: number;
  readonly shape: Uint8Array;
  readonly rows: number;
  readonly lineBytes: number;
  readonly valueBytes: number;
}

/** Those with the most lines first. */
function keptShapes(memory: ShapeMemory, { entries, shapes }: Areas, count: number): KeptShape[] {
  const kept: KeptShape[] = [];
  for (let entry = 0; entry < count; entry++) {
    const of = (offset: number) => memory.u32(entries + entry * ENTRY.bytes + offset);
    const rows = of(ENTRY.rows);
    if (rows < LEAST_ROWS) continue;
    const shape = memory.view(shapes + of(ENTRY.at), of(ENTRY.shapeBytes));
    if (!shape.includes(TAB) || shape.equals(WHOLE_LINE)) continue;
    kept.push({ entry, shape, rows, lineBytes: of(ENTRY.lineBytes), valueBytes: of(ENTRY.valueBytes) });
  }
  return kept.toSorted((a, b) => b.rows - a.rows).slice(0, MOST_SHAPES - 1);
}

function group(
  memory: ShapeMemory,
  { at, values, out, numbers, ends, lines, entries }: Areas,
  split: {
    readonly bytes: number;
    readonly rows: number;
    readonly count: number;
    readonly kept: readonly KeptShape[];
  },
): SplitLines {
  const { bytes, rows, count, kept } = split;
  const whole = kept.length;
  const setGroup = (entry: number, number: number) =>
    memory.writeU32(entries + entry * ENTRY.bytes + ENTRY.group, number);
  for (let entry = 0; entry < count; entry++) setGroup(entry, whole);
  for (const [number, { entry }] of kept.entries()) setGroup(entry, number);
  const parts = kept.map(({ shape, valueBytes }) => ({ shape, bytes: valueBytes }));
  const wholeBytes = kept.reduce((left, { lineBytes }) => left - lineBytes, bytes);
  if (wholeBytes > 0) parts.push({ shape: WHOLE_LINE, bytes: wholeBytes });
  let to = out;
  const groups = parts.map((part, number) => {
    const from = to;
    memory.writeU32(ends + 4 * number, from);
    to += part.bytes + SPARE_BYTES;
    return { shape: part.shape, values: memory.view(from, part.bytes) };
  });
  memory.call.groupLines(at, values, lines, rows, entries, whole, ends, numbers);
  return { rows, groups, numbers: memory.view(numbers, rows) };
}

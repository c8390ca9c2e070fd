import { ModuleMemory } from '../columns/memory.ts';

/** Records of the areas below, and what is where in them, in bytes: layout.assembly.ts. */
export const LINE_BYTES = 12;
/** Of a shape; all but its place are u32. */
export const ENTRY = {
  bytes: 28,
  at: 0,
  shapeBytes: 4,
  rows: 8,
  lineBytes: 12,
  valueBytes: 16,
  group: 20,
} as const;
/** Of a group of lines that is put back. */
export const GROUP = { bytes: 16, shape: 0, shapeEnd: 4, values: 8, valuesEnd: 12 } as const;

/** Pointers and sizes in bytes; all of `split.assembly.ts` and `join.assembly.ts`. */
interface Exports {
  countLines(at: number, bytes: number): number;
  splitLines(
    at: number,
    bytes: number,
    values: number,
    lines: number,
    entries: number,
    slots: number,
    slotCount: number,
    shapes: number,
  ): number;
  groupLines(
    at: number,
    values: number,
    lines: number,
    rows: number,
    entries: number,
    whole: number,
    ends: number,
    numbers: number,
  ): void;
  joinLines(numbers: number, rows: number, groups: number, count: number, out: number, room: number): number;
}

/** Where lines are taken apart and put together; not that of columns, which the values of shapes go through meanwhile. */
export type ShapeMemory = ModuleMemory<Exports>;

let ofThread: ShapeMemory | undefined;

/** The one of this thread. */
export function shapeMemory(): ShapeMemory {
  ofThread ??= new ModuleMemory<Exports>();
  return ofThread;
}

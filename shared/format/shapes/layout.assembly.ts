// AssemblyScript: records of the areas that split.assembly.ts fills and shape-memory.ts reads.

/** Of a line, u32 each: the end of its values, its own end, and the number of its shape. */
export const LINE: usize = 12;
export const LINE_VALUES_END: usize = 0;
export const LINE_END: usize = 4;
export const LINE_ENTRY: usize = 8;

/** Of a shape, u32 each: its place and length, its lines, their bytes, those of their values, a hash, and its group. */
export const ENTRY: usize = 28;
export const ENTRY_AT: usize = 0;
export const ENTRY_BYTES: usize = 4;
export const ENTRY_ROWS: usize = 8;
export const ENTRY_LINE_BYTES: usize = 12;
export const ENTRY_VALUE_BYTES: usize = 16;
export const ENTRY_GROUP: usize = 20;
export const ENTRY_HASH: usize = 24;

/** Of a group of lines to be put back, u32 each: where its shape begins and ends, where its values begin and end. */
export const GROUP: usize = 16;
export const GROUP_SHAPE: usize = 0;
export const GROUP_SHAPE_END: usize = 4;
export const GROUP_VALUES: usize = 8;
export const GROUP_VALUES_END: usize = 12;

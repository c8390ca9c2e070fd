/** docs/reference/format.md, "Columns": how a column's values are encoded. */
export const KIND = { text: 0, constant: 1, dictionary: 2, number: 3, time: 4, hex: 5 } as const;
/** Bits mark the rows whose value is `\\N`; these have no stored value. */
export const HAS_NULLS = 1;

/** Lines with more fields than this are stored as they are. */
export const MOST_FIELDS = 1024;
/** What ends a record. */
export const NEWLINE = 0x0a;

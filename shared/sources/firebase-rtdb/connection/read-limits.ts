import { KiB, MiB } from '../../../core/units.ts';

/** Sizes that decide how a database is read. Tests make them smaller; for users they are fixed. */
export interface ReadLimits {
  /** A value longer than this is not one record: its children are. Part of what makes records stable. */
  readonly recordCharacters: number;
  /**
   * A node with more is asked for in parts: of those that changed later, few bytes are read again. Larger than the largest
   * record, however its characters are written.
   */
  readonly nodeBytes: number;
  /** What a page of children may bring. Bounds the memory of a reader. */
  readonly pageBytes: number;
  /** What a page of small children shall bring. */
  readonly usualPageBytes: number;
  /** Keys of a node whose listing is refused are requested in parts of this size. */
  readonly keysAPart: number;
}

/** Bounds that keep the memory of a read small. */
export const READ_LIMITS: ReadLimits = Object.freeze({
  recordCharacters: 128 * KiB,
  nodeBytes: 384 * KiB,
  pageBytes: 3 * MiB,
  usualPageBytes: 512 * KiB,
  keysAPart: 50_000,
});

import type { PackId } from '../core/ids.ts';

/** A pack gets its id when it is full; references to it are made before that. */
export interface PackHandle {
  /** Undefined until the pack is closed. */
  id: PackId | undefined;
}

/** Where an item is: `storedBytes` at `offset` of a pack, tag included. */
export interface ItemLocation {
  readonly pack: PackHandle;
  readonly offset: number;
  readonly storedBytes: number;
}

/** One chunk of a partition, as its tree describes it. */
export interface ChunkRef {
  /** SHA-256 of the plain bytes. */
  readonly id: Buffer;
  readonly plainBytes: number;
  /** Number of newlines in it. */
  readonly records: number;
  /** The chunk ends inside a record that is larger than a chunk may be. */
  readonly endsInside: boolean;
  /** Fingerprints of both sides of the chunk's end. */
  readonly before: number;
  readonly after: number;
  /** Full chunk first, then the deltas to apply in order; 1 to 16 steps. */
  readonly chain: readonly ItemLocation[];
}

/** The longest chain: the full chunk and 15 deltas. */
export const MAX_CHAIN = 16;

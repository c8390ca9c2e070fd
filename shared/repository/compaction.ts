import type { ChunkRef, ItemLocation } from '../format/chunk-ref.ts';

/** A parent that takes this many times the room of a first backup is compacted. */
const MOST_FACTOR = 1.4;
/** Then chunks that take so many times the room that they would take when stored whole are stored whole. */
const CHUNK_FACTOR = 1.1;
/** A chunk may be a difference from a far larger one: whole, it takes no more than so many times what others take. */
const MOST_RATIO = 2;
/** Of the stored bytes that a run goes through, it stores so much again at most, beside one pack. */
const MOST_SHARE = 1 / 4;

export interface CompactionOptions {
  /** Bytes that the chunks of the parent take, with what nobody uses of their packs. */
  readonly roomBytes: number;
  /** Bytes that they would take when stored whole; undefined where that is not known. */
  readonly wholeBytes: number | undefined;
  readonly plainBytes: number;
  /** Bytes that an item of the parent takes, with its part of what is not used of its pack. */
  readonly roomOf: (item: ItemLocation) => number;
  /** Size of a full pack. */
  readonly packBytes: number;
}

/**
 * Picks chunks of the parent that are to be stored whole again, so that no backup needs much more room than a first one would.
 * What lies in one pack goes together, so that the pack can go. All partitions of a run share what it may spend. Nothing is
 * removed: prune takes packs that no backup names.
 */
export class Compaction {
  readonly isNeeded: boolean;
  /** Most stored bytes of a plain one. */
  readonly #mostRatio: number;
  readonly #roomOf: (item: ItemLocation) => number;
  /** Stored bytes that may be spent. Below zero, no further pack is begun until more has been gone through. */
  #allowance: number;
  /** Packs that are being left behind. */
  readonly #leaving = new Set<string>();

  constructor({ roomBytes, wholeBytes = 0, plainBytes, roomOf, packBytes }: CompactionOptions) {
    this.isNeeded = wholeBytes > 0 && roomBytes > wholeBytes * MOST_FACTOR;
    this.#mostRatio = MOST_RATIO * (wholeBytes / Math.max(1, plainBytes));
    this.#roomOf = roomOf;
    this.#allowance = packBytes;
  }

  /** Whether a chunk of the parent takes so much room that it would be stored whole, if that may be spent. */
  isLarge(parent: ChunkRef): boolean {
    if (!this.isNeeded) return false;
    const room = parent.chain.reduce((sum, item) => sum + this.#roomOf(item), 0);
    return room >= this.#wholeBytesOf(parent) * CHUNK_FACTOR;
  }

  /** Whether a chunk of the parent is to be stored whole. Asked once for each that has a successor, in their order. */
  isDue(parent: ChunkRef): boolean {
    if (!this.isNeeded) return false;
    const wholeBytes = this.#wholeBytesOf(parent);
    this.#allowance += wholeBytes * MOST_SHARE;
    const pack = parent.chain[0]?.pack.id ?? '';
    if (!this.isLarge(parent) || (this.#allowance < 0 && !this.#leaving.has(pack))) return false;
    this.#leaving.add(pack);
    this.#allowance -= wholeBytes;
    return true;
  }

  #wholeBytesOf({ chain, plainBytes }: ChunkRef): number {
    return Math.min(chain[0]?.storedBytes ?? 0, plainBytes, plainBytes * this.#mostRatio);
  }
}

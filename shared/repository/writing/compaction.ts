import type { ChunkRef, ItemLocation } from '../../format/chunk-ref.ts';

/** A backup is to take no more than this many times the room of a first one, by what its parent takes and grows by. */
const MOST_FACTOR = 1.44;
/** Then chunks that take so many times the room that they would take when stored whole are compacted. */
const CHUNK_FACTOR = 1.1;
/** A chunk may be a difference from a far larger one: whole, it takes no more than so many times what others take. */
const MOST_RATIO = 2;
/** Of the stored bytes that a run goes through, it stores so much again at most, beside one pack. */
const MOST_SHARE = 1 / 4;
/** Differences are merged where that leaves no more than this share of what a chunk takes beside its first item. */
const MOST_LEFT = 0.75;
/** What differences merged into one take, by what they would take if each change were new and independent. */
const MERGED_SHARE = 0.85;

/** What becomes of a chunk: `merge` makes its differences one. */
export type Compacting = 'keep' | 'merge' | 'whole';

/** How many chunks may be written anew to free space. */
export interface CompactionOptions {
  /** Bytes that the chunks of the parent take, with what nobody uses of their packs. */
  readonly roomBytes: number;
  /** Bytes that they would take when stored whole; undefined where that is not known. */
  readonly wholeBytes: number | undefined;
  readonly plainBytes: number;
  /** Bytes that a backup adds, going by those before it. */
  readonly growthBytes: number;
  /** Bytes that an item of the parent takes, with its part of what is not used of its pack, where so much less of that is used. */
  readonly roomOf: (item: ItemLocation, leftBytes: number) => number;
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
  readonly #roomOf: CompactionOptions['roomOf'];
  /** Stored bytes that may be spent. Below zero, no further pack is begun until more has been gone through. */
  #allowance: number;
  /** Packs that are begun, by their ids: all chunks whose first item lies in one get the same. */
  readonly #begun = new Map<string, Compacting>();
  /** Bytes of the parent's packs that are not used any more, by their ids. */
  readonly #left = new Map<string, number>();

  constructor({ roomBytes, wholeBytes = 0, plainBytes, growthBytes, roomOf, packBytes }: CompactionOptions) {
    this.isNeeded = wholeBytes > 0 && roomBytes + growthBytes > wholeBytes * MOST_FACTOR;
    this.#mostRatio = MOST_RATIO * (wholeBytes / Math.max(1, plainBytes));
    this.#roomOf = roomOf;
    this.#allowance = packBytes;
  }

  /** Whether a chunk of the parent takes so much room that it would be compacted, if that may be spent. */
  isLarge(parent: ChunkRef): boolean {
    return this.isNeeded && this.#roomOfAll(parent.chain) >= this.#wholeBytesOf(parent) * CHUNK_FACTOR;
  }

  /** What is to become of a chunk of the parent. Asked once for each that has a successor, in their order. */
  plan(parent: ChunkRef): Compacting {
    if (!this.isNeeded) return 'keep';
    const wholeBytes = this.#wholeBytesOf(parent);
    this.#allowance += wholeBytes * MOST_SHARE;
    const pack = parent.chain[0]?.pack.id ?? '';
    if (!this.isLarge(parent) || (this.#allowance < 0 && !this.#begun.has(pack))) return 'keep';
    const planned = this.#begun.get(pack) ?? this.#mergeOrWhole(parent, wholeBytes);
    this.#begun.set(pack, planned);
    this.#allowance -= wholeBytes;
    for (const item of planned === 'merge' ? parent.chain.slice(1) : parent.chain) this.#leave(item);
    return planned;
  }

  #leave({ pack, storedBytes }: ItemLocation): void {
    if (pack.id) this.#left.set(pack.id, (this.#left.get(pack.id) ?? 0) + storedBytes);
  }

  /** Merged differences stay with the old full chunk, which is worth it only while they are far smaller than all were. */
  #mergeOrWhole({ chain }: ChunkRef, wholeBytes: number): Compacting {
    const deltas = chain.slice(1);
    const besideBytes = this.#roomOfAll(chain.slice(0, 1)) - wholeBytes;
    const deltaBytes = deltas.reduce((sum, item) => sum + this.#roomOf(item, 0), 0);
    const unchanged = deltas.reduce(
      (share, { storedBytes }) => share * (1 - Math.min(1, storedBytes / wholeBytes)),
      1,
    );
    const mergedBytes = MERGED_SHARE * (1 - unchanged) * wholeBytes;
    return besideBytes + mergedBytes <= MOST_LEFT * (besideBytes + deltaBytes) ? 'merge' : 'whole';
  }

  #roomOfAll(items: readonly ItemLocation[]): number {
    return items.reduce((sum, item) => sum + this.#roomOf(item, this.#left.get(item.pack.id ?? '') ?? 0), 0);
  }

  #wholeBytesOf({ chain, plainBytes }: ChunkRef): number {
    return Math.min(chain[0]?.storedBytes ?? 0, plainBytes, plainBytes * this.#mostRatio);
  }
}

import type { ChunkRef, ItemLocation } from '../../format/chunk-ref.ts';
import type { BackupReader } from '../reading/backup-reader.ts';
import { figuresOf } from '../reading/dataset-figures.ts';

/** A backup should take at most this many times the space of a first one, including the parent's growth. */
const MOST_FACTOR = 1.44;
/** Chunks that take more than this many times their space when stored whole are compacted. */
const CHUNK_FACTOR = 1.1;
/** A chunk may be a delta of a far larger one: whole, it takes at most this many times what others take. */
const MOST_RATIO = 2;
/** A run stores again at most this share of the stored bytes that it goes through, plus one pack. */
const MOST_SHARE = 1 / 4;
/**
 * Deltas are merged if the merged one takes at most this share of what a chunk takes besides its first item.
 */
const MOST_LEFT = 0.75;
/** Size of merged deltas, as a share of what they would take if each change were new and independent. */
const MERGED_SHARE = 0.85;

/** What happens to a chunk: `merge` combines its deltas into one. */
export type Compacting = 'keep' | 'merge' | 'whole';

/** How many chunks may be written anew to free space. */
export interface CompactionOptions {
  /** Bytes that the parent's chunks take, with the unused part of their packs. */
  readonly roomBytes: number;
  /** Bytes that they would take when stored whole; undefined if that is not known. */
  readonly wholeBytes: number | undefined;
  readonly plainBytes: number;
  /** Bytes that a backup adds, judged by earlier ones. */
  readonly growthBytes: number;
  /**
   * Bytes that an item of the parent takes, with its part of the unused rest of its pack, if that much less
   * of it is used.
   */
  readonly roomOf: (item: ItemLocation, leftBytes: number) => number;
  /** Size of a full pack. */
  readonly packBytes: number;
}

/** Sizes of a backup's data; `wholeBytes` is undefined if an old release wrote it. */
export function sizesOf(
  parent: BackupReader | undefined,
): Pick<CompactionOptions, 'plainBytes' | 'wholeBytes'> {
  const data = (parent?.catalog.datasets ?? []).filter(({ kind }) => kind === 'data').map(figuresOf);
  const isKnown = data.every(({ wholeBytes }) => wholeBytes !== undefined);
  return {
    plainBytes: data.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    wholeBytes: isKnown ? data.reduce((sum, { wholeBytes = 0 }) => sum + wholeBytes, 0) : undefined,
  };
}

/**
 * Picks chunks of the parent to store whole again, so that no backup needs much more space than a first one
 * would. Chunks in one pack are compacted together, so that the pack can go. All partitions of a run share
 * the budget. Nothing is removed: prune removes packs that no backup names.
 */
export class Compaction {
  readonly isNeeded: boolean;
  /** Most stored bytes per plain byte. */
  readonly #mostRatio: number;
  readonly #roomOf: CompactionOptions['roomOf'];
  /** Stored bytes that may be spent. Below zero, no further pack is begun until more has been gone through. */
  #allowance: number;
  /** Packs that were begun, by id: all chunks whose first item is in one get the same treatment. */
  readonly #begun = new Map<string, Compacting>();
  /** Bytes of the parent's packs that are no longer used, by id. */
  readonly #left = new Map<string, number>();

  constructor({ roomBytes, wholeBytes = 0, plainBytes, growthBytes, roomOf, packBytes }: CompactionOptions) {
    this.isNeeded = wholeBytes > 0 && roomBytes + growthBytes > wholeBytes * MOST_FACTOR;
    this.#mostRatio = MOST_RATIO * (wholeBytes / Math.max(1, plainBytes));
    this.#roomOf = roomOf;
    this.#allowance = packBytes;
  }

  /** Whether a chunk of the parent takes so much space that it would be compacted, if the budget allows. */
  isLarge(parent: ChunkRef): boolean {
    return this.isNeeded && this.#roomOfAll(parent.chain) >= this.#wholeBytesOf(parent) * CHUNK_FACTOR;
  }

  /** What to do with a chunk of the parent. Called once for each that has a successor, in their order. */
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

  /**
   * Merged deltas stay with the old full chunk, which is worth it only while they are far smaller than all
   * were.
   */
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

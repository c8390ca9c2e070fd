import { releaseMemory } from '../../core/buffer-memory.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { PackId } from '../../core/ids.ts';
import { MiB } from '../../core/units.ts';
import { packKey } from '../../format/pack.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** Packs are read in aligned pieces of this size: the next bytes are usually close. */
const SEGMENT_BYTES = 1 * MiB;

interface Segment {
  readonly bytes: Promise<Uint8Array>;
  /** Reads in progress that use it. */
  users: number;
  isDropped: boolean;
}

/** Reads ranges of packs through a bounded cache of segments; evicted segments are freed at once. */
export class SegmentCache {
  readonly #store: ObjectStore;
  readonly #most: number;
  /** Least lately used first. */
  readonly #segments = new Map<string, Segment>();

  constructor(store: ObjectStore, cacheBytes: number) {
    this.#store = store;
    this.#most = Math.max(4, Math.floor(cacheBytes / SEGMENT_BYTES));
  }

  /**
   * Copies `[offset, offset + into.length)` of a pack of `packBytes` bytes into `into`. If a pack was cut
   * short, or has a bad sector, the rest can still be read.
   *
   * @throws E_OBJECT_NOT_FOUND, E_OBJECT_UNREADABLE, E_RANGE
   */
  async read(
    pack: PackId,
    packBytes: number,
    offset: number,
    into: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#readSegments(pack, packBytes, offset, into, signal);
    } catch (error) {
      if (!isHoldfastError(error, 'E_RANGE') && !isHoldfastError(error, 'E_OBJECT_UNREADABLE')) throw error;
      const range = { offsetBytes: offset, lengthBytes: into.length };
      into.set(await this.#store.get(packKey(pack), { range, signal }));
    }
  }

  /** A range by itself, which is not kept. @throws E_OBJECT_NOT_FOUND, E_OBJECT_UNREADABLE, E_RANGE */
  readApart(
    pack: PackId,
    range: { readonly offsetBytes: number; readonly lengthBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    return this.#store.get(packKey(pack), { range, signal });
  }

  async #readSegments(
    pack: PackId,
    packBytes: number,
    offset: number,
    into: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    for (let at = 0; at < into.length; ) {
      const index = Math.floor((offset + at) / SEGMENT_BYTES);
      const segment = this.#segment(pack, packBytes, index, signal);
      segment.users++;
      try {
        const bytes = await segment.bytes;
        const from = offset + at - index * SEGMENT_BYTES;
        const piece = bytes.subarray(from, from + into.length - at);
        into.set(piece, at);
        at += piece.length;
      } finally {
        segment.users--;
        if (segment.isDropped) free(segment);
      }
    }
  }

  #segment(pack: PackId, packBytes: number, index: number, signal: AbortSignal): Segment {
    const name = `${pack}/${index}`;
    const known = this.#segments.get(name);
    if (known) {
      this.#segments.delete(name);
      this.#segments.set(name, known);
      return known;
    }
    const offsetBytes = index * SEGMENT_BYTES;
    const range = { offsetBytes, lengthBytes: Math.min(SEGMENT_BYTES, packBytes - offsetBytes) };
    const bytes = this.#store.get(packKey(pack), { range, signal });
    const segment = { bytes, users: 0, isDropped: false };
    this.#segments.set(name, segment);
    bytes.catch(() => this.#segments.delete(name));
    this.#evict();
    return segment;
  }

  #evict(): void {
    for (const [name, oldest] of this.#segments) {
      if (this.#segments.size <= this.#most) return;
      this.#segments.delete(name);
      oldest.isDropped = true;
      free(oldest);
    }
  }
}

/** Once nobody looks at it. */
function free(segment: Segment): void {
  if (segment.users === 0) segment.bytes.then(releaseMemory, () => {});
}

import { buffersLetGo } from '../core/buffer-memory.ts';
import type { PackId } from '../core/ids.ts';
import { MiB } from '../core/units.ts';
import { packKey } from '../format/pack.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Packs are read in aligned pieces of this size: what is wanted next lies beside it. */
const SEGMENT_BYTES = 1 * MiB;

/** Reads ranges of packs by way of a bounded cache of segments. */
export class SegmentCache {
  readonly #store: ObjectStore;
  readonly #most: number;
  /** Least lately used first. */
  readonly #segments = new Map<string, Promise<Uint8Array>>();

  constructor(store: ObjectStore, cacheBytes: number) {
    this.#store = store;
    this.#most = Math.max(4, Math.floor(cacheBytes / SEGMENT_BYTES));
  }

  /**
   * Copies `[offset, offset + into.length)` of a pack of `packBytes` bytes into `into`.
   *
   * @throws E_OBJECT_NOT_FOUND, E_RANGE
   */
  async read(
    pack: PackId,
    packBytes: number,
    offset: number,
    into: Uint8Array,
    signal: AbortSignal,
  ): Promise<void> {
    for (let at = 0; at < into.length; ) {
      const index = Math.floor((offset + at) / SEGMENT_BYTES);
      const segment = await this.#segment(pack, packBytes, index, signal);
      const from = offset + at - index * SEGMENT_BYTES;
      const piece = segment.subarray(from, from + into.length - at);
      into.set(piece, at);
      at += piece.length;
    }
  }

  #segment(pack: PackId, packBytes: number, index: number, signal: AbortSignal): Promise<Uint8Array> {
    const name = `${pack}/${index}`;
    const known = this.#segments.get(name);
    if (known) {
      this.#segments.delete(name);
      this.#segments.set(name, known);
      return known;
    }
    const offsetBytes = index * SEGMENT_BYTES;
    const range = { offsetBytes, lengthBytes: Math.min(SEGMENT_BYTES, packBytes - offsetBytes) };
    const segment = this.#store.get(packKey(pack), { range, signal });
    buffersLetGo(range.lengthBytes);
    this.#segments.set(name, segment);
    segment.catch(() => this.#segments.delete(name));
    for (const oldest of this.#segments.keys()) {
      if (this.#segments.size <= this.#most) break;
      this.#segments.delete(oldest);
    }
    return segment;
  }
}

import type { ChunkBounds } from './key-bounds.ts';

/** Keys from one form on up to all that begin with another. */
export interface KeyRange {
  readonly from: Uint8Array;
  /** Keys that begin with it are in the range too. */
  readonly to: Uint8Array;
}

/** The keys that somebody looks for: chunks whose bounds hold none of them need not be read. */
export class KeyRanges {
  /** Of the key that they are of: `keyIdOf`. */
  readonly keyId: Uint8Array;
  /** In order. Sorted by `from`, they are by `to` as well: single keys, or one range. */
  readonly #ranges: readonly KeyRange[];

  /** @param ranges single keys (`from` is `to`), no one the beginning of another; or one range */
  constructor(keyId: Uint8Array, ranges: readonly KeyRange[]) {
    this.keyId = keyId;
    this.#ranges = ranges.toSorted((a, b) => Buffer.compare(a.from, b.from));
  }

  /** Whether a chunk may hold one of the keys. */
  mayBeIn({ least, greatest }: ChunkBounds): boolean {
    const range = this.#ranges[this.#firstNotBefore(least)];
    return range !== undefined && Buffer.compare(range.from, greatest) <= 0;
  }

  /** Index of the first range that does not end before a key. */
  #firstNotBefore(least: Uint8Array): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const range = this.#ranges[middle];
      if (range && isBehind(least, range.to)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a key is behind all that begin with `to`. A key that was cut is taken for the least that it can be. */
function isBehind(least: Uint8Array, to: Uint8Array): boolean {
  return Buffer.compare(least.subarray(0, to.length), to) > 0;
}

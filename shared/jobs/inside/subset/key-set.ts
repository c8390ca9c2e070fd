import { HoldfastError } from '../../../core/errors.ts';

/** Different keys that a subset may refer to, of all tables together: 16 bytes of memory each at most, twice that while a set grows. */
export const MOST_KEYS = 8_000_000;
const FIRST_SLOTS = 1024;

/** How many keys all sets of a subset hold. */
export class KeyCount {
  readonly #most: number;
  #held = 0;

  constructor(most = MOST_KEYS) {
    this.#most = most;
  }

  /** @throws E_USAGE for one too many */
  more(): void {
    if (++this.#held <= this.#most) return;
    throw new HoldfastError(
      'E_USAGE',
      `the subset refers to more than ${this.#most.toLocaleString('en')} different keys; nothing was written`,
      { hint: 'Choose fewer rows, or restore the whole backup.' },
    );
  }
}

/** Hashes of keys (`keyHash`), never 0. */
export class KeySet {
  readonly #count: KeyCount;
  #slots = new Float64Array(FIRST_SLOTS);
  size = 0;

  constructor(count: KeyCount) {
    this.#count = count;
  }

  has(hash: number): boolean {
    return this.#slots[this.#slotOf(hash)] === hash;
  }

  /** @returns whether it is new. @throws E_USAGE if there are too many */
  add(hash: number): boolean {
    const slot = this.#slotOf(hash);
    if (this.#slots[slot] === hash) return false;
    this.#count.more();
    this.#slots[slot] = hash;
    if (++this.size * 2 > this.#slots.length) this.#grow();
    return true;
  }

  /** Where it is, or belongs. */
  #slotOf(hash: number): number {
    const last = this.#slots.length - 1;
    let slot = (hash % 4294967296) & last;
    while (this.#slots[slot] !== 0 && this.#slots[slot] !== hash) slot = (slot + 1) & last;
    return slot;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Float64Array(before.length * 2);
    for (const hash of before) if (hash !== 0) this.#slots[this.#slotOf(hash)] = hash;
  }
}

/** Two hashes of 32 bits at once: the mixing steps of MurmurHash3 (Appleby, public domain) over code units. Never 0; 53 bits. */
export function keyHash(text: string): number {
  let [low, high] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  return (high >>> 11) * 4294967296 + (low >>> 0) || 1;
}

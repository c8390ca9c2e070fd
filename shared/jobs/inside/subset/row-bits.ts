/** Which records of a partition are chosen, by their places: a bit each. */
export class RowBits {
  #bits = new Uint8Array(64);
  /** How many are chosen. */
  count = 0;
  /** What these take, their newlines included. */
  plainBytes = 0;

  has(place: number): boolean {
    return (((this.#bits[place >>> 3] ?? 0) >>> (place & 7)) & 1) === 1;
  }

  /** One that is not chosen yet. @param bytes of the record */
  add(place: number, bytes: number): void {
    const at = place >>> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#bits.length * 2));
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | (1 << (place & 7));
    this.count++;
    this.plainBytes += bytes;
  }
}

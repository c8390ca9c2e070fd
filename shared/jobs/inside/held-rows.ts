import { randomInt } from 'node:crypto';
import { MiB } from '../../core/units.ts';

/** Rows lie in pages, outside of what V8's garbage collector looks through. */
const PAGE_BYTES = MiB;
/** What a row takes besides its bytes. */
const ROW_BYTES = 40;
/** Numbers of a row: its hash, page, place there, length, count. */
const NUMBERS = 5;
const [PAGE, PLACE, LENGTH, COUNT] = [1, 2, 3, 4];
/** Pages are written anew when rows that no longer count take this much, and more than those that count. */
const LEAST_DEAD_BYTES = 4 * PAGE_BYTES;

/** Counts equal rows, and forgets those whose count is 0: a hash table with open addressing over bytes. */
export class HeldRows {
  /** What the rows take whose count is not 0. */
  bytes = 0;
  #dead = 0;
  #pages: Buffer[] = [];
  #free = 0;
  #rows = new Int32Array(NUMBERS * 1024);
  #size = 0;
  /** Places in `rows`, plus 1; 0 is free. Twice as many as there may be rows. */
  #table = new Int32Array(2048);
  readonly #seed = randomInt(2 ** 32);

  /** Adds to the count of a row. */
  add(row: Uint8Array, step: number): void {
    const hash = this.#hash(row);
    const slot = this.#slotOf(hash, row);
    const known = (this.#table[slot] ?? 0) - 1;
    const at = known < 0 ? this.#append(slot, hash, row) : known;
    const was = this.#rows[at + COUNT] ?? 0;
    this.#rows[at + COUNT] = was + step;
    const size = row.length + ROW_BYTES;
    if (was === 0) this.bytes += size;
    if (was === 0 && known >= 0) this.#dead -= size;
    if (was + step !== 0) return;
    this.bytes -= size;
    this.#dead += size;
    if (this.#dead > LEAST_DEAD_BYTES && this.#dead > this.bytes) this.#rewrite();
  }

  /** Rows whose count is not 0, by numbers that are good until something is added. */
  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#size; at += NUMBERS) if (this.countOf(at) !== 0) yield at;
  }

  countOf(row: number): number {
    return this.#rows[row + COUNT] ?? 0;
  }

  /** A view of it. */
  bytesOf(row: number): Buffer {
    const place = this.#rows[row + PLACE] ?? 0;
    const page = this.#pages[this.#rows[row + PAGE] ?? 0] as Buffer;
    return page.subarray(place, place + (this.#rows[row + LENGTH] ?? 0));
  }

  /** FNV-1a, 32 bits (Fowler, Noll, Vo; draft-eastlake-fnv), from a basis that nobody can choose rows for. */
  #hash(row: Uint8Array): number {
    let hash = this.#seed | 0;
    for (let i = 0; i < row.length; i++) hash = Math.imul(hash ^ (row[i] as number), 0x01000193);
    return hash ^ (hash >>> 15);
  }

  /** Where the row is in the table, or may be put. */
  #slotOf(hash: number, row: Uint8Array): number {
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = (this.#table[slot] ?? 0) - 1;
      if (at < 0 || (this.#rows[at] === hash && this.bytesOf(at).equals(row))) return slot;
    }
  }

  #append(slot: number, hash: number, row: Uint8Array): number {
    if (this.#pages.length === 0 || this.#free + row.length > PAGE_BYTES) {
      this.#pages.push(Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, row.length)));
      this.#free = 0;
    }
    const page = this.#pages.length - 1;
    this.#pages[page]?.set(row, this.#free);
    const at = this.#size;
    this.#size += NUMBERS;
    if (this.#size > this.#rows.length) this.#grow();
    const rows = this.#rows;
    rows[at] = hash;
    rows[at + PAGE] = page;
    rows[at + PLACE] = this.#free;
    rows[at + LENGTH] = row.length;
    rows[at + COUNT] = 0;
    this.#free += row.length;
    this.#table[slot] = at + 1;
    if (this.#size * 2 > this.#table.length * NUMBERS) this.#index(this.#table.length * 2);
    return at;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
  }

  #index(slots: number): void {
    this.#table = new Int32Array(slots);
    for (let at = 0; at < this.#size; at += NUMBERS) {
      let slot = (this.#rows[at] ?? 0) & (slots - 1);
      while (this.#table[slot] !== 0) slot = (slot + 1) & (slots - 1);
      this.#table[slot] = at + 1;
    }
  }

  /** Writes the rows that count into pages of their own, one after the other. */
  #rewrite(): void {
    const kept = [...this].map((row) => ({ bytes: this.bytesOf(row), count: this.countOf(row) }));
    this.#pages = [];
    this.#size = 0;
    this.#dead = 0;
    this.bytes = 0;
    this.#table.fill(0);
    for (const { bytes, count } of kept) this.add(bytes, count);
  }
}

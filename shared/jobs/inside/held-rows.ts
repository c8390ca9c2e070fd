import { randomInt } from 'node:crypto';
import { MiB } from '../../core/units.ts';

/** Rows lie in pages, outside of what V8's garbage collector looks through. */
const PAGE_BYTES = MiB;
/** What a row takes besides its bytes. */
const ROW_BYTES = 40;
/** Numbers of a row: its hash, page, place there, length, count. */
const NUMBERS = 5;
const [PAGE, PLACE, LENGTH, COUNT] = [1, 2, 3, 4];
/** Memory that is not touched costs nothing, and what is copied into a larger array is touched twice. */
const GROWTH = 8;
/** Pages are written anew when what does not count in them takes this much, and more than the rows that count. */
const LEAST_DEAD_BYTES = 4 * PAGE_BYTES;
const NEWLINE = 0x0a;

/** Bytes of a buffer. */
interface Span {
  readonly of: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Counts equal rows, and forgets those whose count is 0: a hash table with open addressing over bytes. */
export class HeldRows {
  /** What the rows take whose count is not 0. */
  bytes = 0;
  /** What the pages and rows take. */
  #held = 0;
  #pages: Buffer[] = [];
  /** The page that rows are copied into, and what is used of it. */
  #open = { page: -1, used: 0 };
  #rows = new Int32Array(NUMBERS * 1024);
  #size = 0;
  /** Places in `rows`, plus 1; 0 is free. Twice as many as there may be rows. */
  #table = new Int32Array(2048);
  readonly #seed = randomInt(2 ** 32);

  /** Adds to the count of each record of a block that ends with one. Nobody may change the block afterwards. */
  addRecords(block: Uint8Array, step: number): void {
    const of = asBuffer(block);
    const page = this.#pages.push(of) - 1;
    this.#held += of.length;
    for (let from = 0, to = of.indexOf(NEWLINE); to >= 0; from = to + 1, to = of.indexOf(NEWLINE, from))
      this.#add({ of, from, to }, this.#pages[page] === of ? page : undefined, step);
  }

  /** Adds to the count of a row, of which the bytes are copied. */
  add(row: Uint8Array, step: number): void {
    this.#add({ of: asBuffer(row), from: 0, to: row.length }, undefined, step);
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

  /** @param page in which the bytes lie; undefined: they are copied into one */
  #add(row: Span, page: number | undefined, step: number): void {
    const hash = hashOf(row, this.#seed);
    const slot = this.#slotOf(hash, row);
    const known = (this.#table[slot] ?? 0) - 1;
    const at = known < 0 ? this.#append(slot, hash, row, page) : known;
    const was = this.#rows[at + COUNT] ?? 0;
    this.#rows[at + COUNT] = was + step;
    const size = row.to - row.from + ROW_BYTES;
    if (was === 0) this.bytes += size;
    if (was + step === 0) this.bytes -= size;
    const dead = this.#held - this.bytes;
    if (dead > LEAST_DEAD_BYTES && dead > this.bytes) this.#rewrite();
  }

  /** Where the row is in the table, or may be put. */
  #slotOf(hash: number, row: Span): number {
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const at = (this.#table[slot] ?? 0) - 1;
      if (at < 0 || (this.#rows[at] === hash && this.#isAt(at, row))) return slot;
    }
  }

  #isAt(at: number, { of, from, to }: Span): boolean {
    const place = this.#rows[at + PLACE] ?? 0;
    const length = this.#rows[at + LENGTH] ?? 0;
    if (length !== to - from) return false;
    return this.#pages[this.#rows[at + PAGE] ?? 0]?.compare(of, from, to, place, place + length) === 0;
  }

  #append(slot: number, hash: number, row: Span, page: number | undefined): number {
    const length = row.to - row.from;
    if (page === undefined) this.#copy(row);
    const at = this.#size;
    this.#size += NUMBERS;
    if (this.#size > this.#rows.length) this.#grow();
    const rows = this.#rows;
    rows[at] = hash;
    rows[at + PAGE] = page ?? this.#open.page;
    rows[at + PLACE] = page === undefined ? this.#open.used - length : row.from;
    rows[at + LENGTH] = length;
    rows[at + COUNT] = 0;
    this.#held += ROW_BYTES;
    this.#table[slot] = at + 1;
    if (this.#size * 2 > this.#table.length * NUMBERS) this.#index(this.#table.length * 2);
    return at;
  }

  /** To the end of the open page. */
  #copy({ of, from, to }: Span): void {
    const length = to - from;
    if (this.#open.page < 0 || this.#open.used + length > PAGE_BYTES) {
      const page = this.#pages.push(Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, length))) - 1;
      this.#open = { page, used: 0 };
    }
    of.copy(this.#pages[this.#open.page] as Buffer, this.#open.used, from, to);
    this.#open.used += length;
    this.#held += length;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * GROWTH);
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
    this.#open = { page: -1, used: 0 };
    this.#held = 0;
    this.#size = 0;
    this.bytes = 0;
    this.#table.fill(0);
    for (const { bytes, count } of kept) this.add(bytes, count);
  }
}

/**
 * FNV-1a, 32 bits (Fowler, Noll, Vo; draft-eastlake-fnv), from a basis that nobody can choose rows for, and two bytes at a time: it is
 * done with a row in half the steps. With four, rows could be chosen that collide from any basis, by their highest bits.
 */
function hashOf({ of, from, to }: Span, basis: number): number {
  let hash = basis | 0;
  let at = from;
  for (; at < to - 1; at += 2)
    hash = Math.imul(hash ^ ((of[at] as number) | ((of[at + 1] as number) << 8)), 0x01000193);
  if (at < to) hash = Math.imul(hash ^ (of[at] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

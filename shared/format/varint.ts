import { HoldfastError } from '../core/errors.ts';

/** Appends to a growing buffer. Integers are LEB128 varints of at most 53 bits unless named otherwise. */
export class ByteWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(initialBytes = 1024) {
    this.#bytes = Buffer.allocUnsafe(initialBytes);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  u32(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at);
  }

  varint(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Zigzag: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
  signed(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  hex(value: string): void {
    this.bytes(Buffer.from(value, 'hex'));
  }

  /** The bytes written so far; shares memory with this writer. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + more));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Reads what ByteWriter wrote. Every read past the end, and every number over 2^53-1, is E_DAMAGED. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#take(1)[0] ?? 0;
  }

  u32(): number {
    return this.#take(4).readUInt32LE(0);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw this.damaged('a number is not in its shortest form');
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw this.damaged('a number is larger than 2^53-1');
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Shares memory with the input. */
  bytes(count: number): Buffer {
    return this.#take(count);
  }

  hex(count: number): string {
    return this.#take(count).toString('hex');
  }

  /**
   * A count of things of at least `leastBytes` each: a count too large to fit is damage, and allocates
   * nothing.
   */
  count(leastBytes: number): number {
    const value = this.varint();
    if (value * leastBytes > this.left) throw this.damaged(`a count of ${value} does not fit`);
    return value;
  }

  end(): void {
    if (this.left > 0) throw this.damaged(`${this.left} bytes are left over`);
  }

  damaged(problem: string): HoldfastError {
    return new HoldfastError(
      'E_DAMAGED',
      `${this.#what}: ${problem} (at byte ${this.#at} of ${this.#bytes.length})`,
    );
  }

  #take(count: number): Buffer {
    if (count > this.left) throw this.damaged(`${count} bytes are needed, ${this.left} are left`);
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }
}

import { createHash, hkdfSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

/** What the page says that a reader refuses. */
export class Refused extends Error {}

export function refuse(why: string): never {
  throw new Refused(why);
}

export function check(right: boolean, why: string): asserts right {
  if (!right) refuse(why);
}

/** An object of a repository. */
export function load(folder: string, key: string): Buffer {
  const file = join(folder, key);
  check(existsSync(file), `${key} is gone`);
  return readFileSync(file);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function hkdf(key: Buffer, info: string, bytes: number, salt: string | Buffer = ''): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, bytes));
}

/** Reads bytes in order; refuses to read past the end. */
export class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(count: number): Buffer {
    check(count <= this.#bytes.length - this.#at, 'bytes are missing');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  i64(): bigint {
    return this.take(8).readBigInt64LE();
  }

  varint(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 127) << shift;
      check(value <= BigInt(Number.MAX_SAFE_INTEGER) && shift < 56n, 'a varint is too large');
      if (byte >= 128) continue;
      check(byte > 0 || shift === 0n, 'a varint is longer than it must be');
      return Number(value);
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A column: as many values as are asked for. */
  many<Value>(count: number, read: () => Value): Value[] {
    return Array.from({ length: count }, read);
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at);
  }

  end(): void {
    check(this.#at === this.#bytes.length, 'bytes are left over');
  }
}

const FRAME = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;

/** Bytes of the first zstd frame (RFC 8878, 3.1.1), and the size that it says. */
function measure(bytes: Buffer): { readonly length: number; readonly content: number | null } {
  const cursor = new Cursor(bytes);
  check(cursor.u32() === FRAME, 'not a zstd frame');
  const descriptor = cursor.u8();
  const single = (descriptor & 32) !== 0;
  let length = 5 + (single ? 0 : cursor.take(1).length);
  length += cursor.take([0, 1, 2, 4][descriptor & 3] ?? 0).length;
  const content = cursor.take([single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0);
  length += content.length;
  for (let last = false; !last; ) {
    const header = cursor.take(3).readUIntLE(0, 3);
    last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    length += 3 + cursor.take(type === 1 ? 1 : header >> 3).length;
  }
  length += cursor.take((descriptor & 4) === 0 ? 0 : 4).length;
  if (content.length === 0) return { length, content: null };
  const said = Buffer.concat([content, Buffer.alloc(8)]).readBigUInt64LE();
  return { length, content: Number(said) + (content.length === 2 ? 256 : 0) };
}

const UNSAID = 64 * 1024 * 1024;

/** An empty frame, which writers may leave after another. */
const EMPTY = Buffer.from('28b52ffd2000010000', 'hex');

/** What may follow a frame: an empty one; and, if it is padded, a skippable frame of zeros. */
function checkRest(all: Buffer, padded: boolean): void {
  const rest = all.subarray(all.subarray(0, EMPTY.length).equals(EMPTY) ? EMPTY.length : 0);
  if (rest.length === 0) return;
  check(padded, 'bytes are left over after a zstd frame');
  const cursor = new Cursor(rest);
  const magic = cursor.u32();
  check(magic >= SKIPPABLE && magic < SKIPPABLE + 16, 'not a skippable frame');
  const zeros = cursor.take(cursor.u32());
  check(zeros.equals(Buffer.alloc(zeros.length)), 'a skippable frame holds other bytes than zeros');
  cursor.end();
}

/** The content of a frame. `padded`: a skippable frame of zeros may follow. */
export function unzstd(bytes: Buffer, most: number, { padded = false } = {}): Buffer {
  const { length, content } = measure(bytes);
  checkRest(bytes.subarray(length), padded);
  check((content ?? 0) <= most, 'a zstd frame holds too much');
  const maxOutputLength = Math.max(1, Math.min(most, content ?? UNSAID));
  let plain: Buffer;
  try {
    plain = zstdDecompressSync(bytes.subarray(0, length), { maxOutputLength });
  } catch (error) {
    return refuse(`a zstd frame is damaged: ${String(error)}`);
  }
  check(content === null || plain.length === content, 'a zstd frame holds less than it says');
  return plain;
}

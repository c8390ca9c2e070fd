// Not by their names: older releases of Node lack them, and are to say so themselves (bin/check-node.cjs).
import * as zlib from 'node:zlib';
import { HoldfastError } from '../core/errors.ts';
import { KiB, MiB } from '../core/units.ts';
import { compressingStream, decompressingStream, type ZstdStream } from './zstd-stream.ts';

/**
 * Level 3 with smaller tables than zstd's default: they stay in a core's own cache, which makes it a fifth
 * faster with several threads, for 1 % more bytes (docs/internals/performance.md).
 */
const FAST_TABLES = { [zlib.constants.ZSTD_c_hashLog]: 16, [zlib.constants.ZSTD_c_chainLog]: 14 };

/**
 * zstd with the frame's content size, no dictionary, no checksum (the seal covers it).
 *
 * @param before this many bytes of the result stay free for what the caller puts before the frame
 */
export function compress(plain: Uint8Array, level: number, before = 0): Buffer {
  if (plain.length > MOST_OUTPUT_BYTES)
    return Buffer.concat([Buffer.alloc(before), compressAlone(plain, level)]);
  scratch = grown(scratch, mostCompressedBytes(plain.length), 0);
  const bytes = compressInto(plain, level, scratch, 0);
  const whole = Buffer.allocUnsafe(before + bytes);
  scratch.copy(whole, before, 0, bytes);
  return whole;
}

/**
 * The same, into a buffer of the caller from `at` on, with room for `mostCompressedBytes`.
 *
 * @returns the bytes of the frame
 */
export function compressInto(plain: Uint8Array, level: number, to: Buffer, at: number): number {
  if (plain.length <= MOST_OUTPUT_BYTES) {
    const bytes = compressor(level)?.run(plain, to, at);
    // A frame that just fills its room may not have been finished.
    if (bytes !== undefined && at + bytes < to.length) return bytes;
    compressors.set(level, null);
  }
  const frame = compressAlone(plain, level);
  frame.copy(to, at);
  return frame.length;
}

/** By the documented function, which keeps nothing of it. */
function compressAlone(plain: Uint8Array, level: number): Buffer {
  return zlib.zstdCompressSync(plain, {
    chunkSize: Math.max(1024, plain.length >> 1),
    pledgedSrcSize: plain.length,
    params: paramsOf(level),
  });
}

/**
 * Upper bound of a frame (ZSTD_COMPRESSBOUND, which adds 64 bytes at most to the first two terms), and 64 to 128 bytes more: a
 * frame that fills its room may not be finished.
 */
export function mostCompressedBytes(plainBytes: number): number {
  return plainBytes + (plainBytes >> 8) + 128;
}

/** `buffer`, or a larger one with its first `used` bytes, with room for `bytes` after them. */
export function grown(buffer: Buffer, bytes: number, used: number): Buffer {
  if (used + bytes <= buffer.length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.max(used + bytes, 2 * used));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

/** Where this thread compresses to, before it is known how large the result is: up to MOST_OUTPUT_BYTES and a little. */
let scratch: Buffer = Buffer.alloc(0);

/** Streams of this thread by level; null: there are none in this Node. */
const compressors = new Map<number, ZstdStream | null>();
let decompressor: ZstdStream | undefined;

function compressor(level: number): ZstdStream | null {
  const known = compressors.get(level);
  if (known !== undefined) return known;
  const made = compressingStream(paramsOf(level)) ?? null;
  compressors.set(level, made);
  return made;
}

function paramsOf(level: number): Record<number, number> {
  return {
    [zlib.constants.ZSTD_c_compressionLevel]: level,
    [zlib.constants.ZSTD_c_contentSizeFlag]: 1,
    ...(level === 3 ? FAST_TABLES : {}),
  };
}

/**
 * Checks the size that a frame claims before decompressing it, and never decompresses more.
 *
 * @throws E_DAMAGED
 */
export function decompress(body: Uint8Array, maxBytes: number): Buffer {
  const said = contentBytes(body);
  if (said !== undefined && said > maxBytes)
    throw new HoldfastError(
      'E_DAMAGED',
      `an item claims to decompress to ${said} bytes, at most ${maxBytes} are allowed`,
    );
  if (said !== undefined && said <= MOST_OUTPUT_BYTES) {
    const plain = Buffer.allocUnsafeSlow(said);
    if (isDecompressed(body, plain)) return plain;
  }
  return decompressAlone(body, maxBytes, said);
}

/**
 * Decompresses a frame into all of `to`.
 *
 * @throws E_DAMAGED if it does not hold just as many bytes
 */
export function decompressInto(body: Uint8Array, to: Buffer): void {
  if (contentBytes(body) === to.length && isDecompressed(body, to)) return;
  const plain = decompress(body, to.length);
  if (plain.length !== to.length)
    throw new HoldfastError(
      'E_DAMAGED',
      `an item decompresses to ${plain.length} bytes, not to ${to.length}`,
    );
  plain.copy(to);
}

/**
 * Whether a frame that says the size of `to` was decompressed into it by the stream of this thread. If not, the stream is
 * let go, as it may be within a frame, and it is not known what is wrong, if anything is.
 */
function isDecompressed(body: Uint8Array, to: Buffer): boolean {
  decompressor ??= decompressingStream();
  if (decompressor?.run(body, to) === to.length) return true;
  decompressor = undefined;
  return false;
}

function decompressAlone(body: Uint8Array, maxBytes: number, said: number | undefined): Buffer {
  const chunkSize = Math.min(said ?? USUAL_OUTPUT_BYTES, maxBytes, MOST_OUTPUT_BYTES) + SPARE_BYTES;
  const maxOutputLength = Math.max(1, said ?? Math.min(maxBytes, MOST_UNSAID_BYTES));
  try {
    return zlib.zstdDecompressSync(body, { maxOutputLength, chunkSize });
  } catch (cause) {
    throw new HoldfastError('E_DAMAGED', `an item does not decompress to at most ${maxBytes} bytes`, {
      cause,
    });
  }
}

/** For a frame that does not say its size, as `compress` always does. */
const MOST_UNSAID_BYTES = 64 * MiB;

/** Output buffers for frames that do not say their size: the usual one, and the largest. */
const USUAL_OUTPUT_BYTES = 512 * KiB;
/** What is larger, as a catalog can be, is no matter of a thread's streams and buffers: they would stay as large. */
const MOST_OUTPUT_BYTES = 16 * MiB;
/** An output buffer that is just full makes zlib allocate another one. */
const SPARE_BYTES = 64;

const ZSTD_MAGIC = 0xfd2fb528;
/** Bytes of the content size by its flag, for a frame with a window, and for one that is a single segment. */
const SIZE_BYTES = { windowed: [0, 2, 4, 8], single: [1, 2, 4, 8] } as const;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;

/** The content size in a frame's header (RFC 8878, 3.1.1.1); undefined if it has none. */
function contentBytes(body: Uint8Array): number | undefined {
  const frame = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (frame.length < 5 || frame.readUInt32LE(0) !== ZSTD_MAGIC) return undefined;
  const descriptor = frame.readUInt8(4);
  const isSingle = (descriptor & 0x20) !== 0;
  const flag = descriptor >> 6;
  const bytes = SIZE_BYTES[isSingle ? 'single' : 'windowed'][flag] ?? 0;
  const at = 5 + (isSingle ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 0x03] ?? 0);
  if (bytes === 0 || frame.length < at + bytes) return undefined;
  if (bytes === 8) return Number(frame.readBigUInt64LE(at));
  return frame.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

// Not by their names: older releases of Node lack them, and are to say so themselves (bin/check-node.cjs).
import * as zlib from 'node:zlib';
import { HoldfastError } from '../core/errors.ts';
import { KiB, MiB } from '../core/units.ts';

/**
 * Level 3 with smaller tables than zstd's default: they stay in a core's own cache, which makes it a fifth
 * faster with several threads, for 1 % more bytes (docs/internals/performance.md).
 */
const FAST_TABLES = { [zlib.constants.ZSTD_c_hashLog]: 16, [zlib.constants.ZSTD_c_chainLog]: 14 };

/** zstd with the frame's content size, no dictionary, no checksum (the seal covers it). */
export function compress(plain: Uint8Array, level: number): Buffer {
  return zlib.zstdCompressSync(plain, {
    // Most data shrinks to half or less; the rest takes a second buffer.
    chunkSize: Math.max(1024, plain.length >> 1),
    pledgedSrcSize: plain.length,
    params: {
      [zlib.constants.ZSTD_c_compressionLevel]: level,
      [zlib.constants.ZSTD_c_contentSizeFlag]: 1,
      ...(level === 3 ? FAST_TABLES : {}),
    },
  });
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

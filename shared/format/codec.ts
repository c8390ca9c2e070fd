import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { release } from '../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../core/errors.ts';
import { KiB, MiB } from '../core/units.ts';
import { applyDelta } from './delta.ts';

/** First byte of an item's plain bytes: how the rest is to be read. */
export const CODEC = { raw: 0, zstd: 1, delta: 2, deltaZstd: 3 } as const;

/** A compressed form is kept when it saves at least this share; else the bytes are stored as they are. */
const LEAST_SAVING = 1 / 32;

/** A delta may be at most this many times the bytes that it makes, in its own plain form. */
const DELTA_OVERHEAD_BYTES = 64;

/** More than an item of a chunk of up to `maxBytes` takes, sealed. */
export function mostItemBytes(maxBytes: number): number {
  return 2 * maxBytes + 2 * DELTA_OVERHEAD_BYTES;
}

/** @param level zstd level; 0 stores the bytes as they are */
export function encodeFull(plain: Uint8Array, level: number): Buffer {
  return encode(plain, level, CODEC.raw);
}

export function encodeDeltaItem(delta: Uint8Array, level: number): Buffer {
  return encode(delta, level, CODEC.delta);
}

/**
 * The chunk that a chain of items makes: the full chunk first, then its deltas in order.
 *
 * @param maxBytes the repository's largest chunk
 * @param options.nameOf what errors call the item of a step; @default none has a name
 * @throws E_DAMAGED
 */
export function decodeChain(
  items: readonly Uint8Array[],
  maxBytes: number,
  { nameOf }: { readonly nameOf?: (step: number) => string } = {},
): Buffer {
  let chunk: Buffer | undefined;
  for (const [step, item] of items.entries()) {
    const base = chunk;
    try {
      chunk = decodeStep(base, item, maxBytes);
    } catch (error) {
      throw nameOf && isHoldfastError(error) ? error.about(nameOf(step)) : error;
    }
    if (base) release(base);
  }
  if (!chunk) throw new HoldfastError('E_DAMAGED', 'a chain has no items');
  return chunk;
}

function decodeStep(base: Buffer | undefined, item: Uint8Array, maxBytes: number): Buffer {
  const codec = item[0];
  const isDelta = codec === CODEC.delta || codec === CODEC.deltaZstd;
  if (isDelta !== (base !== undefined))
    throw new HoldfastError('E_DAMAGED', `an item of codec ${codec} is out of place in its chain`);
  const bytes = decode(item, maxBytes + (isDelta ? DELTA_OVERHEAD_BYTES + maxBytes : 0));
  return base ? applyDelta(base, bytes, maxBytes) : bytes;
}

/** @throws E_DAMAGED where it does not decompress to at most `maxBytes`, or the codec is not known */
function decode(item: Uint8Array, maxBytes: number): Buffer {
  const body = Buffer.from(item.buffer, item.byteOffset, item.byteLength).subarray(1);
  switch (item[0]) {
    case CODEC.raw:
    case CODEC.delta:
      if (body.length <= maxBytes) return body;
      throw new HoldfastError(
        'E_DAMAGED',
        `an item has ${body.length} bytes, at most ${maxBytes} are allowed`,
      );
    case CODEC.zstd:
    case CODEC.deltaZstd:
      return decompress(body, maxBytes);
    default:
      throw new HoldfastError('E_DAMAGED', `an item has codec ${item[0]}, known are 0 to 3`);
  }
}

function encode(plain: Uint8Array, level: number, codec: 0 | 2): Buffer {
  if (level > 0) {
    const compressed = compress(plain, level);
    if (compressed.length <= plain.length * (1 - LEAST_SAVING)) {
      const item = withCodec(codec + 1, compressed);
      release(compressed);
      return item;
    }
  }
  return withCodec(codec, plain);
}

function withCodec(codec: number, body: Uint8Array): Buffer {
  const item = Buffer.allocUnsafe(1 + body.length);
  item[0] = codec;
  item.set(body, 1);
  return item;
}

/**
 * Level 3 with smaller tables than zstd takes by itself: they stay in a core's own cache, which makes it a fifth
 * faster with several threads, for 1 % more bytes (docs/performance.md).
 */
const FAST_TABLES = { [constants.ZSTD_c_hashLog]: 16, [constants.ZSTD_c_chainLog]: 14 };

/** zstd with the frame's content size, no dictionary, no checksum (the seal covers it). */
export function compress(plain: Uint8Array, level: number): Buffer {
  return zstdCompressSync(plain, {
    // Most data shrinks to half or less; what does not takes a second buffer.
    chunkSize: Math.max(1024, plain.length >> 1),
    pledgedSrcSize: plain.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      ...(level === 3 ? FAST_TABLES : {}),
    },
  });
}

/**
 * What a frame says that it holds is checked before anything is taken out of it, and no more than that is.
 *
 * @throws E_DAMAGED
 */
export function decompress(body: Uint8Array, maxBytes: number): Buffer {
  const said = contentBytes(body);
  if (said !== undefined && said > maxBytes)
    throw new HoldfastError(
      'E_DAMAGED',
      `an item says that it decompresses to ${said} bytes, at most ${maxBytes} are allowed`,
    );
  const chunkSize = Math.min(said ?? USUAL_OUTPUT_BYTES, maxBytes, MOST_OUTPUT_BYTES) + SPARE_BYTES;
  const maxOutputLength = Math.max(1, said ?? Math.min(maxBytes, MOST_UNSAID_BYTES));
  try {
    return zstdDecompressSync(body, { maxOutputLength, chunkSize });
  } catch (cause) {
    throw new HoldfastError('E_DAMAGED', `an item does not decompress to at most ${maxBytes} bytes`, {
      cause,
    });
  }
}

/** Of a frame that does not say how much it holds, as `compress` always does. */
const MOST_UNSAID_BYTES = 64 * MiB;

/** Output buffers: of frames that do not say how much they hold, and at most. */
const USUAL_OUTPUT_BYTES = 512 * KiB;
const MOST_OUTPUT_BYTES = 16 * MiB;
/** An output buffer that is just full makes zlib allocate another one. */
const SPARE_BYTES = 64;

const ZSTD_MAGIC = 0xfd2fb528;
/** Bytes of the content size by its flag, where the frame has a window, and where it is one segment. */
const SIZE_BYTES = { windowed: [0, 2, 4, 8], single: [1, 2, 4, 8] } as const;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;

/** What the header of a frame says that it holds (RFC 8878, 3.1.1.1); undefined where it says nothing. */
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

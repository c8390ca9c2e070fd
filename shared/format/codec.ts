import { releaseMemory } from '../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../core/errors.ts';
import { encodeColumnMap } from './columns/column-map.ts';
import { decodeColumns, pickColumns } from './columns/decode-columns.ts';
import { encodeColumns } from './columns/encode-columns.ts';
import { applyDelta } from './delta.ts';
import { decodeShapes } from './shapes/decode-shapes.ts';
import { encodeShapes } from './shapes/encode-shapes.ts';
import { compress, decompress } from './zstd.ts';

/** First byte of an item's plain bytes: how to read the rest. */
export const CODEC = {
  raw: 0,
  zstd: 1,
  delta: 2,
  deltaZstd: 3,
  columns: 4,
  shapes: 5,
  columnMap: 6,
} as const;

/** A compressed form is kept if it saves at least this share; else the bytes are stored uncompressed. */
const LEAST_SAVING = 1 / 32;

/** In its own plain form a delta may have at most this many bytes more than it produces. */
const DELTA_OVERHEAD_BYTES = 64;

/** Upper bound on a sealed item of a chunk of up to `maxBytes`. */
export function mostItemBytes(maxBytes: number): number {
  return 2 * maxBytes + 2 * DELTA_OVERHEAD_BYTES;
}

/** @param level zstd level; 0 stores without compression */
export function encodeFull(plain: Uint8Array, level: number): Buffer {
  return encode(plain, level, CODEC.raw);
}

/**
 * The rows of a table as columns.
 *
 * @param level zstd level, at least 1
 * @returns undefined if it is not a table (format/columns/encode-columns.ts)
 */
export function encodeTable(plain: Uint8Array, level: number): Buffer | undefined {
  return encodeColumns(plain, level, CODEC.columns);
}

/**
 * What lies behind an item of columns: where each of them is, so that some can be read alone.
 *
 * @param item as it is sealed
 * @returns undefined if the item is another one, or too small to be worth it
 */
export function mapOf(item: Uint8Array): Buffer | undefined {
  return item[0] === CODEC.columns ? encodeColumnMap(item, CODEC.columnMap) : undefined;
}

/** Whether an item, of which these are the first plain bytes, is such a map. */
export function isColumnMap(head: Uint8Array): boolean {
  return head[0] === CODEC.columnMap;
}

/**
 * Lines of JSON as shapes and tables of their values.
 *
 * @param level zstd level, at least 1
 * @returns undefined if most of it is no JSON (format/shapes/split-lines.ts)
 */
export function encodeJsonLines(plain: Uint8Array, level: number): Buffer | undefined {
  const encodePart = (bytes: Uint8Array, isTable: boolean) =>
    (isTable ? encodeTable(bytes, level) : undefined) ?? encodeFull(bytes, level);
  const body = encodeShapes(plain, encodePart);
  return body && withCodec(CODEC.shapes, body);
}

/** A difference as it is sealed, compressed if that helps. */
export function encodeDeltaItem(delta: Uint8Array, level: number): Buffer {
  return encode(delta, level, CODEC.delta);
}

/**
 * The chunk that a chain of items produces: the full chunk first, then its deltas in order.
 *
 * @param maxBytes the repository's largest chunk
 * @param options.nameOf the name of a step's item in errors; @default no names
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
    if (base) releaseMemory(base);
  }
  if (!chunk) throw new HoldfastError('E_DAMAGED', 'a chain has no items');
  return chunk;
}

/**
 * Some fields of the rows of a full item that is stored as columns; the other columns are not decompressed.
 *
 * @param places of the fields, ascending, at least one
 * @returns undefined if it is stored in another way, or has no such fields: decode all of it
 * @throws E_DAMAGED
 */
export function pickFromItem(
  item: Uint8Array,
  maxBytes: number,
  places: readonly number[],
): Buffer | undefined {
  return item[0] === CODEC.columns ? pickColumns(item.subarray(1), maxBytes, places) : undefined;
}

function decodeStep(base: Buffer | undefined, item: Uint8Array, maxBytes: number): Buffer {
  const codec = item[0];
  const isDelta = codec === CODEC.delta || codec === CODEC.deltaZstd;
  if (isDelta !== (base !== undefined))
    throw new HoldfastError('E_DAMAGED', `an item of codec ${codec} is out of place in its chain`);
  const bytes = decode(item, maxBytes + (isDelta ? DELTA_OVERHEAD_BYTES + maxBytes : 0));
  return base ? applyDelta(base, bytes, maxBytes) : bytes;
}

/** @throws E_DAMAGED if it does not decompress to at most `maxBytes`, or the codec is not known */
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
    case CODEC.columns:
      return decodeColumns(body, maxBytes);
    case CODEC.shapes:
      return decodeShapes(body, maxBytes, decodeInner);
    default:
      throw new HoldfastError('E_DAMAGED', `an item has codec ${item[0]}, known codecs are 0 to 5`);
  }
}

/** An item inside of one of shapes: no deltas, no shapes, and no table where there is none. @throws E_DAMAGED */
function decodeInner(item: Uint8Array, maxBytes: number, isTable: boolean): Buffer {
  const codec = item[0];
  const mayBe = codec === CODEC.raw || codec === CODEC.zstd || (isTable && codec === CODEC.columns);
  if (mayBe) return decode(item, maxBytes);
  throw new HoldfastError('E_DAMAGED', `an item of shapes has a part of codec ${codec}`);
}

function encode(plain: Uint8Array, level: number, codec: 0 | 2): Buffer {
  if (level > 0) {
    const item = compress(plain, level, 1);
    if (item.length - 1 <= plain.length * (1 - LEAST_SAVING)) {
      item[0] = codec + 1;
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

import { createHash } from 'node:crypto';
import { KEY_ID_BYTES } from '../core/key-fields.ts';
import type { ItemLocation, PackHandle } from './chunk-ref.ts';
import { type ChunkBounds, MOST_BOUND_BYTES } from './key-bounds.ts';
import {
  MOST_CHUNKS_A_LEAF,
  type PackNames,
  readLocations,
  readPacks,
  writeLocations,
  writePacks,
} from './tree.ts';
import { ByteReader, ByteWriter } from './varint.ts';
import { compress, decompress } from './zstd.ts';

const LEVEL = 3;
const VERSION = 1;
const LEAF_ID_BYTES = 8;
const MOST_PLAIN_BYTES = 32 + MOST_CHUNKS_A_LEAF * 2 * (MOST_BOUND_BYTES + 1);
/** Enough for ten million leaves. */
const MOST_LIST_BYTES = 256 * 2 ** 20;

/** Bounds of the chunks of one leaf, in their order; undefined if they are not known. */
export interface LeafBounds {
  /** Of which key: `keyIdOf`. */
  readonly keyId: Uint8Array;
  readonly chunks: readonly (ChunkBounds | undefined)[];
}

/** Says which leaf bounds are of, whatever it was stored as. */
function leafIdOf(ids: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const id of ids) hash.update(id);
  return hash.digest().subarray(0, LEAF_ID_BYTES);
}

/** @param ids of the chunks, as many as there are bounds. */
export function encodeBounds({ keyId, chunks }: LeafBounds, ids: readonly Uint8Array[]): Buffer {
  const out = new ByteWriter(64 + chunks.length * 24);
  out.u8(VERSION);
  out.bytes(keyId);
  out.bytes(leafIdOf(ids));
  out.varint(chunks.length);
  for (const one of chunks) out.varint(one ? 1 + one.least.length : 0);
  for (const one of chunks) out.varint(one ? 1 + one.greatest.length : 0);
  for (const one of chunks) if (one) out.bytes(one.least);
  for (const one of chunks) if (one) out.bytes(one.greatest);
  return compress(out.finish(), LEVEL);
}

/**
 * @param ids of the chunks of the leaf that they should be of
 * @throws E_DAMAGED for bytes that no writer makes, and for the bounds of another leaf
 */
export function decodeBounds(body: Uint8Array, ids: readonly Uint8Array[], what: string): LeafBounds {
  const reader = new ByteReader(decompress(body, MOST_PLAIN_BYTES), what);
  if (reader.u8() !== VERSION) throw reader.damaged('they are of a form that is not known');
  const keyId = Uint8Array.from(reader.bytes(KEY_ID_BYTES));
  const leafId = reader.bytes(LEAF_ID_BYTES);
  const count = reader.varint();
  if (count !== ids.length || !leafId.equals(leafIdOf(ids)))
    throw reader.damaged('they are those of another leaf');
  const lengths = () => Array.from({ length: count }, () => reader.varint());
  const [least, greatest] = [lengths(), lengths()];
  const isWrong = (length: number, i: number) =>
    length > 1 + MOST_BOUND_BYTES || length === 1 || (length === 0) !== (greatest[i] === 0);
  if (least.some(isWrong) || greatest.some((length) => length > 1 + MOST_BOUND_BYTES || length === 1))
    throw reader.damaged(`a bound has 1 to ${MOST_BOUND_BYTES} bytes, and is one of two`);
  const values = (of: readonly number[]) =>
    of.map((length) => (length === 0 ? undefined : Uint8Array.from(reader.bytes(length - 1))));
  const [from, to] = [values(least), values(greatest)];
  reader.end();
  const chunks = from.map((one, i) => {
    const other = to[i];
    if (!one || !other) return undefined;
    if (Buffer.compare(one, other) > 0) throw reader.damaged('a least key is behind the greatest');
    return { least: one, greatest: other };
  });
  return { keyId, chunks };
}

/** Where the bounds of the leaves of a partition are. */
export interface BoundsList {
  /** Of which key they are: `keyIdOf`. */
  readonly keyId: Uint8Array;
  /** In the order of the leaves; undefined if a leaf has none. */
  readonly places: readonly (ItemLocation | undefined)[];
}

/** All packs must have names. */
export function encodeBoundsList({ keyId, places }: BoundsList): Buffer {
  const nowhere: PackHandle = { id: undefined };
  const items = places.flatMap((place) => place ?? []);
  const out = new ByteWriter(1024 + places.length * 16);
  out.u8(VERSION);
  out.bytes(keyId);
  out.varint(places.length);
  for (const place of places) out.u8(place ? 1 : 0);
  const packs = writePacks(out, items, nowhere);
  writeLocations(out, items, packs);
  return compress(out.finish(), LEVEL);
}

/** @throws E_DAMAGED */
export function decodeBoundsList(body: Uint8Array, packs: PackNames, what: string): BoundsList {
  const reader = new ByteReader(decompress(body, MOST_LIST_BYTES), what);
  if (reader.u8() !== VERSION) throw reader.damaged('it is of a form that is not known');
  const keyId = Uint8Array.from(reader.bytes(KEY_ID_BYTES));
  const flags = [...reader.bytes(reader.count(1))];
  if (flags.some((flag) => flag > 1)) throw reader.damaged('a leaf has bounds or none');
  const handles = readPacks(reader, packs, { id: undefined });
  const items = readLocations(reader, flags.filter((flag) => flag === 1).length, handles);
  reader.end();
  let next = 0;
  return { keyId, places: flags.map((flag) => (flag === 1 ? items[next++] : undefined)) };
}

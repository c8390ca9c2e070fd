import { hash } from 'node:crypto';
import { KiB } from '../../core/units.ts';
import { ByteReader, ByteWriter } from '../varint.ts';
import { columnSizes } from './decode-columns.ts';

/** Of a SHA-256. Who changes a part has to find other bytes with this beginning: 2^128 tries. */
const DIGEST_BYTES = 16;
/** Of the plain bytes of a map: its codec, and how long it is (u16). */
export const MAP_HEAD_BYTES = 3;
/** No map is longer. */
export const MOST_MAP_BYTES = 2048;
const MOST_PARTS = 128;

/** Columns of smaller items are fetched as fast with the whole item. */
export const LEAST_MAPPED_BYTES = 64 * KiB;
/** Neighbouring columns with less than this share of the item are joined: a digest of each of many would take more than it saves. */
const PART_SHARE = 1 / 32;

/** Neighbouring bytes of an item of columns, which can be read and proven by themselves. */
export interface MappedPart {
  /** How many columns lie in it; none: the heads of all columns. */
  readonly columns: number;
  readonly bytes: number;
  /** The first bytes of its SHA-256. */
  readonly digest: Uint8Array;
}

/** The parts of an item, in order: the heads, then the columns. */
export type ColumnMap = readonly MappedPart[];

/** What of an item is to be read: a part, and where it begins in the item's plain bytes. */
export interface WantedPart extends MappedPart {
  readonly from: number;
}

/**
 * The map of an item of columns. docs/reference/format.md, "Map of columns".
 *
 * @param item its plain bytes, codec included
 * @param codec the first byte of the result
 * @returns undefined if the item is small, or all of one part
 */
export function encodeColumnMap(item: Uint8Array, codec: number): Buffer | undefined {
  if (item.length < LEAST_MAPPED_BYTES) return undefined;
  const { headBytes, columns } = columnSizes(item.subarray(1));
  const parts = joined(columns, item.length * PART_SHARE);
  if (parts.length < 2) return undefined;
  const out = new ByteWriter(MOST_MAP_BYTES);
  out.bytes(Buffer.alloc(MAP_HEAD_BYTES));
  out.varint(1 + parts.length);
  let from = 0;
  for (const part of [{ columns: 0, bytes: 1 + headBytes }, ...parts]) {
    out.varint(part.columns);
    out.varint(part.bytes);
    out.bytes(partDigest(item.subarray(from, from + part.bytes)));
    from += part.bytes;
  }
  const map = out.finish();
  map.writeUInt8(codec, 0);
  map.writeUInt16LE(map.length, 1);
  return map;
}

/** By which a part is proven. */
export function partDigest(part: Uint8Array): Buffer {
  return hash('sha256', part, 'buffer').subarray(0, DIGEST_BYTES);
}

/** @param itemBytes plain bytes of the item that it lies behind. @throws E_DAMAGED */
export function decodeColumnMap(map: Uint8Array, itemBytes: number): ColumnMap {
  const reader = new ByteReader(map, 'a map of columns');
  reader.bytes(MAP_HEAD_BYTES);
  const count = reader.count(2 + DIGEST_BYTES);
  if (count < 2 || count > MOST_PARTS)
    throw reader.damaged(`it has ${count} parts, 2 to ${MOST_PARTS} are allowed`);
  const parts = Array.from({ length: count }, () => ({
    columns: reader.varint(),
    bytes: reader.varint(),
    digest: reader.bytes(DIGEST_BYTES),
  }));
  reader.end();
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (bytes !== itemBytes) throw reader.damaged(`its parts have ${bytes} bytes, the item has ${itemBytes}`);
  return parts;
}

/**
 * The heads, and the parts in which some columns are.
 *
 * @param places of the columns
 * @returns undefined if there is no column at one of the places
 */
export function wantedParts(map: ColumnMap, places: readonly number[]): WantedPart[] | undefined {
  const wanted: WantedPart[] = [];
  let [from, first] = [0, 0];
  let found = 0;
  for (const part of map) {
    const here = places.filter((place) => place >= first && place < first + part.columns).length;
    if (here > 0 || from === 0) wanted.push({ ...part, from });
    found += here;
    from += part.bytes;
    first += part.columns;
  }
  return found === places.length ? wanted : undefined;
}

/**
 * Whether an item's own heads say that some columns lie in the parts that were read.
 *
 * @param item with its heads, whatever is elsewhere
 * @throws E_DAMAGED
 */
export function holdsColumns(
  item: Uint8Array,
  places: readonly number[],
  parts: readonly { readonly from: number; readonly bytes: number }[],
): boolean {
  const { headBytes, columns } = columnSizes(item.subarray(1));
  const isRead = (from: number, to: number) =>
    parts.some((part) => from >= part.from && to <= part.from + part.bytes);
  let at = 1 + headBytes;
  return columns.every((bytes, place) => {
    at += bytes;
    return !places.includes(place) || isRead(at - bytes, at);
  });
}

/** Columns as parts: each large one alone, small ones with their neighbours. */
function joined(columns: readonly number[], leastBytes: number): { columns: number; bytes: number }[] {
  const parts: { columns: number; bytes: number }[] = [];
  for (const bytes of columns) {
    const last = parts.at(-1);
    if (!last || bytes >= leastBytes || (last.bytes >= leastBytes && bytes > 0))
      parts.push({ columns: 1, bytes });
    else {
      last.columns++;
      last.bytes += bytes;
    }
  }
  return parts;
}

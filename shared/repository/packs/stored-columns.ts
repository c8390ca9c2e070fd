import { KiB } from '../../core/units.ts';
import type { ItemLocation } from '../../format/chunk-ref.ts';
import { isColumnMap } from '../../format/codec.ts';
import {
  type ColumnMap,
  decodeColumnMap,
  LEAST_MAPPED_BYTES,
  MAP_HEAD_BYTES,
  MOST_MAP_BYTES,
  type WantedPart,
  wantedParts,
} from '../../format/columns/column-map.ts';
import { decryptPart, isOfVersion1, NONCE_BYTES, openItem, TAG_BYTES } from '../../format/seal.ts';
import { type NamedSeal, ownBytes, type StoredColumns } from '../codec/codec-task.ts';
import { isDamage } from '../reading/damage.ts';
import type { PackReader } from './pack-reader.ts';

const OVERHEAD_BYTES = NONCE_BYTES + TAG_BYTES;
/** Ranges begin and end at multiples of this: disks read no less, and who sees the requests learns less of the sizes of columns. */
const PAGE_BYTES = 4 * KiB;
/** Ranges with no more between them are one: it takes less time than another request. */
const MOST_GAP_BYTES = 16 * KiB;
/** If more of an item than this is to be fetched, all of it is. */
const MOST_SHARE = 1 / 2;

/** Of a pack. */
interface Range {
  readonly from: number;
  to: number;
}

/**
 * The stored bytes of some columns of a chunk's item, fetched without the others.
 *
 * @param places of the columns
 * @returns undefined if the item has no map of its columns, is not stored as columns, or is better read whole; also if something of it is
 * damaged, which shows when it is read whole
 * @throws E_STORE_*, E_ABORTED
 */
export async function storedColumns(
  packs: PackReader,
  item: ItemLocation,
  places: readonly number[],
  signal: AbortSignal,
): Promise<StoredColumns | undefined> {
  if (item.storedBytes < LEAST_MAPPED_BYTES) return undefined;
  try {
    const seal = await packs.sealApart(item, signal);
    const map = isOfVersion1(seal) ? undefined : await readMap(packs, item, seal, signal);
    const wanted = map && wantedParts(map, places);
    return wanted && (await fetchParts(packs, { item, seal, wanted }, signal));
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

/** @returns undefined if what lies behind the item is no map */
async function readMap(
  packs: PackReader,
  { pack, offset, storedBytes }: ItemLocation,
  seal: NamedSeal,
  signal: AbortSignal,
): Promise<ColumnMap | undefined> {
  const at = offset + storedBytes;
  const [found] = await packs.readApart(pack, [pagesOf(at, at + OVERHEAD_BYTES + MOST_MAP_BYTES)], signal);
  if (!found) return undefined;
  const stored = found.bytes.subarray(at - found.from);
  const nonce = stored.subarray(0, NONCE_BYTES);
  const head = decryptPart(seal, nonce, 0, stored.subarray(NONCE_BYTES, NONCE_BYTES + MAP_HEAD_BYTES));
  if (!isColumnMap(head)) return undefined;
  const whole = stored.subarray(0, OVERHEAD_BYTES + head.readUInt16LE(1));
  return decodeColumnMap(openItem(seal, at, whole, 'a map of columns'), storedBytes - OVERHEAD_BYTES);
}

/** @returns undefined if that would be about all of the item */
async function fetchParts(
  packs: PackReader,
  of: { readonly item: ItemLocation; readonly seal: NamedSeal; readonly wanted: readonly WantedPart[] },
  signal: AbortSignal,
): Promise<StoredColumns | undefined> {
  const { item, seal, wanted } = of;
  const { offset, storedBytes } = item;
  const plainAt = offset + NONCE_BYTES;
  const ranges = joined(wanted.map(({ from, bytes }) => pagesOf(offset + from, plainAt + from + bytes)));
  if (ranges.reduce((sum, { from, to }) => sum + to - from, 0) > storedBytes * MOST_SHARE) return undefined;
  const found = await packs.readApart(item.pack, ranges, signal);
  const bytesAt = (at: number, bytes: number): Uint8Array<ArrayBuffer> => {
    const range = found.find(({ from, bytes: { length } }) => at >= from && at + bytes <= from + length);
    return ownBytes(range?.bytes.subarray(at - range.from, at - range.from + bytes) ?? Buffer.alloc(0));
  };
  return {
    seal,
    offset,
    itemBytes: storedBytes - OVERHEAD_BYTES,
    nonce: bytesAt(offset, NONCE_BYTES),
    parts: wanted.map(({ from, bytes, digest }) => ({
      from,
      digest: ownBytes(digest),
      stored: bytesAt(plainAt + from, bytes),
    })),
  };
}

function pagesOf(from: number, to: number): Range {
  return { from: from - (from % PAGE_BYTES), to: Math.ceil(to / PAGE_BYTES) * PAGE_BYTES };
}

function joined(ranges: readonly Range[]): Range[] {
  const done: Range[] = [];
  for (const { from, to } of ranges) {
    const last = done.at(-1);
    if (last && from - last.to <= MOST_GAP_BYTES) last.to = Math.max(last.to, to);
    else done.push({ from, to });
  }
  return done;
}

import { createHash } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parseRunKeyId } from '../../core/ids.ts';
import { KiB } from '../../core/units.ts';
import type { SegmentHead } from '../../format/change-head.ts';
import { changePartKey, parseChangeKey } from '../../format/change-keys.ts';
import {
  type ClearSegment,
  frontBytes,
  keyFor,
  openSegment,
  type ParsedSegment,
  parseSegment,
} from '../../format/change-segment.ts';
import { decodeChain } from '../../format/codec.ts';
import { readDirectory } from '../../format/pack.ts';
import { openItem, openPackSeal, parsePackHeader } from '../../format/seal.ts';
import type { ByteRange, ObjectInfo, ObjectStore } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';
import { asDamage, isDamage } from '../reading/damage.ts';
import { MOST_ITEM_BYTES } from './payload-writer.ts';

/** The first read of a segment: mostly its head is in it. */
const FIRST_BYTES = 16 * KiB;
/** No writer makes a larger pack. */
const MOST_PACK_BYTES = 1024 * 1024 * KiB;

/** A segment, as a listing has it: by itself, in bundles, or both. */
export interface ListedSegment extends Pick<ObjectInfo, 'sizeBytes' | 'modifiedAt'> {
  /** Its own path, under which it is sealed. */
  readonly key: string;
  readonly folder: string;
  readonly number: number;
  /** Where its bytes are, at least one. All are the same, unless one is damaged. */
  readonly places: readonly SegmentPlace[];
}

/** Where the bytes of a segment are. */
export interface SegmentPlace {
  /** The object. */
  readonly object: string;
  /** What it says of the segment's size. */
  readonly sizeBytes: number;
  /** Bytes of the segment, counted from its own begin. @throws E_DAMAGED, E_STORE_* */
  read(range: ByteRange, signal: AbortSignal): Promise<Uint8Array>;
}

/** A segment whose head was opened. */
export interface OpenedSegment {
  readonly key: string;
  /** What the next one must name. */
  readonly id: string;
  readonly clear: ClearSegment;
  readonly head: SegmentHead;
  /** By the store's clock. */
  readonly storedAt: Date;
  /** Bytes of its object before the pack. */
  readonly frontBytes: number;
  readonly places: readonly SegmentPlace[];
}

/** Reads the head of a segment. @throws E_DAMAGED, E_WRONG_KEY, E_NO_KEY, E_NEWER_FORMAT, E_STORE_* */
export async function readSegment(
  context: RepositoryContext,
  listed: ListedSegment,
  signal: AbortSignal,
): Promise<OpenedSegment> {
  return firstWhole(listed.places, (place) => readAt(context, listed, { place, signal }));
}

async function readAt(
  { file, keys }: RepositoryContext,
  { key, number, modifiedAt, places }: ListedSegment,
  { place, signal }: { readonly place: SegmentPlace; readonly signal: AbortSignal },
): Promise<OpenedSegment> {
  const { sizeBytes } = place;
  const get = (lengthBytes: number) => place.read({ offsetBytes: 0, lengthBytes }, signal);
  const first = await get(Math.min(sizeBytes, FIRST_BYTES));
  const parsed = parseSegment(first, { repository: file.id, key });
  const { clear } = parsed;
  const needed = frontBytes(parsed);
  if (needed + clear.payload !== sizeBytes)
    throw damaged(key, `has ${sizeBytes} bytes, and says ${needed + clear.payload}`);
  const front = needed <= first.length ? first.subarray(0, needed) : await get(needed);
  const { head, id } = await openHead(keys, parsed, front, signal);
  if (head.number !== number) throw damaged(key, `holds segment ${head.number}, and its name says ${number}`);
  return { key, id, clear, head, storedAt: modifiedAt, frontBytes: needed, places };
}

/** All bytes of a segment, as they are stored. @throws E_DAMAGED, E_STORE_* */
export function readStored({ places }: ListedSegment, signal: AbortSignal): Promise<Uint8Array> {
  return firstWhole(places, ({ sizeBytes, read }) =>
    read({ offsetBytes: 0, lengthBytes: sizeBytes }, signal),
  );
}

/** What is damaged in one place may be whole in another. @throws what the first place gives if none is whole */
async function firstWhole<T>(
  places: readonly SegmentPlace[],
  read: (place: SegmentPlace) => Promise<T>,
): Promise<T> {
  const problems: unknown[] = [];
  for (const place of places)
    try {
      return await read(place);
    } catch (error) {
      if (!isDamage(error)) throw error;
      problems.push(isHoldfastError(error) ? error.about(place.object) : error);
    }
  throw problems[0] ?? new HoldfastError('E_INTERNAL', 'a segment is listed, and is nowhere');
}

async function openHead(
  keys: RepositoryContext['keys'],
  parsed: ParsedSegment,
  front: Uint8Array,
  signal: AbortSignal,
) {
  const { clear } = parsed;
  try {
    return openSegment(parsed, front, await keys.openOnce(keyFor(clear, 'changes'), signal));
  } catch (error) {
    throw isHoldfastError(error) ? error.about(clear.key) : error;
  }
}

/**
 * The changes of a segment, as they were given, in blocks that the consumer may keep. Each is proven; that all are there is known when it
 * ends. At most one pack is in memory.
 *
 * @throws E_DAMAGED, E_WRONG_KEY, E_STORE_*
 */
export async function* readChanges(
  context: RepositoryContext,
  segment: OpenedSegment,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { key, clear, head } = segment;
  let plainBytes = 0;
  for (const pack of head.packs) {
    const { object, bytes } = await readPack(context, segment, pack, signal);
    const header = parsePackHeader(bytes, object);
    const entry = keyFor(clear, 'data');
    if (header.runKeyId !== parseRunKeyId(entry.run) || header.purpose !== 'data' || header.version !== 2)
      throw damaged(object, `is sealed with another key than ${key} names`);
    const seal = openPackSeal(bytes, header, await context.keys.openOnce(entry, signal), object);
    for (const { offset, storedBytes } of readDirectory(bytes, seal, object)) {
      const stored = bytes.subarray(offset, offset + storedBytes);
      const item = openItem(seal, offset, stored, `the item at ${offset} of ${object}`);
      const plain = decodeChain([item], MOST_ITEM_BYTES, { nameOf: () => object });
      plainBytes += plain.length;
      yield plain;
    }
  }
  if (plainBytes !== head.plainBytes)
    throw damaged(key, `has ${plainBytes} bytes of changes, and says ${head.plainBytes}`);
}

/** A pack, checked against its id. */
async function readPack(
  { store }: RepositoryContext,
  { key, clear, head, frontBytes: offsetBytes, places }: OpenedSegment,
  { id, bytes: size }: SegmentHead['packs'][number],
  signal: AbortSignal,
): Promise<{ readonly object: string; readonly bytes: Buffer }> {
  const isInline = clear.payload > 0;
  const { folder = '' } = parseChangeKey(key) ?? {};
  const object = isInline ? key : changePartKey(folder, head.number, id);
  if (size > MOST_PACK_BYTES || (isInline && (head.packs.length !== 1 || size !== clear.payload)))
    throw damaged(key, `says that its pack has ${size} bytes`);
  const checked = (bytes: Uint8Array) => {
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got !== id)
      throw damaged(object, `was changed, or cut: the SHA-256 of its changes is ${got}, expected ${id}`);
    return { object, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  };
  const range = { offsetBytes, lengthBytes: size };
  if (isInline) return firstWhole(places, async (place) => checked(await place.read(range, signal)));
  return checked(await getWhole(store, object, signal));
}

async function getWhole(store: ObjectStore, object: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await store.get(object, { signal });
  } catch (error) {
    throw asDamage(error, object);
  }
}

function damaged(key: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
    hint: 'Restore the object from a copy or an older version of it; without it, no moment after it can be restored from the backups before it.',
  });
}

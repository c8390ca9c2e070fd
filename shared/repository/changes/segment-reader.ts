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
import type { ObjectInfo } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';
import { asDamage } from '../reading/damage.ts';
import { MOST_ITEM_BYTES } from './payload-writer.ts';

/** The first read of a segment: mostly its head is in it. */
const FIRST_BYTES = 16 * KiB;
/** No writer makes a larger pack. */
const MOST_PACK_BYTES = 1024 * 1024 * KiB;

/** A segment, as a listing has it. */
export interface ListedSegment extends ObjectInfo {
  readonly folder: string;
  readonly number: number;
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
}

/** Reads the head of a segment. @throws E_DAMAGED, E_WRONG_KEY, E_NO_KEY, E_NEWER_FORMAT, E_STORE_* */
export async function readSegment(
  { store, file, keys }: RepositoryContext,
  listed: ListedSegment,
  signal: AbortSignal,
): Promise<OpenedSegment> {
  const { key, sizeBytes, number, modifiedAt } = listed;
  const get = (lengthBytes: number) =>
    store.get(key, { range: { offsetBytes: 0, lengthBytes }, signal }).catch((error: unknown) => {
      throw asDamage(error, key);
    });
  const first = await get(Math.min(sizeBytes, FIRST_BYTES));
  const parsed = parseSegment(first, { repository: file.id, key });
  const { clear } = parsed;
  const needed = frontBytes(parsed);
  if (needed + clear.payload !== sizeBytes)
    throw damaged(key, `has ${sizeBytes} bytes, and says ${needed + clear.payload}`);
  const front = needed <= first.length ? first.subarray(0, needed) : await get(needed);
  const { head, id } = await openHead(keys, parsed, front, signal);
  if (head.number !== number) throw damaged(key, `holds segment ${head.number}, and its name says ${number}`);
  return { key, id, clear, head, storedAt: modifiedAt, frontBytes: needed };
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
  { key, clear, head, frontBytes: offsetBytes }: OpenedSegment,
  { id, bytes: size }: SegmentHead['packs'][number],
  signal: AbortSignal,
): Promise<{ readonly object: string; readonly bytes: Buffer }> {
  const isInline = clear.payload > 0;
  const { folder = '' } = parseChangeKey(key) ?? {};
  const object = isInline ? key : changePartKey(folder, head.number, id);
  if (size > MOST_PACK_BYTES || (isInline && (head.packs.length !== 1 || size !== clear.payload)))
    throw damaged(key, `says that its pack has ${size} bytes`);
  const range = isInline ? { offsetBytes, lengthBytes: size } : undefined;
  const bytes = await store.get(object, { range, signal }).catch((error: unknown) => {
    throw asDamage(error, object);
  });
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got !== id)
    throw damaged(object, `was changed, or cut: the SHA-256 of its changes is ${got}, expected ${id}`);
  return { object, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

function damaged(key: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
    hint: 'Restore the object from a copy or an older version of it; without it, no moment after it can be restored from the backups before it.',
  });
}

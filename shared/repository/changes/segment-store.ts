import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { MiB } from '../../core/units.ts';
import type { SegmentFacts, SegmentHead } from '../../format/change-head.ts';
import { changePartKey, changesFolder, segmentKey } from '../../format/change-keys.ts';
import { encodeSegment } from '../../format/change-segment.ts';
import { putIfAbsent } from '../../store/if-there.ts';
import type { RepositoryContext } from '../context.ts';
import type { ChangeKeys } from './change-key-maker.ts';
import { sealPayload } from './payload-writer.ts';

/** A single pack of at most so many bytes is part of the segment's own object: one request a minute, not two. */
const MOST_INLINE_BYTES = MiB;

/** What becomes a segment. */
export interface SegmentToStore {
  readonly source: { readonly kind: string; readonly name: string };
  /** All of the head but what is known only when the changes have been read. */
  readonly about: Omit<SegmentHead, 'facts' | 'plainBytes' | 'packs' | 'sameFrom'>;
  bytes(): AsyncIterable<Uint8Array>;
  /** Known when `bytes` has ended. */
  facts(): SegmentFacts;
  /** Given the facts: the number of the last segment whose datasets or definitions differ from those before it. */
  sameFrom(facts: SegmentFacts): number;
}

/** A segment that is stored, and reads back as it was written. */
export interface StoredSegment {
  readonly key: string;
  readonly id: string;
  readonly head: SegmentHead;
  /** Of all its objects. */
  readonly storedBytes: number;
}

/**
 * Stores a segment: its packs first, then its own object, which makes them count. Bounded memory.
 *
 * @returns undefined if another process has stored one of that number; then this one does not exist
 * @throws what reading the changes throws; E_STORE_*, E_KEY_*, E_DAMAGED if it does not read back
 */
export async function storeSegment(
  context: RepositoryContext,
  segment: SegmentToStore,
  { keys, signal }: { readonly keys: ChangeKeys; readonly signal: AbortSignal },
): Promise<StoredSegment | undefined> {
  const { store, limits, file } = context;
  const { source, about } = segment;
  const folder = changesFolder(source);
  const payload = await sealPayload(segment.bytes(), {
    key: keys.data,
    level: limits.level,
    packBytes: limits.packBytes,
    mostInlineBytes: Math.min(MOST_INLINE_BYTES, limits.packBytes),
    put: async ({ id, body }) => {
      await putIfAbsent(changePartKey(folder, about.number, id), body, store, { sha256: id, signal });
    },
  });
  const facts = segment.facts();
  const { packs, plainBytes, inline } = payload;
  const head: SegmentHead = { ...about, sameFrom: segment.sameFrom(facts), facts, plainBytes, packs };
  const key = segmentKey(folder, about.number);
  const place = { repository: file.id, key, source };
  const { bytes, id } = encodeSegment(place, head, {
    keys: keys.entries,
    headKey: keys.headKey,
    payload: inline,
  });
  if (!(await putOnce(context, key, bytes, signal))) return undefined;
  const outside = inline.length > 0 ? 0 : packs.reduce((sum, pack) => sum + pack.bytes, 0);
  return { key, id, head, storedBytes: bytes.length + outside };
}

/** The server lets go of its log by this object, so it is read back. @returns false if another process has put one there */
async function putOnce(
  { store }: RepositoryContext,
  key: string,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<boolean> {
  const isPut = await putIfAbsent(key, bytes, store, { signal });
  const read = await readBack(store, key, signal);
  if (bytes.equals(read)) return true;
  // A retried put finds its own object; another one is of somebody else.
  if (!isPut) return false;
  throw new HoldfastError('E_DAMAGED', `${key} does not read back as it was written`, {
    hint: 'Check the store. The server still has these changes: the next poll needs the object to be removed first.',
  });
}

async function readBack(
  store: RepositoryContext['store'],
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await store.get(key, { signal });
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
    throw new HoldfastError('E_DAMAGED', `${key} is not there just after it was stored`, {
      hint: 'Check the store; the server still has these changes.',
    });
  }
}

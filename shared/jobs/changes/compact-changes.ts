import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { encodeChangeBundle, MOST_BUNDLE_BYTES } from '../../format/change-bundle.ts';
import { changeBundleKey, changesFolder, parseChangeKey } from '../../format/change-keys.ts';
import { listSegments } from '../../repository/changes/list-segments.ts';
import { type ListedSegment, readStored } from '../../repository/changes/segment-reader.ts';
import { getIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** Segments of a bundle: about an hour of a poll each minute, and about a day. */
const TIERS = [60, 1440] as const;
/** A segment that is larger takes few requests by itself. */
const MOST_SEGMENT_BYTES = 2 * 1024 * 1024;

/** How segments are bundled. */
export interface CompactOptions {
  /** Segments of a bundle; each divides the next. @default 60 and 1,440 */
  readonly tiers?: readonly number[];
  /** Of a bundle. @default 32 MiB */
  readonly mostBytes?: number;
  /** Whether there is time for another bundle. @default always */
  readonly hasTime?: () => boolean;
  readonly signal: AbortSignal;
}

/** What was bundled. */
export interface Compacted {
  readonly bundles: number;
  readonly segments: number;
  readonly bytes: number;
}

/**
 * Puts segments that follow each other into bundles, byte for byte, so that fewer objects have to be read, listed and kept. Needs no key. The
 * segments themselves stay until a prune has compared them with the bundle and its grace is over. Bundles have names that follow from numbers:
 * who does the same at the same time, or after a stop, stores the same.
 *
 * @throws E_STORE_*, E_DAMAGED if a bundle does not read back, E_ABORTED
 */
export async function compactChanges(
  store: ObjectStore,
  source: { readonly kind: string; readonly name: string },
  options: CompactOptions,
): Promise<Compacted> {
  const { tiers = TIERS, hasTime = () => true, signal } = options;
  const folder = changesFolder(source);
  const done = { bundles: 0, segments: 0, bytes: 0 };
  for (const size of tiers) {
    const listed = (await Array.fromAsync(listSegments(store, folder, { signal }))).reverse();
    const bundled = await bundlesIn(store, folder, signal);
    for (const piece of piecesOf(listed, { ...options, size })) {
      if (!hasTime()) return done;
      const [first, last] = [piece[0]?.number ?? 0, piece.at(-1)?.number ?? 0];
      if (bundled.some((one) => one.first <= first && one.last >= last)) continue;
      const key = changeBundleKey(folder, { first, last });
      done.bytes += await storeBundle(store, key, piece, signal);
      done.bundles++;
      done.segments += piece.length;
    }
  }
  return done;
}

/**
 * The same after a poll that stored the segment of that number, if bundles may have become due with it: once an hour, about. What is stored
 * is safe without bundles, so nothing fails of it. @throws E_ABORTED
 */
export async function compactIfDue(
  store: ObjectStore,
  number: number,
  {
    source,
    onWarning = () => {},
    ...options
  }: CompactOptions & {
    readonly source: { readonly kind: string; readonly name: string };
    readonly onWarning?: (message: string) => void;
  },
): Promise<void> {
  const { tiers: [size] = TIERS, signal } = options;
  if (size === undefined || number <= size || number % size !== 1) return;
  try {
    await compactChanges(store, source, options);
  } catch (error) {
    if (signal.aborted || !isHoldfastError(error)) throw error;
    onWarning(`change segments of ${source.name} were not bundled: ${error.message}`);
  }
}

/** What one bundle has each: never the newest segment, by which a poll goes on. @param listed oldest first */
function* piecesOf(
  listed: readonly ListedSegment[],
  { size, mostBytes = MOST_BUNDLE_BYTES }: Pick<CompactOptions, 'mostBytes'> & { readonly size: number },
): Generator<readonly ListedSegment[]> {
  const [oldest, newest] = [listed[0]?.number ?? 0, listed.at(-1)?.number ?? 0];
  const groupOf = ({ number }: ListedSegment) => Math.ceil(number / size);
  // Of a group that is not complete yet, or whose begin a prune has taken, nothing.
  const isWhole = (group: number) => group * size < newest && (group - 1) * size + 1 >= oldest;
  for (const [group, segments] of Map.groupBy(listed, groupOf))
    if (isWhole(group)) yield* runsOf(segments, mostBytes);
}

/** Segments that follow each other and have no more bytes together; each run has two at least. */
function* runsOf(segments: readonly ListedSegment[], mostBytes: number): Generator<readonly ListedSegment[]> {
  let run: ListedSegment[] = [];
  let bytes = 0;
  for (const segment of segments) {
    const { number, sizeBytes } = segment;
    if (number - 1 !== run.at(-1)?.number || bytes + sizeBytes > mostBytes) {
      if (run.length > 1) yield run;
      run = [];
      bytes = 0;
    }
    if (sizeBytes > MOST_SEGMENT_BYTES) continue;
    run.push(segment);
    bytes += sizeBytes;
  }
  if (run.length > 1) yield run;
}

async function bundlesIn(
  store: ObjectStore,
  folder: string,
  signal: AbortSignal,
): Promise<readonly { readonly first: number; readonly last: number }[]> {
  const bundles = [];
  for await (const { key } of store.list(folder, { signal })) {
    const named = parseChangeKey(key);
    if (named?.first !== undefined) bundles.push({ first: named.first, last: named.number });
  }
  return bundles;
}

/** @returns its bytes */
async function storeBundle(
  store: ObjectStore,
  key: string,
  piece: readonly ListedSegment[],
  signal: AbortSignal,
): Promise<number> {
  const segments: Uint8Array[] = [];
  for (const segment of piece) segments.push(await readStored(segment, signal));
  const body = encodeChangeBundle(key, segments);
  await putIfAbsent(key, body, store, { signal });
  const read = await getIfThere(key, store, signal);
  if (read && body.equals(read)) return body.length;
  throw new HoldfastError('E_DAMAGED', `${key} does not read back as it was written`, {
    hint: 'Check the store. The segments still exist one by one; remove the object, and the next poll stores it again.',
  });
}

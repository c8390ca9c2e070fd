import { HoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { CHANGES, changesFolder, parseChangeKey, segmentKey } from '../../format/change-keys.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';
import { missing } from '../reading/damage.ts';
import { type ListedSegment, type OpenedSegment, readSegment } from './segment-reader.ts';

/** Heads read before they are asked for. */
const READS_AHEAD = 8;

type SourceName = Parameters<typeof changesFolder>[0];
/** Behind all names of segments, and before those of packs that lie by themselves. */
const BEHIND_SEGMENTS = 'a';
/** Behind all names of a folder. */
const BEHIND_ALL = 'zzzz';

/** The segments of a source, newest first; packs that lie by themselves are not listed. */
export async function* listSegments(
  store: ObjectStore,
  folder: string,
  { most, signal }: { readonly most?: number | undefined; readonly signal: AbortSignal },
): AsyncGenerator<ListedSegment> {
  for await (const info of store.list(folder, { most, signal })) {
    if (info.key > folder + BEHIND_SEGMENTS) return;
    const named = parseChangeKey(info.key);
    if (named) yield { ...info, folder, number: named.number };
  }
}

/** The newest segment of a source; undefined if it has none. One listing, one read. @throws as `readSegment` */
export async function newestSegment(
  context: RepositoryContext,
  source: SourceName,
  signal: AbortSignal,
): Promise<OpenedSegment | undefined> {
  const listed = await newestListed(context.store, source, signal);
  return listed && readSegment(context, listed, signal);
}

/** The number of the newest segment of a source, 0 if it has none. Needs no key. */
export async function newestNumber(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<number> {
  return (await newestListed(store, source, signal))?.number ?? 0;
}

/** The newest segment of a source, as a listing has it: mostly the first; names of no segment may come before it. @throws E_STORE_* */
export async function newestListed(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<ListedSegment | undefined> {
  const folder = changesFolder(source);
  const [first] = await Array.fromAsync(store.list(folder, { most: 1, signal }));
  const named = first && parseChangeKey(first.key);
  if (first && named && first.key <= folder + BEHIND_SEGMENTS)
    return { ...first, folder, number: named.number };
  if (first) for await (const listed of listSegments(store, folder, { signal })) return listed;
  return undefined;
}

/** Folders of all sources that have segments; what has another name is passed over. */
export async function* listChangeFolders(store: ObjectStore, signal: AbortSignal): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const next = await firstAfter(store, after, signal);
    if (next === undefined) return;
    const folder = parseChangeKey(next)?.folder;
    if (folder !== undefined) yield folder;
    after = folder === undefined ? next : folder + BEHIND_ALL;
  }
}

async function firstAfter(
  store: ObjectStore,
  after: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  for await (const { key } of store.list(CHANGES, { after, most: 1, signal })) return key;
  return undefined;
}

/**
 * Opens segments one after the other, and proves that each follows the one before it: none is missing, put in another's place, or of
 * another stream.
 *
 * @param listed by ascending numbers, as a listing has them
 * @throws E_DAMAGED naming the object that is missing or wrong, and as `readSegment`
 */
export async function* followSegments(
  context: RepositoryContext,
  listed: readonly ListedSegment[],
  signal: AbortSignal,
): AsyncGenerator<OpenedSegment> {
  const hole = listed.find(({ number }, i) => i > 0 && number !== (listed[i - 1]?.number ?? 0) + 1);
  if (hole) throw missing(segmentKey(hole.folder, hole.number - 1));
  let before: OpenedSegment | undefined;
  const read = (one: ListedSegment) => readSegment(context, one, signal);
  for await (const segment of orderedMap(listed, READS_AHEAD, read)) {
    if (before) refuseBreak(before, segment);
    yield segment;
    before = segment;
  }
}

/** @throws E_DAMAGED unless `segment` was stored after `before`, and goes on where it ended or says why it does not */
export function refuseBreak(before: OpenedSegment, { key, head }: OpenedSegment): void {
  const { number, previous, from, begins } = head;
  if (
    previous?.number !== before.head.number ||
    number !== before.head.number + 1 ||
    previous.id !== before.id
  )
    throw new HoldfastError('E_DAMAGED', `${key} does not follow ${before.key}: one of them was replaced`, {
      hint: 'Restore both objects from a copy or an older version of them.',
    });
  if (begins === undefined && from !== before.head.to)
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} begins at ${from}, and ${before.key} ends at ${before.head.to}`,
      {
        hint: 'Make a new backup: no moment after it can be restored from the backups before it.',
      },
    );
}

import { HoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { type changesFolder, segmentKey } from '../../format/change-keys.ts';
import type { RepositoryContext } from '../context.ts';
import { missing } from '../reading/damage.ts';
import { newestListed } from './list-segments.ts';
import { type ListedSegment, type OpenedSegment, readSegment } from './segment-reader.ts';

/** Heads read before they are asked for. */
const READS_AHEAD = 8;

type SourceName = Parameters<typeof changesFolder>[0];

/** The newest segment of a source; undefined if it has none. One listing, one read. @throws as `readSegment` */
export async function newestSegment(
  context: RepositoryContext,
  source: SourceName,
  signal: AbortSignal,
): Promise<OpenedSegment | undefined> {
  const listed = await newestListed(context.store, source, signal);
  return listed && readSegment(context, listed, signal);
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

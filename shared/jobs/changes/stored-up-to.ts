import { newestSegment } from '../../repository/changes/change-chain.ts';
import type { StoredSegment } from '../../repository/changes/segment-store.ts';
import type { Repository } from '../../repository/repository.ts';
import type { MomentWanted } from './choose-moment.ts';

/** Up to when the changes of a source are stored, by its server's clock; undefined if none are. @throws E_DAMAGED, E_STORE_*, E_NO_KEY */
export async function storedUpTo(
  { context }: Repository,
  { kind, name }: MomentWanted['source'],
  signal: AbortSignal,
): Promise<string | undefined> {
  return (await newestSegment(context, { kind, name }, signal))?.head.facts.readAt;
}

/**
 * Why a segment that was just stored needs a new backup, as no replay gets past its beginning: a sentence. Undefined if it needs none, or
 * if it is the first: a backup that waited for it may be under way.
 */
export function whyBaseFor({ head }: Pick<StoredSegment, 'head'>): string | undefined {
  const { begins } = head;
  if (begins) return begins.why === 'first' ? undefined : begins.says;
  return head.sameFrom === head.number ? definedAnew(head) : undefined;
}

/** What to say of a segment that no replay gets past, though nothing is lost. */
export function definedAnew({ facts }: Pick<StoredSegment['head'], 'facts'>): string {
  const why = facts.definitions?.problem;
  return `Tables were defined anew, which the changes do not have.${why === undefined ? '' : ` ${why}`}`;
}

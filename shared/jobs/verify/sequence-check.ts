import { orderedMap } from '../../core/ordered-map.ts';
import { readRemovals } from '../../repository/documents/removed-backups.ts';
import { readLink } from '../../repository/documents/sequence.ts';
import type { SequenceLink } from '../../repository/documents/sequence-links.ts';
import type { Repository } from '../../repository/repository.ts';
import {
  breakOfHead,
  findBreaks,
  headsOf,
  type SequenceBreak,
  type SequenceHead,
  sourceId,
} from './sequence-breaks.ts';

const READS = 8;

/** What a sequence is compared with. */
export interface SequenceOptions {
  /** Earlier heads, kept elsewhere. */
  readonly seen?: readonly SequenceHead[] | undefined;
  /** A place that has only some of the backups: none counts as missing there. @default false */
  readonly isCopy?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Whether backups were taken away, or put back. */
export interface SequenceReport {
  /** The newest of each source. */
  readonly heads: readonly SequenceHead[];
  /** Number of backups that prunes removed, as far as is known. */
  readonly removed: number;
  readonly breaks: readonly SequenceBreak[];
}

/**
 * Whether the backups of each source follow one another, except for those that prunes removed. Only somebody
 * who has seen the newest before can know that it is missing.
 *
 * @throws E_STORE_*, E_KEY_*
 */
export async function checkSequences(
  repository: Repository,
  options: SequenceOptions,
): Promise<SequenceReport> {
  const { seen = [], isCopy = false, signal } = options;
  const keys = await repository.backupKeys(signal);
  const links: SequenceLink[] = [];
  for await (const link of orderedMap(keys, READS, (key) => readLink(repository, key, signal)))
    if (link) links.push(link);
  const heads = headsOf(links);
  if (isCopy) return { heads, removed: 0, breaks: [] };
  const { removed, removedBefore } = await readRemovals(repository, signal);
  const listed = new Set<string>(keys);
  const surroundings = {
    isListed: (key: string) => listed.has(key),
    wasRemovedBefore: (key: string) => removedBefore.has(key),
  };
  const of = (name: string) => ({
    links: links.filter((link) => sourceId(link) === name),
    removed: removed.filter((one) => sourceId(one) === name),
  });
  const breaks = [
    ...heads.flatMap((head) => findBreaks(of(sourceId(head)), surroundings)),
    ...seen.flatMap((head) => breakOfHead(head, of(sourceId(head))) ?? []),
  ];
  return { heads, removed: new Set(removed.map(({ sha256 }) => sha256)).size, breaks };
}

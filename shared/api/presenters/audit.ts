import { orderedMap } from '../../core/ordered-map.ts';
import { type DatedKey, newestFirst } from '../../jobs/status/newest-first.ts';
import type { Repository } from '../../repository/repository.ts';
import type { AuditAnswer, AuditEntry, AuditQuery } from '../schema/status.ts';
import { type AuditSources, entryOf } from './audit-entry.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { boundsOf } from './json.ts';

/** Kinds of reports that record an action. */
const KINDS = [
  'accept',
  'apikey',
  'audit',
  'drill',
  'hold',
  'prune',
  'release',
  'repair',
  'revoke',
  'verify',
] as const;
const READS = 32;
/** Reports read for one page. */
const MOST_READ = 2000;

/** Which entries of the audit trail are wanted. */
export type AuditSelection = Omit<AuditQuery, 'limit' | 'cursor'>;

interface AuditOptions {
  readonly sources: AuditSources;
  /** Whether the caller may see an entry. @default all */
  readonly isSeen?: ((entry: AuditEntry) => boolean) | undefined;
  readonly signal: AbortSignal;
}

/** A page of actions, newest first. */
export async function auditPage(
  repository: Repository,
  query: AuditQuery,
  options: AuditOptions,
): Promise<AuditAnswer> {
  const { limit, cursor } = query;
  const found: Dated[] = [];
  let last: DatedKey | undefined;
  let read = 0;
  for await (const { dated, entry, at } of readEntries(repository, query, { ...options, cursor })) {
    if (found.length >= limit || read >= MOST_READ)
      return { entries: inOrder(found), nextCursor: last ? encodeCursor(last) : null };
    last = dated;
    read++;
    if (entry) found.push({ entry, at });
  }
  return { entries: inOrder(found), nextCursor: null };
}

/** Everything that passes a filter, newest first; memory does not grow with the trail. */
export async function* auditEntries(
  repository: Repository,
  filter: AuditSelection,
  options: AuditOptions,
): AsyncGenerator<AuditEntry> {
  let second: Dated[] = [];
  let stamp: string | undefined;
  for await (const { dated, entry, at } of readEntries(repository, filter, options)) {
    if (dated.stamp !== stamp) {
      yield* inOrder(second);
      second = [];
    }
    stamp = dated.stamp;
    if (entry) second.push({ entry, at });
  }
  yield* inOrder(second);
}

/** Every candidate report, with its entry if it is wanted. */
async function* readEntries(
  repository: Repository,
  filter: AuditSelection,
  { sources, isSeen = () => true, cursor, signal }: AuditOptions & { readonly cursor?: string | undefined },
) {
  const { action } = filter;
  const kinds = action === undefined ? KINDS : KINDS.filter((kind) => kind === 'audit' || kind === action);
  const keys = newestFirst(
    repository.store,
    kinds.map((kind) => `reports/${kind}/`),
    { now: repository.clock.now(), after: decodeCursor(cursor), ...boundsOf(filter), signal },
  );
  const opened = orderedMap(keys, READS, async (dated) => {
    const stored = await repository.reports.openListed(dated.info, signal);
    return { dated, stored, entry: await entryOf(stored, sources) };
  });
  for await (const { dated, stored, entry } of opened) {
    const isWanted = entry !== undefined && isSeen(entry) && fits(entry, filter);
    yield { dated, entry: isWanted ? entry : undefined, at: stored.report?.at ?? '' };
  }
}

function fits(entry: AuditEntry, { action, outcome, source, by }: AuditSelection): boolean {
  return (
    (action === undefined || entry.action === action) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (source === undefined || entry.sources.includes(source)) &&
    (by === undefined || entry.by?.toLowerCase().includes(by.toLowerCase()) === true)
  );
}

interface Dated {
  readonly entry: AuditEntry;
  /** To the millisecond; names only say the second. */
  readonly at: string;
}

/** Beginning and end within one second appear in that order. */
function inOrder(found: readonly Dated[]): AuditEntry[] {
  const newer = (a: Dated, b: Dated) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0);
  return found.toSorted(newer).map(({ entry }) => entry);
}

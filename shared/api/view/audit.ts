import { AUDIT_ACTIONS, type AuditAction } from '../../core/api-names.ts';
import type { AuditAnswer, AuditQuery } from '../../core/api-status.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { type DatedKey, newestFirst } from '../../jobs/newest-first.ts';
import type { StoredReport } from '../../repository/reports.ts';
import type { Repository } from '../../repository/repository.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { boundsOf } from './json.ts';

type Entry = AuditAnswer['entries'][number];

/** Kinds of reports that say that somebody, or something, acted. */
const KINDS = ['accept', 'audit', 'drill', 'hold', 'prune', 'release', 'repair', 'verify'] as const;
const READS = 16;
/** Reports read for one page. */
const MOST_READ = 2000;

/** A page of what was done, newest first. */
export async function auditPage(
  repository: Repository,
  query: AuditQuery,
  signal: AbortSignal,
): Promise<AuditAnswer> {
  const { action, limit } = query;
  const kinds = action === undefined ? KINDS : KINDS.filter((kind) => kind === 'audit' || kind === action);
  const keys = newestFirst(
    repository.store,
    kinds.map((kind) => `reports/${kind}/`),
    { now: repository.clock.now(), after: decodeCursor(query.cursor), ...boundsOf(query), signal },
  );
  const found: Dated[] = [];
  let last: DatedKey | undefined;
  let read = 0;
  const opened = orderedMap(keys, READS, async (dated) => ({
    dated,
    stored: await repository.reports.open(dated.key, dated.info.modifiedAt, signal),
  }));
  for await (const { dated, stored } of opened) {
    if (found.length >= limit || read >= MOST_READ)
      return { entries: inOrder(found), nextCursor: last ? encodeCursor(last) : null };
    last = dated;
    read++;
    const entry = entryOf(stored);
    if (entry && (action === undefined || entry.action === action))
      found.push({ entry, at: stored.report?.at ?? '' });
  }
  return { entries: inOrder(found), nextCursor: null };
}

interface Dated {
  readonly entry: Entry;
  /** To the millisecond; keys say the second. */
  readonly at: string;
}

/** What was begun and done within a second is told in that order. */
function inOrder(found: readonly Dated[]): Entry[] {
  const newer = (a: Dated, b: Dated) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0);
  return found.toSorted(newer).map(({ entry }) => entry);
}

/** Undefined where it cannot be believed. */
function entryOf({ report, storedAt, key }: StoredReport): Entry | undefined {
  if (!report) return undefined;
  const { body, kind, backups } = report;
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : null);
  const action = kind === 'audit' ? text('action') : kind;
  if (!isAction(action)) return undefined;
  return {
    at: storedAt.toISOString(),
    action,
    by: text('by'),
    outcome: text('outcome'),
    run: text('run'),
    backups: [...backups],
    about: text('reason') ?? text('target') ?? text('error') ?? text('blockedBy'),
    report: key,
  };
}

function isAction(action: string | null): action is AuditAction {
  return AUDIT_ACTIONS.some((known) => known === action);
}

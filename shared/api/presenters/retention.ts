import type { PruneSettings, RetentionPolicy } from '../../config/retention.ts';
import { backupName } from '../../core/backup-words.ts';
import { isHoldfastError } from '../../core/errors.ts';
import { DAY_MS } from '../../core/units.ts';
import { type PreparedPrune, preparePrune } from '../../jobs/retention/prune.ts';
import { roomOf } from '../../jobs/retention/prune-room.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import { keyStamp } from '../../jobs/status/newest-first.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectLocks } from '../../store/object-locks.ts';
import type { RetentionAnswer, RetentionQuery } from '../schema/backups.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

/** Most locks to check for one response. */
const MOST_LOCKS = 400;

/** Locks and copies of a backup, as routes answer them. */
export interface RetentionPlan
  extends Pick<PreparedPrune['plan'], 'decisions' | 'graceMs' | 'now' | 'refusal' | 'blockedBy'> {
  readonly bytes: RetentionAnswer['bytes'];
}

interface RetentionRules {
  readonly policy: RetentionPolicy;
  readonly prune: PruneSettings;
  readonly naming?: Naming | undefined;
  /** Undefined if none are configured. */
  readonly locks?: ObjectLocks | undefined;
}

/** What a prune would decide now; removes nothing. */
export async function presentRetention(
  repository: Repository,
  rules: RetentionRules,
  signal: AbortSignal,
): Promise<RetentionPlan> {
  const { policy, prune } = rules;
  const prepared = await prepare(repository, rules, signal);
  const { decisions, graceMs, now, refusal, blockedBy } = prepared.plan;
  const { isLockKnown } = prepared;
  const bytes = { ...roomOf(prepared, { policy, maxShare: prune.maxShare, graceMs }), isLockKnown };
  return { decisions, graceMs, now, refusal, blockedBy, bytes };
}

/** If the locks cannot be checked, the plan is shown without them. */
async function prepare(
  repository: Repository,
  { policy, prune: { maxShare }, naming, locks }: RetentionRules,
  signal: AbortSignal,
): Promise<PreparedPrune> {
  const options = { isDryRun: true, naming, mostLocks: MOST_LOCKS, signal };
  try {
    return await preparePrune(repository, { policy, maxShare }, { ...options, locks });
  } catch (error) {
    if (!locks || !isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    const prepared = await preparePrune(repository, { policy, maxShare }, options);
    return { ...prepared, isLockKnown: false };
  }
}

/** What a prune would do now. */
export function retentionPage(
  { decisions, graceMs, now, refusal, blockedBy, bytes }: RetentionPlan,
  policy: RetentionPolicy,
  { show, limit, cursor }: RetentionQuery,
): RetentionAnswer {
  const after = decodeCursor(cursor);
  const kept = decisions.filter(({ keep }) => keep).length;
  const wanted = decisions.filter(({ keep, startedAt, key }) => {
    const stamp = keyStamp(startedAt);
    const isAfter = !after || stamp < after.stamp || (stamp === after.stamp && key < after.key);
    return isAfter && (show === 'all' || keep === (show === 'kept'));
  });
  const page = wanted.slice(0, limit);
  const last = wanted.length > limit ? page.at(-1) : undefined;
  return {
    now: now.toISOString(),
    policy: {
      days: { ...policy.days },
      counts: Object.fromEntries(
        Object.entries(policy.counts).filter(([, count]) => count !== undefined),
      ) as Record<string, number>,
      graceDays: graceMs / DAY_MS,
    },
    kept,
    expiring: decisions.length - kept,
    bytes,
    refusal: refusal?.message ?? null,
    blockedBy: blockedBy ?? null,
    decisions: page.map(({ key, type, source, startedAt, keep, reasons }) => ({
      key,
      name: backupName(key),
      type,
      source: source ?? null,
      startedAt: startedAt.toISOString(),
      keep,
      reasons: [...reasons],
    })),
    nextCursor: last ? encodeCursor({ stamp: keyStamp(last.startedAt), key: last.key }) : null,
  };
}

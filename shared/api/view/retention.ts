import type { RetentionAnswer, RetentionQuery } from '../../core/api-backups.ts';
import type { PruneSettings, RetentionPolicy } from '../../core/config-retention.ts';
import { DAY_MS } from '../../core/units.ts';
import type { Naming } from '../../jobs/naming.ts';
import { stampOf } from '../../jobs/newest-first.ts';
import { type PreparedPrune, preparePrune } from '../../jobs/prune.ts';
import type { Repository } from '../../repository/repository.ts';
import { nameOf } from '../parse-backup.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

export type RetentionPlan = Pick<PreparedPrune['plan'], 'decisions' | 'graceMs' | 'now' | 'refusal'>;

/** What a prune would decide now; removes nothing. */
export async function planRetention(
  repository: Repository,
  rules: {
    readonly policy: RetentionPolicy;
    readonly prune: PruneSettings;
    readonly naming?: Naming | undefined;
  },
  signal: AbortSignal,
): Promise<RetentionPlan> {
  const { policy, prune, naming } = rules;
  const { plan } = await preparePrune(
    repository,
    { policy, maxShare: prune.maxShare },
    { isDryRun: true, naming, signal },
  );
  const { decisions, graceMs, now, refusal } = plan;
  return { decisions, graceMs, now, refusal };
}

export function retentionPage(
  { decisions, graceMs, now, refusal }: RetentionPlan,
  policy: RetentionPolicy,
  { show, limit, cursor }: RetentionQuery,
): RetentionAnswer {
  const after = decodeCursor(cursor);
  const kept = decisions.filter(({ keep }) => keep).length;
  const wanted = decisions.filter(({ keep, startedAt, key }) => {
    const stamp = stampOf(startedAt);
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
    refusal: refusal?.message ?? null,
    decisions: page.map(({ key, type, source, startedAt, keep, reasons }) => ({
      key,
      name: nameOf(key),
      type,
      source: source ?? null,
      startedAt: startedAt.toISOString(),
      keep,
      reasons: [...reasons],
    })),
    nextCursor: last ? encodeCursor({ stamp: stampOf(last.startedAt), key: last.key }) : null,
  };
}

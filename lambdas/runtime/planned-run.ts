import { DEFAULT_SHARES_AT_ONCE } from '../../shared/config/aws.ts';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { BackupPlan } from '../../shared/jobs/backup/plan-backup.ts';

/** A backup that several functions make together. */
export interface RunOfBackup {
  readonly run: string;
  readonly source: string;
  readonly type: string;
}

/** One share of it, and where it is read. */
export interface ShareToRead extends RunOfBackup {
  readonly share: number;
  readonly runtime: 'fargate' | 'lambda';
}

/** The backup with all of its shares. */
export interface PlannedRun extends RunOfBackup {
  readonly shares: readonly ShareToRead[];
}

/** What a plan is made with, from the event that asks for it. */
export function planOptions(
  {
    run,
    type,
    note,
    noParent = false,
  }: {
    readonly run: string;
    readonly type: string;
    readonly note?: string | undefined;
    readonly noParent?: boolean | undefined;
  },
  config: ResolvedConfig,
) {
  const { shareBytes, maxConcurrency = DEFAULT_SHARES_AT_ONCE } = config.aws;
  return {
    run,
    type,
    noParent,
    note: note === '' ? undefined : note,
    shareBytes,
    sharesAtOnce: maxConcurrency,
  };
}

/**
 * The shares as the state machine passes them on: shares too large for a function go to Fargate, if there is
 * one.
 */
export function sharesOf(
  plan: BackupPlan,
  about: RunOfBackup,
  { aws: { fargate } }: ResolvedConfig,
): readonly ShareToRead[] {
  return plan.shares.map(({ share, estimatedBytes }) => ({
    ...about,
    share,
    runtime: fargate && estimatedBytes >= fargate.fromBytes ? 'fargate' : 'lambda',
  }));
}

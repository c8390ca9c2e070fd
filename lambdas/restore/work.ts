import type { TargetChanges } from '../../shared/api/schema/inside.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { targetChanges } from '../../shared/jobs/inside/target-changes.ts';
import {
  planRestore,
  type RestoreJobOptions,
  type RestoreResult,
  restoreBackup,
} from '../../shared/jobs/restore/restore.ts';
import { planRestoreToNew, restoreToNew } from '../../shared/jobs/restore/restore-to-new.ts';
import { openScratch, openTarget } from '../../shared/jobs/source/adapters.ts';
import type { OpenPlace } from '../runtime/places.ts';
import type { OpenedRepository } from '../runtime/settings.ts';

/** What a restore came to. */
export interface Restored {
  /** Undefined if an earlier restore that broke off had restored the base. */
  readonly restored: RestoreResult | undefined;
  /** For the answer, besides. */
  readonly more: object;
}

/** What plans and restores. */
export interface RestoreWork {
  /** The backup that it begins with. */
  readonly key: BackupKey;
  /** What speaks against it, so that nothing is restored unless somebody says that it is wanted all the same: sentences. */
  readonly doubts: readonly string[];
  /** For every answer: what else is restored. */
  readonly about: object;
  /** Bytes to be read besides the backup. */
  readonly moreBytes: number;
  plan(choices: RestoreJobOptions): Promise<RestoreResult['plan']>;
  /** Rows that it would change at its target; null for a database that is made for it. */
  changes(plan: RestoreResult['plan'], signal: AbortSignal): Promise<TargetChanges | null>;
  restore(choices: RestoreJobOptions): Promise<Restored>;
}

/** A backup, to the target itself or to a database that is made on its server. */
export async function backupWork(
  repository: OpenedRepository,
  key: BackupKey,
  {
    place: { config, env },
    newDatabase,
  }: { readonly place: OpenPlace; readonly newDatabase: string | undefined },
): Promise<RestoreWork> {
  const only = { key, doubts: [], about: {}, moreBytes: 0 };
  const whole = async (result: Promise<RestoreResult>) => ({ restored: await result, more: {} });
  if (newDatabase === undefined) {
    const target = await openTarget(config, env);
    return {
      ...only,
      plan: (choices) => planRestore(repository, key, target, choices),
      changes: (plan, signal) => targetChanges(repository, key, target, { plan, signal }),
      restore: (choices) => whole(restoreBackup(repository, key, target, choices)),
    };
  }
  const made = { server: await openScratch(config, env), name: newDatabase };
  return {
    ...only,
    plan: (choices) => planRestoreToNew(repository, key, made, choices),
    changes: async () => null,
    restore: (choices) => whole(restoreToNew(repository, key, made, choices)),
  };
}

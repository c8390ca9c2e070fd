import type { BackupKey } from '../core/ids.ts';
import type { OnProgress } from '../core/progress.ts';
import type { Repository } from '../repository/repository.ts';
import type { RestoreOptions, RestorePlan, Target } from '../sources/target.ts';
import type { DatasetComparison } from './compare.ts';

export interface RestoreJobOptions extends RestoreOptions {
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

export interface RestoreResult {
  readonly key: BackupKey;
  readonly plan: RestorePlan;
  readonly comparison: readonly DatasetComparison[];
  readonly records: number;
  readonly plainBytes: number;
}

export declare function planRestore(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: RestoreJobOptions,
): Promise<RestorePlan>;

/**
 * Plans, restores, then reads the target back and compares every dataset with the backup.
 *
 * @throws E_TARGET_NOT_EMPTY, nothing changed; E_RESTORE_DIFFERS, naming datasets, after the restore
 */
export declare function restoreBackup(
  repository: Repository,
  key: BackupKey,
  target: Target,
  options: RestoreJobOptions,
): Promise<RestoreResult>;

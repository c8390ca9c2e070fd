import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import {
  planRestore as plan,
  type RestoreJobOptions,
  type RestoreResult,
  restoreBackup,
} from '../jobs/restore/restore.ts';
import type { RestorePlan } from '../sources/target.ts';
import { type Place, targetAt } from './places.ts';
import { type RunOptions, recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** What is restored of a backup, and whether it may replace what is there. */
export interface RestoreOptions
  extends RunOptions,
    Omit<RestoreJobOptions, 'damaged' | 'onProgress' | 'signal'> {}

/**
 * What a restore would do. Reads the backup and the target, changes nothing.
 *
 * @throws HoldfastError E_NO_BACKUP, E_TARGET_*, E_STORE_*, E_ABORTED
 */
export async function planRestore(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: RestoreOptions = {},
): Promise<RestorePlan> {
  const { repository } = engineOf(opened);
  const { signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  return plan(repository, key, await targetAt(target), { ...options, signal });
}

/**
 * Restores a backup, then reads the target back and compares all of it with the backup.
 *
 * @param backup a key, a part that fits one key only, `latest`, `good`, `latest:SOURCE` or `good:SOURCE`
 * @param target a URL or a path
 * @throws HoldfastError E_NO_BACKUP, E_TARGET_NOT_EMPTY (nothing was changed), E_RESTORE_DIFFERS, E_STORE_*, E_ABORTED
 */
export async function restore(
  opened: OpenRepository,
  backup: string,
  target: string | Place,
  options: RestoreOptions = {},
): Promise<RestoreResult> {
  const { repository } = engineOf(opened);
  const { signal = NEVER } = options;
  const key = await chooseBackup(repository, backup, { signal });
  const to = await targetAt(target);
  const work = () => restoreBackup(repository, key, to, { ...options, signal });
  const noteOf = ({ records, plainBytes }: RestoreResult) => ({ records, plainBytes });
  return recorded(opened, { kind: 'restore', backup: key, target: to.name }, work, { ...options, noteOf });
}

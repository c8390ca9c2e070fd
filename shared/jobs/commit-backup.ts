import type { SuspectThresholds } from '../core/config-suspects.ts';
import { HoldfastError } from '../core/errors.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupResult } from './backup.ts';

export interface CommitBackupOptions {
  readonly run: string;
  /** When the backup is suspect. */
  readonly suspects?: SuspectThresholds;
  /** @default as planned */
  readonly allowEmpty?: boolean;
  /** How long the holder may take to say that the view stood. @default 60,000 */
  readonly holderMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Lists a planned backup of which all shares are stored. Repeatable: a run that is listed already gives that backup, and of two
 * commits at the same time both give the same one. A held view is let go, and must have stood until then.
 *
 * @throws E_NO_RUN, E_RUN_INCOMPLETE (naming the shares), E_RUN_ABORTED, E_SOURCE_LOST and E_SNAPSHOT_EXPIRED (the view did not
 *   stand), E_EMPTY_READ, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; nothing is listed then
 */
export async function commitBackup(
  _repository: Repository,
  _options: CommitBackupOptions,
): Promise<BackupResult> {
  throw new HoldfastError('E_INTERNAL', 'not built yet');
}

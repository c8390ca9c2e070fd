import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { noteOfVerify } from '../jobs/runs/record-run.ts';
import { type VerifyReport, verifyBackups } from '../jobs/verify/verify.ts';
import { keepVerifyReport } from '../jobs/verify/verify-report.ts';
import { type RunOptions, recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** How thorough a verification is. */
export interface VerifyOptions extends RunOptions {
  /**
   * - `full`: reads and decrypts every byte, and compares it with its recorded hash.
   * - `quick`: checks that every object exists with its size.
   *
   * @default 'full'
   */
  readonly depth?: 'quick' | 'full';
}

/**
 * Checks that backups are still what was written. Damage is in `findings`, not an error. The report is kept
 * in the repository.
 *
 * @param backup as `restore` takes it; `all`: every backup, and everything else in the repository
 * @throws HoldfastError E_NO_BACKUP, E_NO_KEY, E_STORE_*, E_ABORTED
 */
export async function verify(
  opened: OpenRepository,
  backup = 'latest',
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const { repository } = engineOf(opened);
  const { depth: kind = 'full', signal = NEVER, onProgress = () => {} } = options;
  const isAll = backup === 'all';
  const keys = isAll
    ? await repository.backupKeys(signal)
    : [await chooseBackup(repository, backup, { signal })];
  const about = { kind: 'verify', backup: isAll ? null : (keys[0] ?? null) } as const;
  const work = () =>
    verifyBackups(repository, keys, {
      depth: { kind },
      others: isAll,
      sequence: isAll ? { isCopy: false } : undefined,
      onProgress,
      signal,
    });
  const report = await recorded(opened, about, work, { ...options, noteOf: noteOfVerify });
  const { warning } = await keepVerifyReport(repository, report, signal);
  if (warning !== undefined) onProgress({ kind: 'warning', code: 'report', message: warning });
  return report;
}

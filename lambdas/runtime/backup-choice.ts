import type { BackupKey } from '../../shared/core/ids.ts';
import { chooseBackup, parseBackupWord } from '../../shared/jobs/restore/choose-backup.ts';
import type { OpenedRepository } from './settings.ts';

/** The backup that an event means: a whole path, `latest:SOURCE` or `good:SOURCE`. @throws E_NO_BACKUP */
export async function chosenBackup(
  repository: OpenedRepository,
  choice: string,
  signal: AbortSignal,
): Promise<BackupKey> {
  return parseBackupWord(choice) ? chooseBackup(repository, choice, { signal }) : (choice as BackupKey);
}

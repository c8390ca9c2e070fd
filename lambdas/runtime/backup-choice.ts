import type { BackupKey } from '../../shared/core/ids.ts';
import { newestGoodBackup } from '../../shared/jobs/newest-good.ts';
import type { Repository } from './settings.ts';

/** The backup that an event means: a key, or the newest good one of the source in `latest:NAME`. @throws E_NO_BACKUP */
export async function chosenBackup(
  repository: Repository,
  choice: string,
  signal: AbortSignal,
): Promise<BackupKey> {
  if (!choice.startsWith('latest:')) return choice as BackupKey;
  return newestGoodBackup(repository, { source: choice.slice('latest:'.length), isWholeName: true, signal });
}

import type { BackupKey } from '../../core/ids.ts';

/** `backup_daily_20260301_020000`: as commands name a backup. */
export function shortName(key: BackupKey): string {
  return key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
}

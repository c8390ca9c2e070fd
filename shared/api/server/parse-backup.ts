import { type BackupKey, backupKey, parseBackupKey } from '../../core/ids.ts';
import { ApiError } from './api-error.ts';

const NAME = /^backup_([a-z][a-z0-9-]{0,31})_(\d{8})_(\d{6})(?:\.json)?$/;

/**
 * The backup that a request names, by its name or its whole path. The path is built from what was parsed,
 * never from what was given.
 *
 * @throws E_BAD_REQUEST for anything else
 */
export function parseBackup(text: string): BackupKey {
  const [, type = '', date = '', time = ''] = NAME.exec(text.slice(text.lastIndexOf('/') + 1)) ?? [];
  const parsed = parseBackupKey(`backups/${type}/${date}/backup_${type}_${date}_${time}.json`);
  const key = parsed && backupKey(parsed.type, parsed.startedAt);
  const name = key?.slice(key.lastIndexOf('/') + 1);
  if (key && name && [key, name, name.slice(0, -'.json'.length)].includes(text)) return key;
  throw new ApiError('E_BAD_REQUEST', 'this is neither the name nor the path of a backup', {
    fields: [
      { field: 'key', problem: 'give backup_daily_20260301_020000, or the whole path of its manifest' },
    ],
    hint: 'GET /list has the names.',
  });
}

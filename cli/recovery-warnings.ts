import { backupName } from '../shared/core/backup-words.ts';
import type { RecoveryCoverage } from '../shared/jobs/keys/recovery-coverage.ts';
import { plural } from './format.ts';

/** Most backups to name in a line. */
const MOST_NAMED = 5;

/** Backups that recovery keys do not open, and problems with those keys. */
export function recoveryWarnings(found: RecoveryCoverage | undefined): string[] {
  const { notOpened = [], problems = [] } = found ?? {};
  return [
    ...notOpened.map(({ recoveryKey, backups }) => {
      const more = backups.length > MOST_NAMED ? ' …' : '';
      const named = backups.slice(0, MOST_NAMED).map(backupName).join(', ');
      return `recovery key ${recoveryKey} does not open ${plural(backups.length, 'backup')} (${named}${more}): holdfast rekey --complete-recovery`;
    }),
    ...problems,
  ];
}

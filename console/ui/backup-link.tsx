import { backupName } from '../../shared/core/backup-words.ts';
import { backupHref } from '../routes.ts';
import { momentText } from './moment.tsx';

const STAMP = /_(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)(\d\d)$/;

/** When a backup began, from its path or name; undefined if that does not say. */
export function startOf(key: string): string | undefined {
  const [, year, month, day, hour, minute, second] = STAMP.exec(backupName(key)) ?? [];
  return year === undefined ? undefined : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

/** A backup by its moment, in the browser's zone; by its name if that has none. */
export function backupMoment(key: string): string {
  const at = startOf(key);
  return at === undefined ? backupName(key) : momentText(at);
}

/** A backup by its moment; leads to its screen. */
export function BackupLink({ of }: { readonly of: string }) {
  return (
    <a href={backupHref(of)} title={backupName(of)}>
      {backupMoment(of)}
    </a>
  );
}

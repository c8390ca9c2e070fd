import { type BackupKey, parseBackupKey } from '../core/ids.ts';

/** Where manifests that prune has unlisted wait until their grace is over. */
export const EXPIRED = 'expired/';

const KEY = /^expired\/\d{8}T\d{6}Z\/(backups\/.+)$/;

/** `expired/20260301T020000Z/<the manifest's path>`. @param at by the store's clock */
export function expiredKey(key: BackupKey, at: Date): string {
  return `${EXPIRED}${at.toISOString().replace(/[-:]|\.\d+/g, '')}/${key}`;
}

/**
 * The name of the backup whose manifest this object below `expired/` is; undefined if it is not a manifest.
 */
export function parseExpiredKey(object: string): BackupKey | undefined {
  return parseBackupKey(KEY.exec(object)?.[1] ?? '')?.key;
}

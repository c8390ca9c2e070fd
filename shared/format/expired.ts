import { type BackupKey, parseBackupKey } from '../core/ids.ts';

/** Where manifests wait that prune has taken out, until their grace is over. */
export const EXPIRED = 'expired/';

const KEY = /^expired\/\d{8}T\d{6}Z\/(backups\/.+)$/;

/** `expired/20260301T020000Z/<the manifest's key>`. @param at by the store's clock */
export function expiredKey(key: BackupKey, at: Date): string {
  return `${EXPIRED}${at.toISOString().replace(/[-:]|\.\d+/g, '')}/${key}`;
}

/** The key that an object below `expired/` had, or undefined where it is no manifest's. */
export function parseExpiredKey(object: string): BackupKey | undefined {
  return parseBackupKey(KEY.exec(object)?.[1] ?? '')?.key;
}

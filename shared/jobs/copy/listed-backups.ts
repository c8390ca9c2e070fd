import { parseBackupKey } from '../../core/ids.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** Names of the backups listed in a store, with the sizes of their manifests. @throws E_STORE_* */
export async function listedBackups(store: ObjectStore, signal: AbortSignal): Promise<Map<string, number>> {
  const listed = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list('backups/', { signal }))
    if (parseBackupKey(key)) listed.set(key, sizeBytes);
  return listed;
}

/** Oldest first. */
export function byTime(a: string, b: string): number {
  const time = (key: string) => parseBackupKey(key)?.startedAt.getTime() ?? 0;
  return time(a) - time(b) || (a < b ? -1 : 1);
}

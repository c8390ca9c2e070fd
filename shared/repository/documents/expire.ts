import type { BackupKey } from '../../core/ids.ts';
import { expiredKey } from '../../format/expired.ts';
import { getIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { ExpiredCopy } from '../packs/pack-use.ts';

/**
 * Unlists a backup: its manifest is copied below `expired/`, then removed. Its packs stay until the grace of
 * the copy is over. Repeating it after a crash gives the same result.
 *
 * @param at the store's time, not long ago
 * @param mayRemove called between copy and removal; throws if too much time has passed since `at`
 * @returns whether it was listed
 */
export async function expireBackup(
  store: ObjectStore,
  key: BackupKey,
  {
    at,
    mayRemove,
    signal,
  }: { readonly at: Date; readonly mayRemove: () => void; readonly signal: AbortSignal },
): Promise<boolean> {
  const manifest = await getIfThere(key, store, signal);
  if (!manifest) return false;
  // Somebody else may have put the same bytes there: a manifest has only one content.
  await putIfAbsent(expiredKey(key, at), manifest, store, { signal });
  mayRemove();
  await store.delete(key, { signal });
  return true;
}

/** Lists an unlisted backup again; its copy stays. @returns whether the copy existed */
export async function putBack(
  store: ObjectStore,
  { object, key }: ExpiredCopy,
  signal: AbortSignal,
): Promise<boolean> {
  const manifest = await getIfThere(object, store, signal);
  if (!manifest) return false;
  await putIfAbsent(key, manifest, store, { signal });
  return true;
}

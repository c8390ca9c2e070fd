import { isHoldfastError } from '../core/errors.ts';
import type { BackupKey } from '../core/ids.ts';
import { expiredKey } from '../format/expired.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { ExpiredCopy } from './pack-use.ts';

/**
 * Takes a backup out of the list: its manifest is copied below `expired/`, then removed. Its packs stay until the
 * grace of the copy is over. Begun again after a crash, it ends the same.
 *
 * @param at the store's time, not long ago
 * @param mayRemove called between copy and removal; throws where too much time has passed since `at`
 * @returns whether it was there
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
  const manifest = await bytesOf(store, key, signal);
  if (!manifest) return false;
  await putOnce(store, expiredKey(key, at), manifest, signal);
  mayRemove();
  await store.delete(key, { signal });
  return true;
}

/** Lists a backup again that was taken out; its copy stays. @returns whether the copy was there */
export async function putBack(
  store: ObjectStore,
  { object, key }: ExpiredCopy,
  signal: AbortSignal,
): Promise<boolean> {
  const manifest = await bytesOf(store, object, signal);
  if (!manifest) return false;
  await putOnce(store, key, manifest, signal);
  return true;
}

async function bytesOf(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key, { signal });
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** Somebody else may have put the same bytes there: a manifest has one content. */
async function putOnce(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  try {
    await store.put(key, body, { signal });
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_EXISTS')) throw error;
  }
}

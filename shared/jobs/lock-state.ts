import type { LockMode } from '../core/config-lock.ts';
import { isHoldfastError } from '../core/errors.ts';
import { type BackupKey, parsePackId } from '../core/ids.ts';
import { parallel } from '../core/parallel.ts';
import { KEYS_PREFIX } from '../format/keys-file.ts';
import { packKey } from '../format/pack.ts';
import { REPOSITORY_FILE } from '../format/repository-file.ts';
import type { Repository } from '../repository/repository.ts';
import type { ObjectLocks } from '../store/object-locks.ts';
import { WrapNames } from './recovery-keys-needed.ts';

const AT_ONCE = 32;

/** How a backup is locked: as the least locked of all that it needs is. */
export interface LockState {
  readonly backup: BackupKey;
  /** Nobody can remove the backup before; null where something that it needs has no lock, or one that is over. */
  readonly until: Date | null;
  /** `governance`: who has a right of its own for it may lift the lock all the same. */
  readonly mode: LockMode;
}

/** Asks the store for the lock of everything that a restore of the backup reads. @throws E_STORE_*, E_CONFIG, E_NO_BACKUP */
export async function readLockState(
  repository: Repository,
  locks: ObjectLocks,
  { backup, signal }: { readonly backup: BackupKey; readonly signal: AbortSignal },
): Promise<LockState> {
  const { packs, keys: runKeys } = await repository.readUnprovenManifest(backup, signal);
  const keys = await Array.fromAsync(repository.store.list(KEYS_PREFIX, { signal }), ({ key }) => key);
  const wraps = await WrapNames.list(repository.store, keys, signal);
  const ofPacks = packs.map(({ id }) => packKey(parsePackId(id)));
  const needed = [backup, REPOSITORY_FILE, ...keys, ...wraps.of(runKeys), ...ofPacks];
  const now = repository.clock.now();
  let until: Date | null | undefined;
  let mode: LockMode = 'compliance';
  await parallel(needed, { most: AT_ONCE, signal }, async (key, stop) => {
    if (until === null) return;
    const found = await retentionIfThere(locks, key, stop);
    if (!found || found.until <= now) until = null;
    else if (until === undefined || (until !== null && found.until < until)) until = found.until;
    if (found?.mode === 'governance') mode = 'governance';
  });
  return { backup, until: until ?? null, mode };
}

async function retentionIfThere(locks: ObjectLocks, key: string, signal: AbortSignal) {
  try {
    return await locks.retention(key, signal);
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

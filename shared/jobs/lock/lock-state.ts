import { randomInt } from 'node:crypto';
import type { LockMode } from '../../config/lock.ts';
import { isHoldfastError } from '../../core/errors.ts';
import { type BackupKey, parsePackId } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import { KEYS_PREFIX } from '../../format/keys-file.ts';
import { packKey } from '../../format/pack.ts';
import { REPOSITORY_FILE } from '../../format/repository-file.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectLocks } from '../../store/object-locks.ts';
import { WrapNames } from '../keys/recovery-keys-needed.ts';
import type { SourceStatus } from '../status/status.ts';

const AT_ONCE = 32;

/** How a backup is locked: as the least locked object that it needs. */
export interface LockState {
  readonly backup: BackupKey;
  /**
   * Nobody can remove the backup before this; null if something that it needs has no lock, or an expired one.
   */
  readonly until: Date | null;
  /** `governance`: somebody with a special permission may still lift the lock. */
  readonly mode: LockMode;
  /** Number of objects that a restore of the backup reads, */
  readonly objects: number;
  /** and of those whose lock was checked: fewer for a sample, or if one without a lock was found. */
  readonly asked: number;
}

/** How locks of a backup are looked at. */
export interface LockStateOptions {
  readonly backup: BackupKey;
  /**
   * Checks the locks of this many packs, chosen at random each time, and of everything else that is needed.
   * @default all packs
   */
  readonly mostPacks?: number | undefined;
  /** @returns a whole number below `below`. @default node's */
  readonly random?: (below: number) => number;
  readonly signal: AbortSignal;
}

/** How the newest good backup of a source is locked, or why that is not known. */
export interface SourceLock extends LockState {
  readonly source: string;
  /** Why it is not known; null: it is. */
  readonly problem: string | null;
}

/**
 * For each source's newest good backup; one that cannot be checked does not affect the others. @throws
 * E_ABORTED
 */
export async function readSourceLocks(
  repository: Repository,
  locks: ObjectLocks,
  { sources, ...options }: Omit<LockStateOptions, 'backup'> & { readonly sources: readonly SourceStatus[] },
): Promise<readonly SourceLock[]> {
  const found: SourceLock[] = [];
  for (const { source, newestGood } of sources) {
    if (!newestGood) continue;
    const { key: backup } = newestGood;
    try {
      const state = await readLockState(repository, locks, { ...options, backup });
      found.push({ source: source.name, ...state, problem: null });
    } catch (error) {
      if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
      const unknown = { until: null, mode: 'governance', objects: 0, asked: 0 } as const;
      found.push({ source: source.name, backup, ...unknown, problem: error.message });
    }
  }
  return found;
}

/**
 * Asks the store for the lock of everything that a restore of the backup reads. @throws E_STORE_*, E_CONFIG,
 * E_NO_BACKUP
 */
export async function readLockState(
  repository: Repository,
  locks: ObjectLocks,
  { backup, mostPacks = Number.POSITIVE_INFINITY, random = randomInt, signal }: LockStateOptions,
): Promise<LockState> {
  const manifest = await repository.readUnprovenManifest(backup, signal);
  const { objects, keys: runKeys } = await repository.lists.all(manifest, signal);
  const keys = await Array.fromAsync(repository.store.list(KEYS_PREFIX, { signal }), ({ key }) => key);
  const wraps = await WrapNames.list(repository.store, keys, signal);
  const ofPacks = objects.map(({ id }) => packKey(parsePackId(id)));
  const few = [backup, REPOSITORY_FILE, ...keys, ...wraps.of(runKeys)];
  const needed = [...few, ...sample(ofPacks, mostPacks, random)];
  const now = repository.clock.now();
  let until: Date | null | undefined;
  let mode: LockMode = 'compliance';
  let asked = 0;
  await parallel(needed, { most: AT_ONCE, signal }, async (key, stop) => {
    if (until === null) return;
    asked++;
    const found = await retentionIfThere(locks, key, stop);
    if (!found || found.until <= now) until = null;
    else if (until === undefined || (until !== null && found.until < until)) until = found.until;
    if (found?.mode === 'governance') mode = 'governance';
  });
  return { backup, until: until ?? null, mode, objects: few.length + ofPacks.length, asked };
}

/** A random sample of the list, each item equally likely. */
function sample<T>(list: readonly T[], most: number, random: (below: number) => number): T[] {
  const left = [...list];
  if (left.length <= most) return left;
  for (let i = 0; i < most; i++) {
    const j = i + random(left.length - i);
    [left[i], left[j]] = [left[j] as T, left[i] as T];
  }
  return left.slice(0, most);
}

async function retentionIfThere(locks: ObjectLocks, key: string, signal: AbortSignal) {
  try {
    return await locks.retention(key, signal);
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}

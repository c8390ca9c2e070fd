import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parallel } from '../../core/parallel.ts';
import { KEYS_PREFIX } from '../../format/keys-file.ts';
import { isRecoveryWrapName, RECOVERY_WRAPS } from '../../format/recovery-file.ts';
import { parseRepositoryFile, REPOSITORY_FILE } from '../../format/repository-file.ts';
import { UPGRADE_FILE } from '../../format/upgrade-file.ts';
import { refuseTakenPlace } from '../../repository/repository-place.ts';
import { getIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { compareObject, putCompared, sha256Of } from './copy-object.ts';

/** Small objects copied at once. */
const WRAPS_AT_ONCE = 8;

interface Stores {
  readonly from: ObjectStore;
  readonly to: ObjectStore;
  readonly signal: AbortSignal;
}

/**
 * Makes an empty place a copy of this repository, or checks that it is one.
 *
 * @throws E_REPOSITORY_EXISTS if it is another repository, E_FOREIGN_REPOSITORY if it holds other things,
 * E_DAMAGED if one of the two was changed
 */
export async function claimPlace({ from, to, signal }: Stores): Promise<{ readonly isNew: boolean }> {
  const ours = await from.get(REPOSITORY_FILE, { signal });
  if (await isCopyOf(ours, to, signal)) return { isNew: false };
  await refuseTakenPlace(to, signal);
  try {
    const { isNew } = await putCompared(to, REPOSITORY_FILE, ours, { signal });
    return { isNew };
  } catch (error) {
    // Somebody else made it another repository at the same time.
    if (isHoldfastError(error, 'E_DAMAGED')) await isCopyOf(ours, to, signal);
    throw error;
  }
}

/** False if nothing is there. @throws E_REPOSITORY_EXISTS, E_DAMAGED */
async function isCopyOf(ours: Uint8Array, to: ObjectStore, signal: AbortSignal): Promise<boolean> {
  const theirs = await getIfThere(REPOSITORY_FILE, to, signal);
  if (!theirs) return false;
  if (Buffer.compare(theirs, ours) === 0) return true;
  const { id } = parseRepositoryFile(ours);
  const other = parseRepositoryFile(theirs);
  if (other.id !== id)
    throw new HoldfastError(
      'E_REPOSITORY_EXISTS',
      `${to.location} is another repository (${other.id}), but this one is ${id}`,
      { hint: 'Copy to an empty folder or prefix. Two repositories can never share a place.' },
    );
  throw new HoldfastError('E_DAMAGED', `${REPOSITORY_FILE} in ${to.location} differs from the one here`, {
    hint: 'One of the two was changed: `holdfast verify`, run with each place as --repository, says which.',
  });
}

/**
 * Copies every object below `keys/`, so that the newest key opens what is copied; everything that is wrapped
 * to recovery keys; and `repository-2.json`.
 *
 * @returns how many were missing. @throws E_DAMAGED
 */
export async function carryKeys({ from, to, signal }: Stores): Promise<number> {
  let put = 0;
  for await (const { key } of from.list(KEYS_PREFIX, { signal }))
    if ((await putCompared(to, key, await from.get(key, { signal }), { signal })).isNew) put++;
  return put + (await carryUpgrade({ from, to, signal })) + (await carryWraps({ from, to, signal }));
}

/** So that a place that takes over continues in the same format. An existing one is kept. */
async function carryUpgrade({ from, to, signal }: Stores): Promise<number> {
  const bytes = await getIfThere(UPGRADE_FILE, from, signal);
  return bytes && (await putIfAbsent(UPGRADE_FILE, bytes, to, { signal })) ? 1 : 0;
}

/** An existing one is kept: wrapping again gives other bytes, which open the same. */
async function carryWraps({ from, to, signal }: Stores): Promise<number> {
  const missing: string[] = [];
  const there = new Set<string>();
  for await (const { key } of to.list(RECOVERY_WRAPS, { signal })) there.add(key);
  for await (const { key } of from.list(RECOVERY_WRAPS, { signal }))
    if (isRecoveryWrapName(key) && !there.has(key)) missing.push(key);
  await parallel(missing, { most: WRAPS_AT_ONCE, signal }, async (key) => {
    await carryWrap(key, { from, to, signal });
  });
  return missing.length;
}

/** It does not matter if one was removed meanwhile, or if another copy was faster. */
async function carryWrap(key: string, { from, to, signal }: Stores): Promise<void> {
  try {
    const bytes = await from.get(key, { signal });
    await to.put(key, bytes, { signal });
    await compareObject(to, key, { sizeBytes: bytes.length, sha256: sha256Of(bytes) }, signal);
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_EXISTS') && !isHoldfastError(error, 'E_OBJECT_NOT_FOUND'))
      throw error;
  }
}

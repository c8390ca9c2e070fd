import { randomBytes } from 'node:crypto';
import { EXPIRED } from '../../format/expired.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

const PREFIX = `${EXPIRED}sweep_`;

/**
 * Leaves a mark while `work` runs, which says that a prune is removing packs. Copies to this place list
 * nothing meanwhile: the prune may have seen a pack that another prune has removed since, and that the copy
 * has stored again.
 */
export async function whileSweeping<T>(
  store: ObjectStore,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const key = PREFIX + randomBytes(8).toString('hex');
  await store.put(key, Buffer.from('sweep\n'), { signal });
  try {
    return await work();
  } finally {
    await store.delete(key);
  }
}

/** Marks of prunes that are removing packs, or were killed while doing so. @throws E_STORE_* */
export function sweepMarks(store: ObjectStore, signal: AbortSignal): Promise<readonly ObjectInfo[]> {
  return Array.fromAsync(store.list(PREFIX, { signal }));
}

/** Whether a killed prune left it: none removes packs for this long. */
export function isAbandonedSweep({ key, modifiedAt }: ObjectInfo, now: Date, graceMs: number): boolean {
  return key.startsWith(PREFIX) && now.getTime() - modifiedAt.getTime() >= graceMs;
}

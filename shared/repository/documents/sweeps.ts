import { randomBytes } from 'node:crypto';
import { EXPIRED } from '../../format/expired.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

const PREFIX = `${EXPIRED}sweep_`;

/**
 * Says that a prune is removing packs, for as long as `work` takes. Whoever copies to this place lists nothing meanwhile: the prune may have
 * seen a pack that another has removed since, and that the copy has stored again.
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

/** Marks of prunes that are removing packs, or were killed while they did. @throws E_STORE_* */
export function sweepMarks(store: ObjectStore, signal: AbortSignal): Promise<readonly ObjectInfo[]> {
  return Array.fromAsync(store.list(PREFIX, { signal }));
}

/** Whether it was left by a prune that was killed: none removes anything for so long. */
export function isAbandonedSweep({ key, modifiedAt }: ObjectInfo, now: Date, graceMs: number): boolean {
  return key.startsWith(PREFIX) && now.getTime() - modifiedAt.getTime() >= graceMs;
}

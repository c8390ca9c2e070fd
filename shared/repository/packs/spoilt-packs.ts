import { parallel } from '../../core/parallel.ts';
import { putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** Beside the manifests, so that the listing that every backup makes tells of it; no type of backup begins with `_`. */
const PREFIX = 'backups/_spoilt/';
const KEY = /^backups\/_spoilt\/([0-9a-f]{64})$/;
const PUTS_AT_ONCE = 8;

/** The id of the pack that a mark is of, undefined where the key is not a mark's. */
export function spoiltPackOf(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/**
 * Marks packs that are there and damaged: the next backup stores their chunks again and refers to them no more. A mark
 * is not authentic; whoever forges one makes a backup store more than it had to.
 *
 * @throws E_STORE_*
 */
export async function markSpoilt(
  store: ObjectStore,
  packs: readonly string[],
  { report, signal }: { readonly report: string; readonly signal: AbortSignal },
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify({ report })}\n`);
  await parallel(packs, { most: PUTS_AT_ONCE, signal }, async (pack) => {
    await putIfAbsent(PREFIX + pack, body, store, { signal });
  });
}

import { parallel } from '../../core/parallel.ts';
import { putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/**
 * Beside the manifests, so that the listing that every backup makes includes it; no backup type begins with
 * `_`.
 */
const PREFIX = 'backups/_spoilt/';
const KEY = /^backups\/_spoilt\/([0-9a-f]{64})$/;
const PUTS_AT_ONCE = 8;

/** The id of the pack that a mark is about; undefined if it is not the path of a mark. */
export function spoiltPackOf(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/**
 * Marks packs that exist but are damaged: the next backup stores their chunks again and no longer refers to
 * them. A mark is not authentic; a forged one makes a backup store more than necessary.
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

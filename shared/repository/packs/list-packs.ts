import { parallel } from '../../core/parallel.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

/** Pack ids are hashes, so each of these begins about as many. */
const FIRST_DIGITS = '0123456789abcdef';

/**
 * Lists everything below `data/`, in no order: with sixteen listings at once, as a store returns some
 * thousand names at a time. @throws E_STORE_*
 */
export function listPacks(
  store: ObjectStore,
  signal: AbortSignal,
  onPack: (info: ObjectInfo) => void,
): Promise<void> {
  const most = FIRST_DIGITS.length;
  return parallel(FIRST_DIGITS, { most, signal }, async (digit, stop) => {
    for await (const info of store.list(`data/${digit}`, { signal: stop })) onPack(info);
  });
}

import { parallel } from '../../core/parallel.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

/** Their names are hashes: with each of these about as many begin. */
const FIRST_DIGITS = '0123456789abcdef';

/** Gives all below `data/`, in no order: by sixteen listings at once, as a store names some thousand at a time. @throws E_STORE_* */
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

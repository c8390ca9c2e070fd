import { parallel } from '../core/parallel.ts';
import { headIfThere } from './if-there.ts';
import type { ObjectStore } from './object-store.ts';

/** Objects to ask for at once. */
const ASKED_AT_ONCE = 8;

/**
 * Sizes of the `keys` that exist, all below `prefix`: from a listing, and by asking for each key that it
 * lacks, as the listings of some stores lag behind.
 */
export async function sizesOf(
  keys: readonly string[],
  {
    store,
    prefix,
    signal,
  }: { readonly store: ObjectStore; readonly prefix: string; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list(prefix, { signal })) sizes.set(key, sizeBytes);
  const unseen = keys.filter((key) => !sizes.has(key));
  await parallel(unseen, { most: ASKED_AT_ONCE, signal }, async (key) => {
    const size = await sizeOf(key, store, signal);
    if (size !== undefined) sizes.set(key, size);
  });
  return sizes;
}

/** Undefined if the object does not exist. */
export async function sizeOf(
  key: string,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<number | undefined> {
  return (await headIfThere(key, store, signal))?.sizeBytes;
}

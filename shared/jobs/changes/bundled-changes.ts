import { parseChangeBundle } from '../../format/change-bundle.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import { getIfThere } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { BundledChange, StoredChange } from './stored-change.ts';

/**
 * Those objects whose segments are in their bundles, byte for byte. Names are not trusted: who may store a bundle must not be able to have
 * segments removed by it. One bundle is in memory.
 *
 * @throws E_STORE_*, E_ABORTED
 */
export async function sameInBundles(
  store: ObjectStore,
  bundled: readonly BundledChange[],
  signal: AbortSignal,
): Promise<readonly StoredChange[]> {
  const same: StoredChange[] = [];
  for (const ofBundle of Map.groupBy(bundled, ({ bundle }) => bundle.key).values()) {
    const [{ bundle } = { bundle: undefined }] = ofBundle;
    const body = bundle && (await segmentsOf(store, bundle, signal));
    if (!body) continue;
    for (const { change } of ofBundle) {
      const own = await segmentsOf(store, change, signal);
      const there = Buffer.concat(numbersOf(change).map((number) => body.get(number) ?? Buffer.alloc(0)));
      const here = own && Buffer.concat([...own.values()]);
      if (here && here.length > 0 && here.equals(there)) same.push(change);
    }
  }
  return same;
}

function numbersOf({ number, first = number }: StoredChange): readonly number[] {
  return Array.from({ length: number - first + 1 }, (_, i) => first + i);
}

/** Bytes by number, the oldest first; undefined if it is gone, or is no bundle. */
async function segmentsOf(
  store: ObjectStore,
  { key, number, first, bytes: sizeBytes }: StoredChange,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Uint8Array> | undefined> {
  const body = await getIfThere(key, store, signal);
  if (!body) return undefined;
  if (first === undefined) return new Map([[number, body]]);
  try {
    const segments = parseChangeBundle(body, { key, first, last: number, sizeBytes });
    return new Map(
      segments.map(({ number: one, offsetBytes, lengthBytes }) => [
        one,
        body.subarray(offsetBytes, offsetBytes + lengthBytes),
      ]),
    );
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

import { throwIfAborted } from './abort.ts';

/**
 * Calls `work` on every item, up to `most` at once, in order. If one fails, no more are begun, the ones in
 * progress are told to stop by their signal and awaited, and the first failure is thrown.
 *
 * @throws E_ABORTED if the signal is aborted before all were begun
 */
export async function parallel<T>(
  items: Iterable<T>,
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const stop = new AbortController();
  const stopping = AbortSignal.any([signal, stop.signal]);
  const lane = async (): Promise<void> => {
    for (let next = iterator.next(); !next.done && failures.length === 0; next = iterator.next()) {
      try {
        throwIfAborted(signal);
        await work(next.value, stopping);
      } catch (error) {
        failures.push(error);
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: most }, lane));
  if (failures.length > 0) throw failures[0];
}

/** How many items that are held in memory whole may exist at once: at least one, and at most `most`. */
export function mostInMemory(
  sizes: readonly { readonly bytes: number }[],
  { most, memoryBytes }: { readonly most: number; readonly memoryBytes: number },
): number {
  const largest = sizes.reduce((max, { bytes }) => Math.max(max, bytes), 1);
  return Math.max(1, Math.min(most, Math.floor(memoryBytes / largest)));
}

import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import { DAY_MS } from '../core/units.ts';
import { EXPIRED } from '../format/expired.ts';
import type { ObjectInfo, ObjectStore } from '../store/object-store.ts';

/** What is left of these, prune removes. */
export const CLOCK_PREFIX = `${EXPIRED}clock_`;
/** Reading the clock never takes this long. */
const ABANDONED_MS = DAY_MS;

/** The store's time: when it stored a small object, which is removed again. @throws E_STORE_* */
export async function readStoreClock(store: ObjectStore, signal: AbortSignal): Promise<Date> {
  const key = CLOCK_PREFIX + randomBytes(8).toString('hex');
  await store.put(key, Buffer.from('clock\n'), { signal });
  try {
    // Listed rather than asked for: stores date listings more finely, and ages are taken from listings.
    for await (const { modifiedAt } of store.list(key, { signal })) return modifiedAt;
    throw new HoldfastError('E_STORE_UNAVAILABLE', `${store.location} does not list what was just stored`);
  } finally {
    await store.delete(key);
  }
}

/** Whether somebody left it who was stopped while reading the clock. */
export function isAbandonedClock({ key, modifiedAt }: ObjectInfo, now: Date): boolean {
  return key.startsWith(CLOCK_PREFIX) && now.getTime() - modifiedAt.getTime() > ABANDONED_MS;
}

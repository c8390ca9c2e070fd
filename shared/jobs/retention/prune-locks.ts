import { isHoldfastError } from '../../core/errors.ts';
import { parsePackId } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import { packKey } from '../../format/pack.ts';
import type { ObjectLocks } from '../../store/object-locks.ts';
import type { LockEnd, PrunePlan } from './prune-plan.ts';

/** Objects asked for at once. */
const AT_ONCE = 8;

/** What a plan would remove, apart from changes. @param isAll keys and copies too */
export function objectsThatGo(
  { expire, sweep, unwrap, forget }: PrunePlan,
  isAll: boolean,
): readonly string[] {
  const packs = sweep.map(({ id }) => packKey(parsePackId(id)));
  return [...expire, ...packs, ...(isAll ? [...unwrap, ...forget] : [])];
}

/** Which of the objects that a plan would remove are locked. */
export async function readLocked(
  locks: ObjectLocks,
  objects: readonly string[],
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, LockEnd>> {
  const locked = new Map<string, LockEnd>();
  await parallel(objects, { most: AT_ONCE, signal }, async (object, stop) => {
    try {
      const found = await locks.retention(object, stop);
      if (found && found.until > now) locked.set(object, found.until);
      else if (await locks.isHeld(object, stop)) locked.set(object, 'legal hold');
    } catch (error) {
      // Another prune has removed it.
      if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
    }
  });
  return locked;
}

import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { parallel } from '../../core/parallel.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectLocks } from '../../store/object-locks.ts';
import { readLockInventory } from './lock-inventory.ts';

const AT_ONCE = 32;
/** Where legal holds are put. */
const LOCKED = ['repository.json', 'keys/', 'recovery/', 'backups/', 'data/', 'reports/'];

/** Legal holds that were taken off. */
export interface EndHoldsResult {
  /** Number of objects that were checked: all. */
  readonly objects: number;
  /** Number of those whose legal hold was removed; in a dry run, would be. */
  readonly ended: number;
}

/**
 * Removes legal holds from objects that no held backup needs. Reports say what is held, and only count if the
 * key proves them: so it needs the key, and a forged hold ends here.
 *
 * @throws E_NO_KEY, E_DAMAGED if a hold or a manifest cannot be read: it may concern any backup; E_STORE_*,
 * E_CONFIG
 */
export async function endHolds(
  repository: Repository,
  locks: ObjectLocks,
  { isDryRun, signal }: { readonly isDryRun: boolean; readonly signal: AbortSignal },
): Promise<EndHoldsResult> {
  repository.context.keys.provider();
  const { view, unread } = await readLockInventory(repository, signal);
  const { unreadHolds } = await repository.marks(signal);
  refuseUnread([...unreadHolds, ...unread]);
  const held = view.backups.filter(({ retention }) => retention.hold !== undefined);
  const needed = new Set(held.length > 0 ? view.common : []);
  for (const { retention, needs } of held) {
    needed.add(retention.key);
    for (const key of needs) needed.add(key);
  }
  const objects: string[] = [];
  for (const prefix of LOCKED)
    for await (const { key } of repository.store.list(prefix, { signal })) objects.push(key);
  let ended = 0;
  await parallel(objects, { most: AT_ONCE, signal }, async (key, stop) => {
    if (needed.has(key) || !(await isHeldStill(locks, key, stop))) return;
    if (!isDryRun) await locks.setHold(key, false, stop);
    ended++;
  });
  return { objects: objects.length, ended };
}

async function isHeldStill(locks: ObjectLocks, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    return await locks.isHeld(key, signal);
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return false;
    throw error;
  }
}

function refuseUnread(objects: readonly string[]): void {
  const [first] = objects;
  if (first === undefined) return;
  throw new HoldfastError(
    'E_DAMAGED',
    `${objects.length === 1 ? first : `${first} and ${objects.length - 1} more`} cannot be trusted, so any object may be held; no legal hold was removed`,
    {
      hint: 'Restore it from a copy or an older version, or put it aside (`holdfast quarantine`); then run this again.',
    },
  );
}

import type { LockSettings } from '../../config/lock.ts';
import { SECOND_MS } from '../../core/units.ts';
import { changesFolder } from '../../format/change-keys.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { type MomentRule, readChanges } from '../changes/prune-changes.ts';
import type { LockNeed } from './lock-plan.ts';

/**
 * Until when the objects of change segments must stay: as long as moments in them can be restored. Of sources without a rule none is
 * locked.
 *
 * @throws E_STORE_*
 */
export async function changeNeeds(
  store: ObjectStore,
  {
    moments,
    lock,
    now,
    signal,
  }: {
    readonly moments: readonly MomentRule[];
    readonly lock: LockSettings;
    readonly now: Date;
    readonly signal: AbortSignal;
  },
): Promise<readonly LockNeed[]> {
  if (moments.length === 0) return [];
  const keepOf = new Map(moments.map(({ source, keepMs }) => [changesFolder(source), keepMs]));
  const needs: LockNeed[] = [];
  for (const { key, folder, storedAt } of await readChanges(store, signal)) {
    const keepMs = keepOf.get(folder);
    if (keepMs === undefined) continue;
    const end = Math.min(storedAt.getTime() + keepMs, now.getTime() + lock.mostMs);
    // Stores keep whole seconds.
    const until = new Date(Math.ceil(end / SECOND_MS) * SECOND_MS);
    if (until > now) needs.push({ key, until, lockUntil: until, isHeld: false });
  }
  return needs;
}

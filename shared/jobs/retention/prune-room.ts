import type { PreparedPrune } from './prune.ts';
import { type PruneInventory, type PrunePlan, type PruneRules, planPrune } from './prune-plan.ts';

/**
 * Bytes of all stored packs, by what happens to them. `kept`, `held`, `later` and `now` add up to `stored`.
 */
export interface PruneRoom {
  readonly stored: number;
  /** Retention keeps them, or they are too young to be judged. */
  readonly kept: number;
  /** They stay only because of a hold or a lock. */
  readonly held: number;
  /** A later prune removes them, once their grace is over. */
  readonly later: number;
  /** The next prune removes them. */
  readonly now: number;
}

/** Pure. A pack that several backups need counts once, and stays as long as one of them does. */
export function roomOf({ plan, view }: Pick<PreparedPrune, 'plan' | 'view'>, rules: PruneRules): PruneRoom {
  const stored = view.packs.reduce((sum, { bytes }) => sum + bytes, 0);
  const stays = stored - goes(plan);
  const held = Math.max(0, goes(planPrune(withoutHolds(view), rules)) - goes(plan));
  return {
    stored,
    kept: stays - held,
    held,
    later: plan.waitingBytes,
    now: sweptBytes(plan),
  };
}

function goes(plan: PrunePlan): number {
  return sweptBytes(plan) + plan.waitingBytes;
}

/** Bytes of packs that the plan would remove. */
export function sweptBytes({ sweep }: PrunePlan): number {
  return sweep.reduce((sum, { bytes }) => sum + bytes, 0);
}

function withoutHolds(view: PruneInventory): PruneInventory {
  return {
    ...view,
    backups: view.backups.map((backup) => ({ ...backup, hold: undefined })),
    unreadHolds: [],
    isHeld: () => false,
    locked: new Map(),
  };
}

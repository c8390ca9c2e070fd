import * as z from 'zod';
import { DAY_MS } from '../core/units.ts';
import type { RetentionPolicy } from './retention.ts';

/** `governance`: who has a right of its own for it may lift a lock. `compliance`: nobody may, the account's root neither. */
export const LOCK_MODES = ['governance', 'compliance'] as const;
export type LockMode = (typeof LOCK_MODES)[number];

const MOST_DAYS = 36_500;
/** What retention keeps without an end is locked so far ahead at most. */
export const OPEN_LOCK_DAYS = 30;

export const LockConfig = z.strictObject({
  mode: z.enum(LOCK_MODES),
  /** No lock is made that ends later than so many days from now, and a week. */
  mostDays: z.number().int().min(1).max(MOST_DAYS).optional(),
});

/** How stored objects are locked against everybody. */
export interface LockSettings {
  readonly mode: LockMode;
  /** No backup is locked for longer, counted from now. */
  readonly mostMs: number;
}

/** @returns undefined where nothing is to be locked */
export function resolveLock(
  config: z.infer<typeof LockConfig> | undefined,
  { days }: RetentionPolicy,
): LockSettings | undefined {
  if (!config) return undefined;
  const longest = Math.max(OPEN_LOCK_DAYS, ...Object.values(days));
  return { mode: config.mode, mostMs: (config.mostDays ?? longest) * DAY_MS };
}

import * as z from 'zod';
import { DAY_MS } from '../core/units.ts';
import type { RetentionPolicy } from './retention.ts';

/**
 * `governance`: somebody with a special permission may lift a lock. `compliance`: nobody may, not even the
 * account's root.
 */
export const LOCK_MODES = ['governance', 'compliance'] as const;
/** How a lock binds: for those without a special right, or for all. */
export type LockMode = (typeof LOCK_MODES)[number];

const MOST_DAYS = 36_500;
/** Backups that retention keeps forever are locked at most this far ahead. */
export const OPEN_LOCK_DAYS = 30;

/** `lock` of the configuration. */
export const LockConfig = z.strictObject({
  mode: z.enum(LOCK_MODES),
  /** No lock ends later than this many days, and a week, from now. */
  mostDays: z.number().int().min(1).max(MOST_DAYS).optional(),
});

/** How stored objects are locked against removal. */
export interface LockSettings {
  readonly mode: LockMode;
  /** No backup is locked for longer, counted from now. */
  readonly mostMs: number;
}

/** @returns undefined if nothing is to be locked */
export function resolveLock(
  config: z.infer<typeof LockConfig> | undefined,
  { days }: RetentionPolicy,
): LockSettings | undefined {
  if (!config) return undefined;
  const longest = Math.max(OPEN_LOCK_DAYS, ...Object.values(days));
  return { mode: config.mode, mostMs: (config.mostDays ?? longest) * DAY_MS };
}

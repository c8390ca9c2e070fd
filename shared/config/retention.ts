import * as z from 'zod';
import { DAY_MS } from '../core/units.ts';

/** Periods that counts apply to, shortest first; `last` counts backups themselves. */
export const COUNT_NAMES = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
/** A unit that backups are counted by, such as `monthly`. */
export type CountName = (typeof COUNT_NAMES)[number];

const MOST_DAYS = 36_500;
const MOST_COUNT = 100_000;
const DEFAULT_DAYS = { daily: 30, weekly: 84, manual: 365 };
const DEFAULT_GRACE_DAYS = 7;
const DEFAULT_MAX_SHARE_PERCENT = 40;
/** Stands for every type without days of its own. It never covers `manual`, unless that is named. */
const ANY_TYPE = '*';

const count = z.number().int().min(1).max(MOST_COUNT).optional();

/** Days that backups are kept, by type; 0: only `keep` keeps them. */
export const RetentionConfig = z.record(
  z
    .string()
    .regex(/^([a-z][a-z0-9-]{0,31}|\*)$/, "a type has 1 to 32 of a-z, 0-9 and '-', or is '*' for all others"),
  z.number().int().min(0).max(MOST_DAYS),
);

/** How many backups of each source to keep, whatever their age. */
export const KeepConfig = z.strictObject({
  last: count,
  hourly: count,
  daily: count,
  weekly: count,
  monthly: count,
  yearly: count,
});

/** `prune` of the configuration. */
export const PruneConfig = z.strictObject({
  /** Longer than twice the longest run. The same everywhere that backs up to or prunes the repository. */
  graceDays: z.number().int().min(1).max(365).optional(),
  /** Largest share of the backups, or of the bytes, that one run removes. */
  maxSharePercent: z.number().min(1).max(100).optional(),
  /** Removes at once. Loses backups that are being made at the same time. */
  unsafeNoGrace: z.boolean().optional(),
});

/** What retention goes by. */
export interface RetentionPolicy {
  /**
   * By type; `*` stands for types that are not named. A type that is not covered is kept forever. 0: only
   * counts keep it.
   */
  readonly days: Readonly<Record<string, number>>;
  readonly counts: Readonly<Partial<Record<CountName, number | undefined>>>;
}

/** What holds of every prune. */
export interface PruneSettings {
  /** 0: none. */
  readonly graceMs: number;
  /** 0 to 1. */
  readonly maxShare: number;
}

/** What holds unless the configuration says otherwise. */
export const DEFAULT_PRUNE: PruneSettings = {
  graceMs: DEFAULT_GRACE_DAYS * DAY_MS,
  maxShare: DEFAULT_MAX_SHARE_PERCENT / 100,
};

/** @param env days by type, which win over those in the file */
export function resolveRetention(
  days: z.infer<typeof RetentionConfig> | undefined,
  counts: z.infer<typeof KeepConfig> | undefined,
  env: Readonly<Record<string, number>>,
): RetentionPolicy {
  return { days: { ...DEFAULT_DAYS, ...days, ...env }, counts: counts ?? {} };
}

/** Problems with days and counts together: without a count, 0 days would keep nothing. */
export function retentionProblems({ days, counts }: RetentionPolicy, fileName: string): string[] {
  if (COUNT_NAMES.some((name) => counts[name] !== undefined)) return [];
  return Object.entries(days)
    .filter(([, ofType]) => ofType === 0)
    .map(
      ([type]) => `${fileName}: retention.${type} is 0, and keep has no count that would keep its backups`,
    );
}

/** The settings of a configuration, with their defaults. */
export function resolvePrune(config: z.infer<typeof PruneConfig> = {}): PruneSettings {
  const {
    graceDays = DEFAULT_GRACE_DAYS,
    maxSharePercent = DEFAULT_MAX_SHARE_PERCENT,
    unsafeNoGrace,
  } = config;
  return { graceMs: unsafeNoGrace ? 0 : graceDays * DAY_MS, maxShare: maxSharePercent / 100 };
}

/** Days to keep backups of a type; undefined: forever. */
export function daysOf({ days }: RetentionPolicy, type: string): number | undefined {
  return Object.hasOwn(days, type) ? days[type] : days[ANY_TYPE];
}

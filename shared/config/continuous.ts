import * as z from 'zod';
import { DAY_MS, MINUTE_MS, MiB, SECOND_MS } from '../core/units.ts';
import { ageOf, isAge } from './age.ts';

const age = z
  .string()
  .refine((text) => isAge(text) && ageOf(text) > 0, "give an age such as '12h' or '7d'")
  .optional();

const DEFAULT_EVERY_SECONDS = 60;
/** How long every moment can be restored, unless the configuration says otherwise. */
export const DEFAULT_KEEP_MS = 7 * DAY_MS;
const DEFAULT_IDLE_MS = DAY_MS;
const DEFAULT_HELD_MIB = 10 * 1024;
/** How far the stored changes may be behind, if polls are frequent enough; otherwise `RPO_POLLS` polls. */
const DEFAULT_RPO_MS = 5 * MINUTE_MS;
const RPO_POLLS = 3;
/** A segment without changes is not put off longer: it says up to when nothing was missed. */
const MOST_IDLE_MS = 15 * MINUTE_MS;

/** `continuous` of a source. */
export const ContinuousConfig = z
  .strictObject({
    /** How often its changes are read. */
    everySeconds: z.number().int().min(1).max(3600).optional(),
    /** How far the stored changes may be behind: the recovery point objective of moments. */
    rpo: age,
    /** How long every moment can be restored; older ones only as backups. */
    keep: age,
    /** How much of its log the server may hold for us at most, before a watchdog lets go of it. */
    mostHeldMiB: z.number().int().min(16).max(16_777_216).optional(),
    /** How long nobody may have read, before a watchdog lets go of it. */
    mostIdle: age,
  })
  .refine((given) => isLongEnough(given), {
    error: 'give at least three times everySeconds: a poll may find nothing, and the next one may be late',
    path: ['rpo'],
  });

/** How the changes of a source are backed up. */
export interface ContinuousSettings {
  readonly everyMs: number;
  /** What was committed longer ago than this should be stored. */
  readonly rpoMs: number;
  /** How long a poll may put off a segment without changes: the objective is kept also while nothing changes. */
  readonly idleMs: number;
  readonly keepMs: number;
  readonly mostHeldBytes: number;
  readonly mostIdleMs: number;
}

/** The settings of a source, with their defaults. */
export function resolveContinuous(config: z.infer<typeof ContinuousConfig> = {}): ContinuousSettings {
  const {
    everySeconds = DEFAULT_EVERY_SECONDS,
    rpo,
    keep,
    mostHeldMiB = DEFAULT_HELD_MIB,
    mostIdle,
  } = config;
  const everyMs = everySeconds * SECOND_MS;
  const rpoMs = rpo === undefined ? Math.max(DEFAULT_RPO_MS, RPO_POLLS * everyMs) : ageOf(rpo);
  return {
    everyMs,
    rpoMs,
    idleMs: Math.min(MOST_IDLE_MS, rpoMs - (RPO_POLLS - 1) * everyMs),
    keepMs: keep === undefined ? DEFAULT_KEEP_MS : ageOf(keep),
    mostHeldBytes: mostHeldMiB * MiB,
    mostIdleMs: mostIdle === undefined ? DEFAULT_IDLE_MS : ageOf(mostIdle),
  };
}

/** An age that is none has its own problem. */
function isLongEnough({
  everySeconds = DEFAULT_EVERY_SECONDS,
  rpo,
}: {
  readonly everySeconds?: number | undefined;
  readonly rpo?: string | undefined;
}): boolean {
  return rpo === undefined || !isAge(rpo) || ageOf(rpo) >= RPO_POLLS * everySeconds * SECOND_MS;
}

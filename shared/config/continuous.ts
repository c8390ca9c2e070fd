import * as z from 'zod';
import { DAY_MS, MiB, SECOND_MS } from '../core/units.ts';
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

/** `continuous` of a source. */
export const ContinuousConfig = z.strictObject({
  /** How often its changes are read. */
  everySeconds: z.number().int().min(1).max(3600).optional(),
  /** How long every moment can be restored; older ones only as backups. */
  keep: age,
  /** How much of its log the server may hold for us at most, before a watchdog lets go of it. */
  mostHeldMiB: z.number().int().min(16).max(16_777_216).optional(),
  /** How long nobody may have read, before a watchdog lets go of it. */
  mostIdle: age,
});

/** How the changes of a source are backed up. */
export interface ContinuousSettings {
  readonly everyMs: number;
  readonly keepMs: number;
  readonly mostHeldBytes: number;
  readonly mostIdleMs: number;
}

/** The settings of a source, with their defaults. */
export function resolveContinuous(config: z.infer<typeof ContinuousConfig> = {}): ContinuousSettings {
  const { everySeconds = DEFAULT_EVERY_SECONDS, keep, mostHeldMiB = DEFAULT_HELD_MIB, mostIdle } = config;
  return {
    everyMs: everySeconds * SECOND_MS,
    keepMs: keep === undefined ? DEFAULT_KEEP_MS : ageOf(keep),
    mostHeldBytes: mostHeldMiB * MiB,
    mostIdleMs: mostIdle === undefined ? DEFAULT_IDLE_MS : ageOf(mostIdle),
  };
}

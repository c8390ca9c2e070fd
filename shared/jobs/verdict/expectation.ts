import type { ResolvedConfig } from '../../config/config.ts';
import type { Schedule } from '../../config/schedules.ts';
import { DAY_MS, HOUR_MS } from '../../core/units.ts';

/** How old the newest good backup of a source may be, and what says so. */
export interface Expectation {
  readonly ms: number;
  /**
   * - `rpo`: the source's own setting.
   * - `alarms`: `aws.alarms.backupAgeHours`.
   * - `schedule`: the shortest of its schedules, and a grace.
   * - `rhythm`: the usual interval of its backups so far.
   * - `assumed`: none of these is known.
   */
  readonly basis: 'rpo' | 'alarms' | 'schedule' | 'rhythm' | 'assumed';
}

/** A backup that begins when the next is due may still be in progress. */
export const GRACE_MS = 2 * HOUR_MS;
/** Without a schedule, and with too few backups to see a rhythm. */
export const ASSUMED_MS = 7 * DAY_MS;
const LONGEST_RHYTHM_MS = 31 * DAY_MS;
const SHORTEST_RHYTHM_MS = DAY_MS;
/** Intervals that a rhythm is taken from: the newest. */
const MOST_GAPS = 10;
/** From this many intervals on, the longest one counts as an exception. */
const EXCEPTION_FROM = 4;
const LEAST_GAPS = 2;

/** What says when a backup is due. */
export interface ExpectationInput {
  readonly name: string;
  readonly rpoMs?: number | undefined;
  readonly config: Pick<ResolvedConfig, 'aws'>;
  /**
   * Whether default schedules run too, as on AWS and within an application. Otherwise they count if there are
   * such backups.
   */
  readonly runsDefaults: boolean;
  /** Types of its backups. */
  readonly types: ReadonlySet<string>;
  /** When its backups began, newest first; imported ones are left out. */
  readonly starts: readonly Date[];
}

/** How old the newest good backup of a source may be. */
export function expectationOf(input: ExpectationInput): Expectation {
  const { rpoMs, config, starts } = input;
  const { alarms } = config.aws;
  if (rpoMs !== undefined) return { ms: rpoMs, basis: 'rpo' };
  if (alarms.setBackupAgeMs !== undefined) return { ms: alarms.setBackupAgeMs, basis: 'alarms' };
  const intervals = schedulesOf(input).map(([, { intervalMs }]) => intervalMs);
  if (intervals.length > 0) return { ms: Math.min(...intervals) + GRACE_MS, basis: 'schedule' };
  const rhythm = rhythmOf(starts);
  return rhythm === undefined
    ? { ms: ASSUMED_MS, basis: 'assumed' }
    : { ms: rhythm + GRACE_MS, basis: 'rhythm' };
}

/** The schedules that back up a source, by type. */
export function schedulesOf({
  name,
  config,
  runsDefaults,
  types,
}: Pick<ExpectationInput, 'name' | 'config' | 'runsDefaults' | 'types'>): readonly (readonly [
  type: string,
  schedule: Schedule,
])[] {
  return Object.entries(config.aws.schedules).filter(([type, { sources, isDefault }]) => {
    const isOf = sources === undefined || sources.includes(name);
    return isOf && (isDefault !== true || runsDefaults || types.has(type));
  });
}

/**
 * The longest of the last intervals except one, so that a single outage does not excuse the next; undefined
 * for fewer than three backups.
 */
export function rhythmOf(starts: readonly Date[]): number | undefined {
  const gaps = starts
    .slice(0, MOST_GAPS + 1)
    .flatMap((at, i, all) => (i === 0 ? [] : [(all[i - 1]?.getTime() ?? 0) - at.getTime()]))
    .toSorted((a, b) => b - a);
  if (gaps.length < LEAST_GAPS) return undefined;
  const usual = gaps[gaps.length >= EXCEPTION_FROM ? 1 : 0] ?? 0;
  return Math.min(LONGEST_RHYTHM_MS, Math.max(SHORTEST_RHYTHM_MS, usual));
}

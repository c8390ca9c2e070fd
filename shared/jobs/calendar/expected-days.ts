import type { RetentionPolicy } from '../../config/retention.ts';
import type { Schedule } from '../../config/schedules.ts';
import { DAY_MS, MINUTE_MS } from '../../core/units.ts';
import { GRACE_MS } from '../verdict/expectation.ts';
import { type DueTime, dueTimes } from './due-times.ts';
import { type Due, type Regular, regularDays } from './regular-days.ts';

/** An attempt to back up a source: a backup that is or was listed, or a run that made none. */
export interface Attempt {
  readonly type: string | null;
  readonly at: Date;
}

/** When backups were to be made. */
export interface ExpectationOfDays {
  /** By type: schedules that fire at known times. */
  readonly timed: Readonly<Record<string, Pick<Schedule, 'expression' | 'timeZone'>>>;
  /** For schedules without known times: the interval of backups, of one type or of all. */
  readonly regular: readonly Regular[];
  /** All attempts, in any order: backups that retention removed count too. */
  readonly attempts: readonly Attempt[];
  /** Whether a backup made at that time would still be known. */
  readonly isKnown: (type: string | null, at: number) => boolean;
}

/** The backups that a day should have had. */
export interface ExpectedDay {
  /** ISO, in UTC. */
  readonly date: string;
  readonly due: number;
  /** How many of these were not made, if it is known that they should have been. */
  readonly missed: number;
}

/** Days on which something was due. */
export interface ExpectedDays {
  /** The first day for which it is known what was expected; undefined if nothing is. */
  readonly since: string | undefined;
  readonly days: readonly ExpectedDay[];
}

/** A clock may be slightly ahead of the one that fires. */
const EARLY_MS = 10 * MINUTE_MS;

/**
 * Days on which backups were due, and how many of these were not made.
 *
 * Nobody has recorded since when a schedule applies. So each of its slots (Sundays at 02:00) counts from the
 * first backup that was made for it: earlier there may have been another schedule, and so no gap.
 */
export function expectedDays(
  { timed, regular, attempts, isKnown }: ExpectationOfDays,
  { from, now }: { readonly from: Date; readonly now: Date },
): ExpectedDays {
  const found = Object.entries(timed).flatMap(([type, schedule]) => {
    const times = dueTimes(schedule, { from, to: now }) ?? [];
    const starts = startsOf(attempts, type);
    return judged(times, starts, { now, isKnown: (at) => isKnown(type, at) });
  });
  const distant = regular.flatMap((one) =>
    regularDays(one, startsOf(attempts, one.type), { from, now }).map((day) => ({
      ...day,
      isJudged: day.isJudged && isKnown(one.type, day.at),
    })),
  );
  const all = [...found, ...distant];
  const first = all
    .filter(({ isJudged }) => isJudged)
    .reduce((least, { at }) => Math.min(least, at), Infinity);
  const byDate = Map.groupBy(all, ({ at }) => dateOf(at));
  return {
    since: Number.isFinite(first) ? dateOf(first) : undefined,
    days: [...byDate]
      .map(([date, due]) => ({
        date,
        due: due.length,
        missed: due.filter(({ isJudged, isKept }) => isJudged && !isKept).length,
      }))
      .toSorted((a, b) => (a.date < b.date ? -1 : 1)),
  };
}

function judged(
  times: readonly DueTime[],
  starts: readonly number[],
  { now, isKnown }: { readonly now: Date; readonly isKnown: (at: number) => boolean },
): Due[] {
  const held = new Set<string>();
  let next = 0;
  return times.map(({ at, slot }, i) => {
    const early = Math.min(EARLY_MS, (at - (times[i - 1]?.at ?? at - DAY_MS)) / 2);
    const following = times[i + 1]?.at;
    const end = following === undefined ? Infinity : following - Math.min(EARLY_MS, (following - at) / 2);
    while ((starts[next] ?? Infinity) < at - early) next++;
    const isKept = (starts[next] ?? Infinity) < end;
    if (isKept) held.add(slot);
    const isOver = now.getTime() > at + GRACE_MS;
    return { at, isKept, isJudged: isKept || (isOver && held.has(slot) && isKnown(at)) };
  });
}

/** @param type null: all types. Oldest first */
function startsOf(attempts: readonly Attempt[], type: string | null): number[] {
  return attempts
    .filter((one) => type === null || one.type === type)
    .map(({ at }) => at.getTime())
    .toSorted((a, b) => a - b);
}

/** The day of a moment, ISO, of UTC. */
export function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/**
 * How long a backup of its type certainly still exists: the days of retention. Nothing is known about types
 * that only counts keep.
 */
export function keptFor({ days }: RetentionPolicy, type: string | null): number {
  if (type === null) return Math.min(...Object.values(days).map((count) => count * DAY_MS));
  return (days[type] ?? days['*'] ?? Infinity) * DAY_MS;
}

import { DAY_MS } from '../../core/units.ts';
import { GRACE_MS } from '../verdict/expectation.ts';

/** Backups that come at an interval, without times of their own. */
export interface Regular {
  /** The type; null: any. */
  readonly type: string | null;
  readonly everyMs: number;
}

/** This many out of seven in a row make a rhythm: one failure, and a start in the middle, are allowed for. */
const MOST_BACKUPS = 4;
const OF = 7;

/**
 * When backups were due that come at an interval of at least a day: that long after the one before. The time
 * before the rhythm began is not judged: it may have been thinned out, or nobody had begun yet.
 *
 * @param starts oldest first
 */
export function regularDays(
  { everyMs }: Regular,
  starts: readonly number[],
  { from, now }: { readonly from: Date; readonly now: Date },
): Due[] {
  const distance = Math.max(everyMs, DAY_MS);
  const days = oneADay(starts);
  const began = rhythmBegins(days, distance);
  const dues: Due[] = days
    .filter((at) => at >= from.getTime())
    .map((at) => ({ at, isKept: true, isJudged: at >= began }));
  for (const [i, at] of days.entries()) {
    const next = days[i + 1] ?? now.getTime();
    // Up to half an interval before the next one, none is missing.
    const last = days[i + 1] === undefined ? next - GRACE_MS : next - distance / 2;
    for (let due = at + distance; due < last && at >= began; due += distance)
      if (due >= from.getTime()) dues.push({ at: due, isKept: false, isJudged: true });
  }
  return dues.toSorted((a, b) => a.at - b.at);
}

/** The first of each UTC day. */
function oneADay(starts: readonly number[]): number[] {
  const days = Map.groupBy(starts, (at) => Math.floor(at / DAY_MS));
  return [...days.values()].map(([first = 0]) => first);
}

/**
 * Requires that the second of the rhythm came at its interval: otherwise one that happened shortly before
 * would count as the first.
 */
function rhythmBegins(days: readonly number[], distance: number): number {
  const most = distance + distance / 2;
  const after = (i: number, later: number) => (days[i + later] ?? Infinity) - (days[i] ?? 0);
  const first = days.findIndex((_, i) => after(i, 1) <= most && after(i, MOST_BACKUPS - 1) < OF * distance);
  return days[first] ?? Infinity;
}

/** A backup that was due. */
export interface Due {
  readonly at: number;
  readonly isKept: boolean;
  /** Whether it is known that a backup was due, and whether one was made. */
  readonly isJudged: boolean;
}

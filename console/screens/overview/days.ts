import { DAY_MS } from '../../../shared/core/units.ts';
import type { AnswerOf } from '../../api/types.ts';

export type Storage = AnswerOf<'storage'>;
export type Day = Storage['days'][number];

export interface CalendarDay {
  /** ISO, of UTC. */
  readonly date: string;
  /** 0 is the oldest week. */
  readonly week: number;
  /** 0 is Monday. */
  readonly weekday: number;
  readonly backups: number;
  readonly newBytes: number;
  /** What became of it: the worst of the day; nothing if there was no backup, and no try. */
  readonly outcome: 'good' | 'suspect' | 'failed' | undefined;
  /** No backup, on a day after backups of every day have begun. */
  readonly isGap: boolean;
}

export const WEEKS = 53;

/** The last 53 weeks of one source, day by day, to the day of `now`. */
export function calendarOf(days: readonly Day[], now: Date): readonly CalendarDay[] {
  const byDate = new Map(days.map((day) => [day.date, day]));
  const since = dailySince(days);
  const today = now.toISOString().slice(0, 10);
  const todayMs = Date.parse(today);
  const weekday = (new Date(todayMs).getUTCDay() + 6) % 7;
  const count = (WEEKS - 1) * 7 + weekday + 1;
  return Array.from({ length: count }, (_, i) => {
    const date = new Date(todayMs - (count - 1 - i) * DAY_MS).toISOString().slice(0, 10);
    const day = byDate.get(date);
    const { backups = 0, newBytes = 0 } = day ?? {};
    const isGap = backups === 0 && date > since && date < today;
    return {
      date,
      week: Math.floor(i / 7),
      weekday: i % 7,
      backups,
      newBytes,
      isGap,
      outcome: day && outcomeOf(day),
    };
  });
}

/** A day on which one of several tries made a good backup is a good one. */
function outcomeOf({ backups, suspect, bad }: Day): CalendarDay['outcome'] {
  if (backups - suspect - bad > 0) return 'good';
  return suspect > 0 ? 'suspect' : 'failed';
}

/** So many days of seven make a week of daily backups: one that failed, and a week that began in the middle, count too. */
const MOST_DAYS = 4;

/**
 * When backups of every day begin: what is older was thinned out by retention, and lacks nothing. The day after the first has one
 * too: else a weekly backup shortly before would count as the first.
 *
 * @param days oldest first
 */
function dailySince(days: readonly Day[]): string {
  const daysAfter = (i: number, later: number) =>
    (Date.parse(days[later]?.date ?? '9999-01-01') - Date.parse(days[i]?.date ?? '')) / DAY_MS;
  const found = days.find((_, i) => daysAfter(i, i + 1) === 1 && daysAfter(i, i + MOST_DAYS - 1) < 7);
  return found?.date ?? '9999';
}

/** Days with backups by source, oldest first. */
export function daysBySource({ days }: Storage): ReadonlyMap<string, readonly Day[]> {
  return Map.groupBy(days, ({ source }) => JSON.stringify([source.kind, source.name]));
}

/** Sums from the first day on: what uPlot wants, times in seconds. */
export function growthOf({ days }: Storage): readonly [times: number[], logical: number[], stored: number[]] {
  const times: number[] = [];
  const logical: number[] = [];
  const stored: number[] = [];
  let logicalSum = 0;
  let storedSum = 0;
  for (const [date, ofDate] of Map.groupBy(days, (day) => day.date)) {
    for (const { plainBytes, newBytes } of ofDate) {
      logicalSum += plainBytes;
      storedSum += newBytes;
    }
    times.push(Date.parse(date) / 1000);
    logical.push(logicalSum);
    stored.push(storedSum);
  }
  return [times, logical, stored];
}

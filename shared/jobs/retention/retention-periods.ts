import { DAY_MS } from '../../core/units.ts';

type NameOf = (at: Date) => string;

/** The calendar period of a moment, in UTC; weeks are those of ISO 8601. */
export const PERIODS = {
  hourly: (at) => at.toISOString().slice(0, 13),
  daily: (at) => at.toISOString().slice(0, 10),
  weekly: isoWeek,
  monthly: (at) => at.toISOString().slice(0, 7),
  yearly: (at) => at.toISOString().slice(0, 4),
} as const satisfies Record<string, NameOf>;

/**
 * The first item of each of the `most` newest periods that have one.
 *
 * @param items of each period, the preferred first
 */
export function newestOfPeriods<T extends { readonly startedAt: Date }>(
  items: readonly T[],
  nameOf: NameOf,
  most: number,
): readonly { readonly item: T; readonly period: string }[] {
  const found = new Map<string, T>();
  for (const item of items) {
    const period = nameOf(item.startedAt);
    if (!found.has(period)) found.set(period, item);
  }
  const newestFirst = [...found].toSorted(([, a], [, b]) => b.startedAt.getTime() - a.startedAt.getTime());
  return newestFirst.slice(0, most).map(([period, item]) => ({ item, period }));
}

/** `2026-W09`: a week belongs to the year of its Thursday. */
function isoWeek(at: Date): string {
  const day = (at.getUTCDay() + 6) % 7;
  const thursday = new Date(at.getTime() + (3 - day) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const days = Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY_MS);
  return `${year}-W${String(1 + Math.floor(days / 7)).padStart(2, '0')}`;
}

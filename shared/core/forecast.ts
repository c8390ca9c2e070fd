import { DAY_MS, GiB } from './units.ts';

/** What a repository held on one day. */
export interface SizeOfDay {
  /** ISO, in UTC. */
  readonly date: string;
  /** Bytes in the repository at the end of that day. */
  readonly bytes: number;
}

/** How a repository grows, at the rate of the last days. */
export interface Forecast {
  /** First and last day that it is based on. */
  readonly from: string;
  readonly to: string;
  readonly days: number;
  /** Bytes stored at `to`. */
  readonly bytes: number;
  /** Growth between any two of these days: the median and the quartiles. Negative: it shrinks. */
  readonly bytesPerDay: number;
  readonly leastPerDay: number;
  readonly mostPerDay: number;
  /** Nothing further ahead is forecast. */
  readonly horizonDays: number;
}

/** A forecast uses only the last days, as growth changes. */
const WINDOW_DAYS = 92;
const LEAST_SPAN_DAYS = 14;
const LEAST_DAYS = 5;
/** How many times further ahead than back a forecast looks. */
const AHEAD = 4;
/** The number of pairs grows with the square of the days. */
const MOST_DAYS = 100;

/** What a forecast would need; a sentence without its full stop. */
export function whyNoForecast(sizes: readonly SizeOfDay[]): string {
  const { span, used } = windowOf(sizes);
  if (used.length < 2) return 'the sizes of at least two days are needed';
  return `sizes are known for ${used.length} days within ${Math.round(span)}: a forecast needs ${LEAST_DAYS} within ${LEAST_SPAN_DAYS} or more`;
}

/**
 * How stored bytes grow: the median of the slopes between any two days (Theil and Sen). One large backup, or
 * one prune, does not move it.
 *
 * @param sizes oldest first
 * @returns undefined for too few days
 */
export function forecastOf(sizes: readonly SizeOfDay[]): Forecast | undefined {
  const { used, span } = windowOf(sizes);
  const [first, last] = [used[0], used.at(-1)];
  if (!first || !last || used.length < LEAST_DAYS || span < LEAST_SPAN_DAYS) return undefined;
  const slopes = used
    .flatMap((one, i) => used.slice(i + 1).map((other) => (other.bytes - one.bytes) / (other.day - one.day)))
    .toSorted((a, b) => a - b);
  const at = (share: number) => slopes[Math.floor(share * (slopes.length - 1))] ?? 0;
  return {
    from: first.date,
    to: last.date,
    days: used.length,
    bytes: last.bytes,
    bytesPerDay: Math.round(at(0.5)),
    leastPerDay: Math.round(at(0.25)),
    mostPerDay: Math.round(at(0.75)),
    horizonDays: Math.floor(AHEAD * span),
  };
}

function windowOf(sizes: readonly SizeOfDay[]) {
  const days = sizes.map((size) => ({ ...size, day: Date.parse(size.date) / DAY_MS }));
  const last = days.at(-1)?.day ?? 0;
  const used = days.filter(({ day }) => last - day <= WINDOW_DAYS).slice(-MOST_DAYS);
  return { used, span: last - (used[0]?.day ?? last) };
}

/** When that much will be stored. `never`: not at this rate, or not within the horizon. */
export function whenReached(
  { to, bytes, bytesPerDay, horizonDays }: Forecast,
  wanted: number,
): Date | 'now' | 'never' {
  if (bytes >= wanted) return 'now';
  const days = (wanted - bytes) / bytesPerDay;
  return bytesPerDay > 0 && days <= horizonDays ? new Date(Date.parse(to) + days * DAY_MS) : 'never';
}

/** Bytes stored that many days later; undefined beyond the horizon. */
export function storedAfter({ bytes, bytesPerDay, horizonDays }: Forecast, days: number): number | undefined {
  return days > horizonDays ? undefined : Math.max(0, bytes + bytesPerDay * days);
}

/** What people look ahead to: the next round size, in the units that bills and charts have. */
export function nextRoundSize(bytes: number): number {
  for (let size = GiB; ; size *= 10)
    for (const times of [1, 2, 5]) if (times * size > bytes) return times * size;
}

/** What storing costs. */
export interface StoragePrice {
  /** For 1 GiB for a month: AWS bills GiB, and calls them GB. */
  readonly perGibMonth: number;
  /** ISO 4217. */
  readonly currency: string;
  /** What is priced, and since when. */
  readonly of: string;
}

/** The cost of storing that much for a month. */
export function monthlyCost(bytes: number, { perGibMonth }: StoragePrice): number {
  return (bytes / GiB) * perGibMonth;
}

import { storedAfter } from '../../../shared/core/forecast.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import type { Storage } from './days.ts';

/** The forecast takes this share of the chart. */
const AHEAD = 1 / 3;
const DAY_S = DAY_MS / 1000;

type Row = readonly (number | null)[];

/** Data for uPlot: times in seconds, what was stored, and the forecast, if there is one. */
export function sizesChart({
  sizes,
  forecast,
}: Storage): readonly [times: readonly number[], ...rows: Row[]] {
  const times = sizes.map(({ date }) => Date.parse(date) / 1000);
  const stored = sizes.map(({ bytes }) => bytes);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  if (!forecast) return [times, stored];
  const days = Math.floor(Math.min(forecast.horizonDays, ((last - first) / DAY_S) * AHEAD));
  const end = storedAfter(forecast, days);
  if (end === undefined || days < 1) return [times, stored];
  return [
    [...times, last + days * DAY_S],
    [...stored, null],
    [...stored.map((bytes, i) => (i === stored.length - 1 ? bytes : null)), end],
  ];
}

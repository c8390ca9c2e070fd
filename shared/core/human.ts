import { plural } from './plural.ts';
import { DAY_MS, GiB, HOUR_MS, KiB, MINUTE_MS, MiB, SECOND_MS } from './units.ts';

const TiB = 1024 * GiB;

/** `1.2 MiB`; below 1 KiB whole bytes. */
export function bytes(count: number): string {
  for (const [unit, name] of [
    [TiB, 'TiB'],
    [GiB, 'GiB'],
    [MiB, 'MiB'],
    [KiB, 'KiB'],
  ] as const) {
    if (count >= unit) return `${(count / unit).toFixed(count / unit < 10 ? 2 : 1)} ${name}`;
  }
  return `${Math.round(count)} B`;
}

/** `340 ms`, `12.3 s`, `4 min 05 s`, `3 h 07 min`. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ${two((ms % MINUTE_MS) / SECOND_MS)} s`;
  return `${Math.floor(ms / HOUR_MS)} h ${two((ms % HOUR_MS) / MINUTE_MS)} min`;
}

/** `90 minutes`, `26 hours`, `203 days`: hours up to three days, minutes up to two hours. */
export function span(ms: number): string {
  const [unit, name] =
    ms >= 3 * DAY_MS
      ? ([DAY_MS, 'day'] as const)
      : ms >= 2 * HOUR_MS
        ? ([HOUR_MS, 'hour'] as const)
        : ([MINUTE_MS, 'minute'] as const);
  return plural(Math.floor(ms / unit), name);
}

/** `3 hours ago`, in the larger unit; in hours up to two days, as a daily backup is late by the hour. */
export function age(then: Date, now: Date): string {
  const ms = Math.max(0, now.getTime() - then.getTime());
  const units = [
    { name: 'day', unit: DAY_MS, least: 2 },
    { name: 'hour', unit: HOUR_MS, least: 1 },
    { name: 'minute', unit: MINUTE_MS, least: 1 },
  ];
  for (const { name, unit, least } of units) {
    const count = Math.floor(ms / unit);
    if (count >= least) return `${count} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}

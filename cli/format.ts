import { ageOf, isAge } from '../shared/core/age.ts';
import { DAY_MS, GiB, HOUR_MS, KiB, MINUTE_MS, MiB, SECOND_MS } from '../shared/core/units.ts';
import { usage } from './command.ts';

export { number, plural } from '../shared/core/plural.ts';

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
  return `${count} B`;
}

/** `340 ms`, `12.3 s`, `4 min 05 s`, `3 h 07 min`. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${(ms / SECOND_MS).toFixed(1)} s`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ${two((ms % MINUTE_MS) / SECOND_MS)} s`;
  return `${Math.floor(ms / HOUR_MS)} h ${two((ms % HOUR_MS) / MINUTE_MS)} min`;
}

/** `3 hours ago`, by the larger unit. */
export function age(then: Date, now: Date): string {
  const ms = Math.max(0, now.getTime() - then.getTime());
  const units = [
    [DAY_MS, 'day'],
    [HOUR_MS, 'hour'],
    [MINUTE_MS, 'minute'],
  ] as const;
  for (const [unit, name] of units) {
    const count = Math.floor(ms / unit);
    if (count >= 1) return `${count} ${name}${count === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}

/** An age (`30m`, `12h`, `7d`) before `now`, or an ISO date or time. @throws E_USAGE */
export function parseSince(text: string, now: Date): Date {
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const at = new Date(isAge(text) ? now.getTime() - ageOf(text) : isIso ? text : Number.NaN);
  if (!Number.isNaN(at.getTime()) && at <= now) return at;
  throw usage(
    `--since is '${text}'; wanted is an age or a time that has passed`,
    'For example --since 7d, --since 12h, --since 2026-03-01 or --since 2026-03-01T02:00:00Z.',
  );
}

/** Local time with its zone: `2026-03-01 03:00:00 CET`. */
export function time(at: Date): string {
  const parts = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' }).format(at);
  const zone = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName');
  return `${parts} ${zone?.value ?? 'UTC'}`;
}

/** `12.3x`, and `-` where there is nothing to divide by. */
export function ratio(plain: number, stored: number): string {
  return stored > 0 ? `${(plain / stored).toFixed(plain / stored < 10 ? 2 : 1)}x` : '-';
}

/** Columns padded to their widest cell; those of numbers (all cells begin with a digit) flush right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const isNumeric = header.map(
    (_, i) =>
      rows.length > 0 && rows.every((row) => /^[\d-]/.test(row[i] ?? '') && !/^\d{4}-/.test(row[i] ?? '')),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [header, ...rows].map((row) => `${line(row)}\n`).join('');
}

/** `backup_daily_20260301_020000`: enough of a key to name it. */
export function shortKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
}

import { ageOf, isAge } from '../shared/config/age.ts';
import { backupName } from '../shared/core/backup-words.ts';
import { number } from '../shared/core/plural.ts';
import { MINUTE_MS } from '../shared/core/units.ts';
import { usage } from './command.ts';
import type { Screen, Styled } from './style.ts';
import { renderTable } from './table.ts';

export { age, bytes, duration } from '../shared/core/human.ts';
export { plural } from '../shared/core/plural.ts';
export { number };

/** An age (`30m`, `12h`, `7d`) before `now`, or an ISO date or time. @throws E_USAGE */
export function parseSince(text: string, now: Date): Date {
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const at = new Date(isAge(text) ? now.getTime() - ageOf(text) : isIso ? text : Number.NaN);
  if (!Number.isNaN(at.getTime()) && at <= now) return at;
  throw usage(
    `--since is '${text}'; give an age, or a time in the past`,
    'For example --since 7d, --since 12h, --since 2026-03-01 or --since 2026-03-01T02:00:00Z.',
  );
}

let zones: Intl.DateTimeFormat | undefined;

/**
 * Local time with its zone: `2026-03-01 03:00:00 CET`. Zone names are looked up only outside UTC: the first
 * takes 30 ms.
 */
export function time(at: Date): string {
  const ahead = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + ahead * MINUTE_MS).toISOString().slice(0, 19).replace('T', ' ');
  return `${local} ${ahead === 0 ? 'UTC' : zoneOf(at)}`;
}

function zoneOf(at: Date): string {
  zones ??= new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' });
  return zones.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? '';
}

/** A smaller difference is not worth mentioning. */
const ABOUT = 1.05;

/**
 * `12.3x smaller than the source`, `50.0x larger than the source`, `about as large as the source`; without
 * `what`, ends after the word. Undefined if either is zero.
 */
export function comparedSize(plain: number, stored: number, what = ''): string | undefined {
  if (plain === 0 || stored === 0) return undefined;
  const than = what && ` than ${what}`;
  if (plain >= stored * ABOUT) return `${ratio(plain, stored)} smaller${than}`;
  if (stored >= plain * ABOUT) return `${ratio(stored, plain)} larger${than}`;
  return `about as large${what && ` as ${what}`}`;
}

/** `12.3x`, and `-` if there is nothing to divide by. */
export function ratio(plain: number, stored: number): string {
  if (stored <= 0) return '-';
  const times = plain / stored;
  return `${times < 100 ? times.toFixed(times < 10 ? 2 : 1) : number(Math.round(times))}x`;
}

/**
 * For columns known only by their header: numbers are right-aligned, names cut if a terminal is
 * narrow.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  screen: Screen = ANYWHERE,
): Styled {
  const columns = header.map((title, i) => {
    const cells = rows.map((row) => row[i] ?? '');
    const isNumber = cells.length > 0 && cells.every((cell) => /^[\d-]/.test(cell) && !/^\d{4}-/.test(cell));
    const isLong = cells.some((cell) => cell.length > LONG) && !cells.some((cell) => /^backup_/.test(cell));
    return { title, isNumber, ...(isLong ? { least: LONG } : {}) };
  });
  return renderTable(columns, rows, screen);
}

const ANYWHERE: Screen = { width: undefined, hasColour: false };
/** Longer cells may be cut. */
const LONG = 12;

/** `daily_20260301_020000`: still fits only one backup. */
export function shortestKey(key: string): string {
  return backupName(key).replace(/^backup_/, '');
}

/** A text in lines of at most `width` characters; a longer word, such as a path, gets a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

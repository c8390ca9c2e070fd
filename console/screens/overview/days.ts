import { bytes } from '../../../shared/core/human.ts';
import { plural } from '../../../shared/core/plural.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import type { AnswerOf } from '../../api/types.ts';

/** What `GET /storage` answers. */
export type Storage = AnswerOf<'storage'>;
/** A day of it. */
export type Day = Storage['days'][number];
type SourceFigures = Storage['sources'][number];

/**
 * The result of a day, the best of it: if one of several tries made a good backup, the day is good.
 *
 * - `missing`: a backup was due, and none was made.
 * - `removed`: there was one, which retention has removed.
 * - `due`: one is due, and there is time left.
 * - `none`: none was due.
 * - `unknown`: nobody knows whether one was due.
 */
export type DayState = 'good' | 'suspect' | 'failed' | 'missing' | 'removed' | 'due' | 'none' | 'unknown';

/** A day in the calendar, and what is said of it. */
export interface DayCell {
  /** ISO, in UTC. */
  readonly date: string;
  /** 0 is the oldest week. */
  readonly week: number;
  /** 0 is Monday. */
  readonly weekday: number;
  readonly state: DayState;
  readonly day: Day | undefined;
}

/** Columns of the calendar. */
export const WEEKS = 53;

/** The last 53 weeks of one source, day by day, to the day of `now`. */
export function calendarOf(
  days: readonly Day[],
  { now, since }: { readonly now: Date; readonly since: string | null },
): readonly DayCell[] {
  const byDate = new Map(days.map((day) => [day.date, day]));
  const today = now.toISOString().slice(0, 10);
  const todayMs = Date.parse(today);
  const weekday = (new Date(todayMs).getUTCDay() + 6) % 7;
  const count = (WEEKS - 1) * 7 + weekday + 1;
  return Array.from({ length: count }, (_, i) => {
    const date = new Date(todayMs - (count - 1 - i) * DAY_MS).toISOString().slice(0, 10);
    const day = byDate.get(date);
    const state = stateOf(day, { isKnown: since !== null && date >= since, isToday: date === today });
    return { date, week: Math.floor(i / 7), weekday: i % 7, state, day };
  });
}

function stateOf(
  day: Day | undefined,
  { isKnown, isToday }: { readonly isKnown: boolean; readonly isToday: boolean },
): DayState {
  const { backups = 0, suspect = 0, bad = 0, failed = 0, missed = 0, removed = 0, due = 0 } = day ?? {};
  if (backups - suspect - bad > 0) return 'good';
  if (suspect > 0) return 'suspect';
  if (backups > 0) return 'failed';
  // One was made after all.
  if (removed > 0) return 'removed';
  if (failed > 0) return 'failed';
  if (missed > 0) return 'missing';
  if (due > 0) return isToday ? 'due' : 'unknown';
  return isKnown ? 'none' : 'unknown';
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });

/** A day in words: what the colour says, and more. */
export function describeDay({ date, state, day }: DayCell): string {
  return `${DATE.format(new Date(date))}: ${[...saidOf(state, day), ...missedOf(state, day)].join(', ')}`;
}

function saidOf(state: DayState, day: Day | undefined): string[] {
  const { backups = 0, newBytes = 0, failed = 0, removed = 0, bad = 0 } = day ?? {};
  const tries = failed > 0 ? [`${plural(failed, 'run')} failed`] : [];
  switch (state) {
    case 'good':
      return [plural(backups, 'backup'), `${bytes(newBytes)} new`, ...tries];
    case 'suspect':
      return [plural(backups, 'backup'), 'suspect', ...tries];
    case 'failed':
      return bad > 0 ? [`${plural(bad, 'backup')} damaged or misdated`, ...tries] : tries;
    case 'missing':
      return ['no backup was made'];
    case 'removed':
      return [`${plural(removed, 'backup')}, removed by retention`, ...tries];
    case 'due':
      return ['a backup is due'];
    case 'none':
      return ['no backup was due'];
    case 'unknown':
      return ['no backup; it is not known whether one was due'];
  }
}

function missedOf(state: DayState, day: Day | undefined): string[] {
  const { due = 0, missed = 0 } = day ?? {};
  if (missed === 0) return [];
  return state === 'missing' && due === 1 ? ['one was due'] : [`${missed} of ${due} due backups are missing`];
}

/** The year in one sentence. */
export function describeYear(cells: readonly DayCell[], basis: SourceFigures['basis']): string {
  const count = (...states: readonly DayState[]) =>
    cells.filter(({ state }) => states.includes(state)).length;
  const missing = count('missing');
  const failed = count('failed');
  return [
    `${plural(count('good', 'suspect'), 'day')} with backups`,
    ...(failed > 0 ? [`${number(failed)} failed`] : []),
    missing > 0 ? `${number(missing)} missing` : basis === 'none' ? 'no schedule is known' : 'none missing',
  ].join(', ');
}

function number(count: number): string {
  return count.toLocaleString('en');
}

/** Days by source, oldest first; includes sources that never had a backup. */
export function calendarsBySource({ sources, days }: Storage): readonly {
  readonly source: SourceFigures;
  readonly days: readonly Day[];
}[] {
  const idOf = ({ kind, name }: Day['source']) => JSON.stringify([kind, name]);
  const byId = Map.groupBy(days, ({ source }) => idOf(source));
  return sources.map((source) => ({ source, days: byId.get(idOf(source.source)) ?? [] }));
}

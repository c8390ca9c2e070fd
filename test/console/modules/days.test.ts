import { describe, expect, it } from 'vitest';
import { calendarOf, type Day, WEEKS } from '../../../console/screens/overview/days.ts';
import { DAY_MS } from '../../../shared/core/units.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
const DAILY_DAYS = 60;

function day(ago: number): Day {
  const date = new Date(NOW.getTime() - ago * DAY_MS).toISOString().slice(0, 10);
  const source = { kind: 'postgres', name: 'shop' };
  return { date, source, backups: 1, plainBytes: 1000, newBytes: 100, suspect: 0, bad: 0, failed: 0 };
}

/** One a week, on a weekday, until backups of each day begin; oldest first. */
function yearOf(weekday: number, missed: readonly number[] = []): Day[] {
  const agos = Array.from({ length: 360 }, (_, i) => 360 - i);
  const isWeekly = (ago: number) => new Date(day(ago).date).getUTCDay() === weekday;
  return agos.filter((ago) => (ago < DAILY_DAYS || isWeekly(ago)) && !missed.includes(ago)).map(day);
}

const gapsOf = (days: readonly Day[]) => calendarOf(days, NOW).filter(({ isGap }) => isGap);

describe('a calendar', () => {
  it('ends today, on its weekday', () => {
    const cells = calendarOf(yearOf(0), NOW);
    expect(cells.at(-1)).toMatchObject({ date: '2026-11-27', week: WEEKS - 1, weekday: 4, isGap: false });
    expect(cells[0]).toMatchObject({ week: 0, weekday: 0 });
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'has no gap where backups of each day begin after weekly ones, on day %i',
    (weekday) => {
      expect(gapsOf(yearOf(weekday))).toEqual([]);
    },
  );

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'has the days that were missed since, whatever weekly ones there were on day %i',
    (weekday) => {
      expect(gapsOf(yearOf(weekday, [41, 40, 12])).map(({ date }) => date)).toEqual([
        day(41).date,
        day(40).date,
        day(12).date,
      ]);
    },
  );

  it.each([
    [{}, 'good'],
    [{ backups: 2, suspect: 1 }, 'good'],
    [{ suspect: 1 }, 'suspect'],
    [{ bad: 1 }, 'failed'],
    [{ backups: 0, failed: 2 }, 'failed'],
  ])('shows a day of %o as %s', (change, outcome) => {
    const cells = calendarOf([{ ...day(3), ...change }], NOW);
    expect(cells.at(-4)?.outcome).toBe(outcome);
    expect(cells.at(-3)?.outcome).toBeUndefined();
  });

  it('has no gap where all are weekly', () => {
    const weekly = Array.from({ length: 50 }, (_, i) => day(7 * (50 - i)));
    expect(gapsOf(weekly)).toEqual([]);
  });
});

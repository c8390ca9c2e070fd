import { describe, expect, it } from 'vitest';
import {
  calendarOf,
  calendarsBySource,
  type Day,
  describeDay,
  describeYear,
  WEEKS,
} from '../../../console/screens/overview/days.ts';
import { sizesChart } from '../../../console/screens/overview/sizes.ts';
import { forecastOf } from '../../../shared/core/forecast.ts';
import { DAY_MS, MiB } from '../../../shared/core/units.ts';

const NOW = new Date('2026-11-27T12:00:00Z');
const SINCE = '2026-10-01';
const dateOf = (ago: number) => new Date(NOW.getTime() - ago * DAY_MS).toISOString().slice(0, 10);
const NOTHING = {
  backups: 0,
  plainBytes: 0,
  newBytes: 0,
  suspect: 0,
  bad: 0,
  failed: 0,
  due: 0,
  missed: 0,
  removed: 0,
};
const SOURCE = { kind: 'postgres', name: 'shop' };

const day = (ago: number, change: Partial<Day>): Day => ({
  ...NOTHING,
  date: dateOf(ago),
  source: SOURCE,
  ...change,
});
const shown = (ago: number, change?: Partial<Day>, since: string | null = SINCE) =>
  calendarOf(change ? [day(ago, change)] : [], { now: NOW, since }).at(-1 - ago);

describe('a calendar', () => {
  it('ends today, on its weekday', () => {
    const cells = calendarOf([], { now: NOW, since: null });
    expect(cells.at(-1)).toMatchObject({ date: '2026-11-27', week: WEEKS - 1, weekday: 4 });
    expect(cells[0]).toMatchObject({ week: 0, weekday: 0 });
  });

  it.each([
    [{ backups: 1, due: 1 }, 'good', /1 backup, 0 B new$/],
    [{ backups: 2, suspect: 1, failed: 1 }, 'good', /2 backups, 0 B new, 1 run failed$/],
    [{ backups: 20, due: 24, missed: 4 }, 'good', /20 backups, .*4 of 24 due backups are missing$/],
    [{ backups: 1, suspect: 1 }, 'suspect', /suspect$/],
    [{ backups: 1, bad: 1 }, 'failed', /1 backup damaged or misdated$/],
    [{ failed: 2, due: 1 }, 'failed', /2 runs failed$/],
    [{ due: 1, missed: 1 }, 'missing', /no backup was made, one was due$/],
    [{ due: 24, missed: 24 }, 'missing', /no backup was made, 24 of 24 due backups are missing$/],
    [{ due: 1, removed: 1 }, 'removed', /1 backup, removed by retention$/],
    [{ due: 1, removed: 1, failed: 1 }, 'removed', /removed by retention, 1 run failed$/],
    [{ due: 1 }, 'unknown', /it is not known whether one was due$/],
  ] as const)('shows a day of %o as %s, and says so', (change, state, says) => {
    const found = shown(3, change);
    expect(found?.state).toBe(state);
    expect(found && describeDay(found)).toMatch(says);
  });

  it('tells a day without need from one of which nothing is known', () => {
    expect(shown(3)?.state).toBe('none');
    expect(shown(100)?.state).toBe('unknown');
    expect(shown(3, undefined, null)?.state).toBe('unknown');
    expect(shown(0, { due: 1 })?.state).toBe('due');
  });

  it('is of every source, those too that were never backed up, and says the year in a sentence', () => {
    const figures = { backups: 0, logicalBytes: 0, newBytes: 0 };
    const sources = [
      { source: SOURCE, ...figures, basis: 'schedule' as const, since: SINCE },
      { source: { kind: 'files', name: 'crm' }, ...figures, basis: 'none' as const, since: null },
    ];
    const days = [day(1, { backups: 1 }), day(2, { missed: 1, due: 1 }), day(3, { failed: 1 })];
    const rows = calendarsBySource({ sources, days } as never);
    expect(rows.map(({ source, days: own }) => [source.source.name, own.length])).toEqual([
      ['shop', 3],
      ['crm', 0],
    ]);
    const years = rows.map(({ source, days: own }) =>
      describeYear(calendarOf(own, { now: NOW, since: source.since }), source.basis),
    );
    expect(years).toEqual([
      '1 day with backups, 1 failed, 1 missing',
      '0 days with backups, no schedule is known',
    ]);
  });
});

describe('the chart of what is stored', () => {
  const sizes = Array.from({ length: 31 }, (_, i) => ({ date: dateOf(30 - i), bytes: 100 * MiB + i * MiB }));

  it('goes on with the forecast, for a third of what is known', () => {
    const forecast = forecastOf(sizes) ?? null;
    const [times, stored, ahead] = sizesChart({ sizes, forecast } as never);
    expect([times.length, stored?.length, ahead?.length]).toEqual([32, 32, 32]);
    expect([stored?.at(-2), stored?.at(-1)]).toEqual([130 * MiB, null]);
    expect(ahead?.slice(-3)).toEqual([null, 130 * MiB, 140 * MiB]);
    expect((times.at(-1) ?? 0) - (times.at(-2) ?? 0)).toBe((10 * DAY_MS) / 1000);
  });

  it('has no line ahead without a forecast', () => {
    expect(sizesChart({ sizes, forecast: null } as never)).toHaveLength(2);
  });
});

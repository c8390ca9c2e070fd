import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../../shared/config/config.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { type Calendar, calendarsOf } from '../../../../shared/jobs/calendar/calendars.ts';
import type { PruneHistory } from '../../../../shared/jobs/retention/prune-history.ts';

const NOW = new Date('2026-11-29T12:00:00Z');
const HOUR_MS = DAY_MS / 24;
const NO_PRUNES: PruneHistory = {
  isEmpty: true,
  removed: new Map(),
  removedOfUnknown: [],
  announcedSince: undefined,
  lastFreedAt: undefined,
  sizes: [],
};

interface Given {
  readonly schedules?: object;
  readonly retention?: Readonly<Record<string, number>>;
  readonly runsDefaults?: boolean;
  /** ISO, of UTC: when backups began. */
  readonly made?: readonly string[];
  readonly type?: string;
  readonly prunes?: Partial<PruneHistory>;
  /** Runs that made no backup. */
  readonly tried?: readonly string[];
  readonly now?: Date;
}

function calendar(given: Given): Calendar {
  const { type = 'daily', made = [], tried = [] } = given;
  const file = {
    sources: { shop: { kind: 'files', url: '/shop' } },
    schedules: { daily: 'off', weekly: 'off', ...given.schedules },
    retention: { daily: 400, weekly: 400, ...given.retention },
  };
  const config = resolveConfig({ file, fileName: 'f', env: {}, flags: {} });
  const source = { kind: 'files', name: 'shop' };
  const [found] = calendarsOf({
    config,
    runsDefaults: given.runsDefaults ?? false,
    policy: config.retention,
    backups: made.map((at) => ({ state: 'whole', source, type, startedAt: new Date(at) }) as never),
    runs: { tried: tried.map((at) => ({ source: 'shop', type, at: new Date(at) })) },
    prunes: { ...NO_PRUNES, ...given.prunes },
    now: given.now ?? NOW,
  });
  if (!found) throw new Error('no calendar');
  return found;
}

const missed = ({ days }: Calendar) =>
  [...days].flatMap(([date, day]) => (day.missed > 0 ? [date] : [])).sort();
/** One a day at 02:05 from one day on to another. */
function nightly(first: string, last: string, without: readonly string[] = []): string[] {
  const days = (Date.parse(last) - Date.parse(first)) / DAY_MS + 1;
  return Array.from({ length: days }, (_, i) =>
    new Date(Date.parse(first) + i * DAY_MS).toISOString().slice(0, 10),
  )
    .filter((date) => !without.includes(date))
    .map((date) => `${date}T02:05:00Z`);
}

const NIGHTLY = { daily: '0 2 * * *' };

describe('what a schedule expects of a day', () => {
  it('is missing if no backup was made, and only then', () => {
    const made = nightly('2026-10-01', '2026-11-29', ['2026-11-10', '2026-11-20']);
    const found = calendar({ schedules: NIGHTLY, made });
    expect([missed(found), found.basis, found.since]).toEqual([
      ['2026-11-10', '2026-11-20'],
      'schedule',
      '2026-10-01',
    ]);
  });

  it('is missing too for the newest days, once a backup had time to begin', () => {
    const made = nightly('2026-11-01', '2026-11-27');
    const at = (hour: string) =>
      missed(calendar({ schedules: NIGHTLY, made, now: new Date(`2026-11-29T${hour}:00Z`) }));
    expect(at('03:30')).toEqual(['2026-11-28']);
    expect(at('04:30')).toEqual(['2026-11-28', '2026-11-29']);
  });

  it('is nothing on days that the schedule leaves out', () => {
    const made = nightly('2026-10-01', '2026-11-29').filter(
      (at) => ![0, 6].includes(new Date(at).getUTCDay()),
    );
    const found = calendar({ schedules: { daily: '0 2 * * 1-5' }, made });
    expect(missed(found)).toEqual([]);
    expect(found.days.get('2026-11-28')).toBeUndefined();
    expect(found.days.get('2026-11-27')).toEqual({ due: 1, missed: 0, removed: 0 });
  });

  it('is nothing before the schedule was kept for the first time: it may not have been there', () => {
    expect(missed(calendar({ schedules: NIGHTLY, made: nightly('2026-11-15', '2026-11-29') }))).toEqual([]);
    // Weekdays first, then every day: the weekends of before are no gaps.
    const weekdays = nightly('2026-09-01', '2026-11-29').filter(
      (at) => ![0, 6].includes(new Date(at).getUTCDay()) || at > '2026-11-15',
    );
    expect(missed(calendar({ schedules: NIGHTLY, made: weekdays }))).toEqual([]);
    expect(missed(calendar({ schedules: NIGHTLY }))).toEqual([]);
  });

  it.each([
    ['across the change to summer time', '2026-03-22', '2026-04-05', '30 1 * * *'],
    ['and back', '2026-10-18', '2026-11-01', '30 1 * * *'],
    ['with a time that is skipped', '2026-03-22', '2026-04-05', '30 2 * * *'],
  ])('is not missing %s, where days of UTC have two or none', (_, first, last, cron) => {
    const local = cron.startsWith('30 1') ? '01:30' : '02:30';
    const zone = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      hour: '2-digit',
      minute: '2-digit',
    });
    const made: string[] = [];
    for (let at = Date.parse(first); at < Date.parse(last); at += HOUR_MS / 2)
      if (zone.format(at) === local && !made.some((one) => at - Date.parse(one) < 2 * HOUR_MS))
        made.push(new Date(at).toISOString());
    const schedules = { daily: { cron, timeZone: 'Europe/Berlin' } };
    const now = new Date(Date.parse(last) + HOUR_MS);
    expect(missed(calendar({ schedules, made, now }))).toEqual([]);
    // The judge could have said otherwise.
    const [gone] = made.splice(-4, 1);
    expect(missed(calendar({ schedules, made, now }))).toEqual([gone?.slice(0, 10)]);
  });

  it('counts a run that failed, was cancelled or goes on as begun', () => {
    const made = nightly('2026-11-01', '2026-11-29', ['2026-11-10', '2026-11-20']);
    expect(missed(calendar({ schedules: NIGHTLY, made, tried: ['2026-11-10T02:01:00Z'] }))).toEqual([
      '2026-11-20',
    ]);
  });

  it('counts the times of a day', () => {
    const made = Array.from({ length: 29 * 4 }, (_, i) =>
      new Date(Date.parse('2026-11-01T00:03:00Z') + i * 6 * HOUR_MS).toISOString(),
    ).filter((at) => !at.startsWith('2026-11-20T06') && !at.startsWith('2026-11-20T12'));
    const found = calendar({ schedules: { often: '0 */6 * * *' }, type: 'often', made });
    expect(missed(found)).toEqual(['2026-11-20']);
    expect(found.days.get('2026-11-20')).toEqual({ due: 4, missed: 2, removed: 0 });
  });
});

describe('what retention has removed', () => {
  const older = nightly('2026-10-01', '2026-10-29').map(
    (at) =>
      `backups/daily/${at.slice(0, 10).replaceAll('-', '')}/backup_daily_${at.slice(0, 10).replaceAll('-', '')}_020500.json`,
  );
  const made = nightly('2026-10-30', '2026-11-29', ['2026-11-10']);
  const retention = { daily: 30 };

  it('is no gap, and is counted, if prunes said what they took out', () => {
    const [skipped = '', ...removed] = older.toSpliced(15, 1, older[0] ?? '');
    expect(skipped).not.toBe('');
    const prunes = {
      isEmpty: false,
      removed: new Map([['shop', removed]]),
      announcedSince: new Date('2026-10-01T00:00:00Z'),
    };
    const found = calendar({ schedules: NIGHTLY, retention, made, prunes });
    expect(found.days.get('2026-10-05')).toEqual({ due: 1, missed: 0, removed: 1 });
    expect(missed(found)).toEqual(['2026-10-16', '2026-11-10']);
  });

  it('is no gap if nobody knows: beyond the days of retention, when prunes of before said nothing', () => {
    const prunes = { isEmpty: false, announcedSince: new Date('2026-11-28T00:00:00Z') };
    const held = [...made, '2026-09-02T02:05:00Z'];
    expect(missed(calendar({ schedules: NIGHTLY, retention, made: held, prunes }))).toEqual(['2026-11-10']);
    const counts = { daily: 0, weekly: 400 };
    const found = { schedules: NIGHTLY, retention: counts, made: held, prunes };
    expect(() => calendar(found)).toThrow(/keep/);
  });
});

describe('without a schedule the rhythm says when a backup was due', () => {
  it('of days', () => {
    const made = nightly('2026-10-01', '2026-11-29', ['2026-11-10', '2026-11-11']);
    const found = calendar({ made, type: 'manual' });
    expect([missed(found), found.basis]).toEqual([['2026-11-10', '2026-11-11'], 'rhythm']);
  });

  it('of weeks, and of schedules that nobody set but that only say how often', () => {
    const made = Array.from(
      { length: 20 },
      (_, i) => new Date(Date.parse('2026-11-28T09:00:00Z') - i * 7 * DAY_MS),
    )
      .filter((_, i) => i !== 6)
      .map((at) => at.toISOString());
    expect(missed(calendar({ made, type: 'manual' }))).toEqual(['2026-10-17']);
    const rate = { weekly: { rate: '7 days' } };
    expect(missed(calendar({ schedules: rate, made, type: 'weekly' }))).toEqual(['2026-10-17']);
  });

  it('and two backups say nothing', () => {
    const found = calendar({ made: ['2026-11-01T02:00:00Z', '2026-11-02T02:00:00Z'], type: 'manual' });
    expect([missed(found), found.basis, found.since]).toEqual([[], 'none', undefined]);
  });
});

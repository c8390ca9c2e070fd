import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { resolveSchedule } from '../../../../shared/config/schedules.ts';
import { dueTimes } from '../../../../shared/jobs/calendar/due-times.ts';

const YEAR = { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-12-31T23:59:59Z') };

function times(cron: string, timeZone: string, within = YEAR): string[] {
  const problems: string[] = [];
  const schedule = resolveSchedule({ cron, timeZone }, 'daily', problems);
  if (!schedule) throw new Error(problems.join());
  return (dueTimes(schedule, within) ?? []).map(({ at }) => new Date(at).toISOString());
}

/** Weeks around both changes of clocks, on both halves of the earth; croner takes long for a year. */
const WEEKS = [
  { from: new Date('2026-03-01T00:00:00Z'), to: new Date('2026-04-12T00:00:00Z') },
  { from: new Date('2026-09-20T00:00:00Z'), to: new Date('2026-11-08T00:00:00Z') },
];

/** The library that runs schedules within an application. */
function byCroner(cron: string, timezone: string, { from, to }: typeof YEAR): string[] {
  const job = new Cron(cron, { timezone, paused: true });
  const found: string[] = [];
  for (let at = job.nextRun(new Date(from.getTime() - 1000)); at && at <= to; at = job.nextRun(at))
    found.push(at.toISOString());
  return found;
}

describe('when a schedule fired', () => {
  it.each([
    ['0 2 * * *', 'UTC'],
    ['30 23 * * *', 'Pacific/Kiritimati'],
    ['30 0 * * *', 'Pacific/Pago_Pago'],
    ['15 5 * * 1-5', 'Europe/Berlin'],
    ['0 4 1,15 * *', 'America/New_York'],
    ['45 12 * 6-8 *', 'Asia/Kathmandu'],
    ['0 */6 * * *', 'Asia/Tokyo'],
    ['0 3 * * 0', 'Australia/Lord_Howe'],
    ['10 */2 * * *', 'UTC'],
  ])('is what the library that runs schedules says: %s in %s', (cron, timeZone) => {
    for (const weeks of WEEKS) {
      const found = times(cron, timeZone, weeks);
      expect(found).toEqual(byCroner(cron, timeZone, weeks));
    }
    expect(times(cron, timeZone).length).toBeGreaterThan(20);
  });

  it('passes over a local time that summer time skips, and has one that comes twice once', () => {
    const of = (cron: string, day: string) => times(cron, 'Europe/Berlin').filter((at) => at.startsWith(day));
    expect(of('30 2 * * *', '2026-03-28')).toEqual(['2026-03-28T01:30:00.000Z']);
    expect(of('30 2 * * *', '2026-03-29')).toEqual([]);
    expect(of('30 2 * * *', '2026-03-30')).toEqual(['2026-03-30T00:30:00.000Z']);
    expect(of('30 2 * * *', '2026-10-25')).toEqual(['2026-10-25T00:30:00.000Z']);
    // A day of UTC may have two, or none.
    expect(of('30 1 * * *', '2026-03-28')).toEqual(['2026-03-28T00:30:00.000Z']);
    expect(of('30 1 * * *', '2026-03-29')).toEqual(['2026-03-29T00:30:00.000Z', '2026-03-29T23:30:00.000Z']);
    expect(of('30 1 * * *', '2026-10-25')).toEqual([]);
  });

  it('has no times of its own if it is a rate', () => {
    const schedule = { expression: 'rate(6 hours)', timeZone: 'UTC' };
    expect(dueTimes(schedule, YEAR)).toBeUndefined();
  });

  it('of every minute of a year tells of the newest alone', () => {
    const found = times('* * * * *', 'Europe/Berlin');
    expect(found.length).toBeLessThan(25_000);
    expect(found.at(-1)).toBe('2026-12-31T23:59:00.000Z');
  });
});

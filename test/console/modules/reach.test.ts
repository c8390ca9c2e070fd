import { describe, expect, it } from 'vitest';
import type { Changes } from '../../../console/screens/changes/answer.ts';
import { fieldsOf, momentIn, reachOf } from '../../../console/screens/restore/reach.ts';

const day = (time: string) => `2026-11-26T${time}Z`;
const base = (time: string) => `backups/daily/20261126/backup_daily_20261126_${time}.json`;

/** From 02:00 to 10:00, and from 11:00 on. */
const CHANGES = {
  restorable: [
    { from: day('11:00:00.500000'), to: day('12:00:00.250000'), base: base('110000') },
    { from: day('02:00:00.000000'), to: day('10:00:00.999999'), base: base('020000') },
  ],
  bases: [
    { key: base('110000'), at: day('11:00:01.000') },
    { key: base('060000'), at: day('06:00:00.000') },
    { key: base('020000'), at: day('01:59:59.000') },
  ],
  gaps: [
    {
      from: day('10:00:00.999999'),
      to: day('10:30:00.000000'),
      why: 'gap',
      says: 'The slot is gone.',
      healedBy: base('110000'),
    },
  ],
} as unknown as Changes;

describe('which moments can be chosen', () => {
  it.each([
    ['11:30:00', base('110000')],
    ['10:00:00', base('060000')],
    ['05:59:59.9', base('020000')],
    // The snapshot of a backup is older than its time.
    ['11:00:00.600', base('110000')],
    ['02:00:00', base('020000')],
    ['12:00:00.250000', base('110000')],
  ])('%s can, from %s on', (time, from) => {
    expect(reachOf(day(time), CHANGES)).toEqual({ isReached: true, base: from });
  });

  it.each([
    ['12:00:00.250001', /up to then are not stored/, ['12:00:00.250000']],
    ['13:00:00', /up to then are not stored/, ['12:00:00.250000']],
    ['01:59:59.999999', /no backup that old/, ['02:00:00.000000']],
    ['10:15:00', /gap: The slot is gone/, ['10:00:00.999999', '11:00:00.500000']],
    // Behind the gap, and before the backup that healed it.
    ['10:45:00', /gap: the backup after it came later/, ['10:00:00.999999', '11:00:00.500000']],
    ['11:00:00.499', /gap/, ['10:00:00.999999', '11:00:00.500000']],
  ])('%s cannot, which is said, and the nearest ones are offered', (time, why, offers) => {
    const reach = reachOf(day(time), CHANGES);
    expect(reach).toMatchObject({ isReached: false, why: expect.stringMatching(why) });
    expect('offers' in reach && reach.offers.map(({ at }) => at)).toEqual(offers.map(day));
    for (const { at } of 'offers' in reach ? reach.offers : [])
      expect(reachOf(at, CHANGES).isReached).toBe(true);
  });

  it('reads date and time in the zone of the browser, and refuses what is neither', () => {
    for (const at of ['2026-03-29T00:59:59.000Z', '2026-10-25T01:30:00.000Z', '2026-11-26T10:15:30.000Z']) {
      const { date, time } = fieldsOf(at);
      // An hour that summer time has twice is the first of both.
      expect(Math.abs(Date.parse(momentIn(date, time) ?? '') - Date.parse(at)) % 3_600_000).toBe(0);
    }
    expect([momentIn('', '10:15'), momentIn('2026-11-26', ''), momentIn('x', 'y')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

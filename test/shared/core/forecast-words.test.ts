import { describe, expect, it } from 'vitest';
import { type Forecast, nextRoundSize } from '../../../shared/core/forecast.ts';
import { costText, growthText, reachText } from '../../../shared/core/forecast-words.ts';
import { GiB, MiB } from '../../../shared/core/units.ts';

const FORECAST: Forecast = {
  from: '2026-08-30',
  to: '2026-11-29',
  days: 80,
  bytes: 3 * GiB,
  bytesPerDay: 40 * MiB,
  leastPerDay: 30 * MiB,
  mostPerDay: 50 * MiB,
  horizonDays: 368,
};
const PRICE = { perGibMonth: 0.023, currency: 'USD', of: 'S3 Standard in us-east-1, November 2026' };

describe('a forecast in words', () => {
  it('says how it grows, by what, and when a size is reached', () => {
    expect(growthText(FORECAST)).toBe(
      'grows by about 1.17 GiB a month (900.0 MiB to 1.46 GiB), from what was stored on 80 days since 2026-08-30',
    );
    expect(reachText(FORECAST, nextRoundSize(FORECAST.bytes))).toBe('5.00 GiB about 19 January 2027');
    expect(reachText(FORECAST, GiB)).toBe('1.00 GiB is stored already');
    expect(reachText(FORECAST, 100 * GiB)).toBe('100.0 GiB not within 368 days; the forecast ends there');
  });

  it('says if it does not grow, or shrinks, or may', () => {
    const flat = { ...FORECAST, bytesPerDay: 0, leastPerDay: 0, mostPerDay: 0 };
    expect(growthText(flat)).toMatch(/^does not grow, from/);
    expect(reachText(flat, 5 * GiB)).toBe('5.00 GiB never, at this rate');
    const less = { ...FORECAST, bytesPerDay: -40 * MiB, leastPerDay: -50 * MiB, mostPerDay: -30 * MiB };
    expect(growthText(less)).toMatch(/^shrinks by about 1.17 GiB a month \(900.0 MiB to 1.46 GiB\)/);
    expect(growthText({ ...FORECAST, leastPerDay: -MiB })).toMatch(/\(0 B to 1.46 GiB\)/);
  });

  it('says what storing costs, at which price, and no further ahead than it looks', () => {
    expect(costText(3 * GiB, FORECAST, PRICE)).toBe(
      'storage costs $0.069 a month now, $0.397 in a year, at $0.023 per GiB and month (S3 Standard in us-east-1, November 2026)',
    );
    expect(costText(3 * GiB, { ...FORECAST, horizonDays: 100 }, PRICE)).not.toContain('in a year');
    expect(costText(MiB, undefined, { ...PRICE, currency: 'EUR' })).toMatch(
      /^storage costs less than €0.01 a month now, at €0.023/,
    );
  });
});

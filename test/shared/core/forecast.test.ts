import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../shared/config/config.ts';
import {
  forecastOf,
  monthlyCost,
  nextRoundSize,
  storedAfter,
  whenReached,
  whyNoForecast,
} from '../../../shared/core/forecast.ts';
import { DAY_MS, GiB, MiB } from '../../../shared/core/units.ts';

const dateOf = (day: number) => new Date(Date.parse('2026-08-01') + day * DAY_MS).toISOString().slice(0, 10);
const sizes = (days: number, bytesOf: (day: number) => number) =>
  Array.from({ length: days }, (_, day) => ({ date: dateOf(day), bytes: bytesOf(day) }));

describe('a forecast', () => {
  it('of steady growth says when a size is reached, and what a month costs then', () => {
    const found = forecastOf(sizes(31, (day) => GiB + day * 100 * MiB));
    expect(found).toMatchObject({ bytesPerDay: 100 * MiB, days: 31, from: dateOf(0), to: dateOf(30) });
    if (!found) return;
    expect(whenReached(found, 5 * GiB)).toEqual(
      new Date(Date.parse(dateOf(30)) + ((4 * 1024 - 3000) / 100) * DAY_MS),
    );
    expect(whenReached(found, GiB)).toBe('now');
    // 120 days ahead at most: four times as far as it looks back.
    expect(whenReached(found, 100 * GiB)).toBe('never');
    expect(storedAfter(found, 30)).toBe(GiB + 60 * 100 * MiB);
    expect(storedAfter(found, 365)).toBeUndefined();
    const price = { perGibMonth: 0.023, currency: 'USD', of: '' };
    expect(monthlyCost(100 * GiB, price)).toBeCloseTo(2.3);
  });

  it('is not moved by one large backup, nor by one prune', () => {
    const jump = forecastOf(sizes(60, (day) => GiB + day * MiB + (day >= 58 ? 50 * GiB : 0)));
    expect(jump?.bytesPerDay).toBe(MiB);
    const prune = forecastOf(sizes(60, (day) => GiB + day * MiB - (day >= 57 ? GiB / 2 : 0)));
    expect(prune?.bytesPerDay).toBe(MiB);
  });

  it('of what does not grow is that it does not', () => {
    const found = forecastOf(sizes(40, () => GiB));
    expect(found?.bytesPerDay).toBe(0);
    expect(found && whenReached(found, 2 * GiB)).toBe('never');
    const less = forecastOf(sizes(40, (day) => 2 * GiB - day * MiB));
    expect(less && storedAfter(less, 100)).toBe(2 * GiB - 139 * MiB);
  });

  it('goes by the last three months alone', () => {
    const found = forecastOf(sizes(300, (day) => (day < 200 ? day * GiB : 200 * GiB + day * MiB)));
    expect(found?.bytesPerDay).toBe(MiB);
  });

  it.each([
    [[], /two days/],
    [sizes(10, (day) => day), /known for 10 days within 9: a forecast needs 5 within 14/],
    [
      [
        { date: dateOf(0), bytes: 1 },
        { date: dateOf(50), bytes: 9 },
      ],
      /known for 2 days within 50/,
    ],
  ])('is refused of too few days, and says so (%#)', (few, why) => {
    expect(forecastOf(few)).toBeUndefined();
    expect(whyNoForecast(few)).toMatch(why);
  });

  it('looks ahead to the next round size', () => {
    expect([0, GiB, 3 * GiB, 49 * GiB, 700 * GiB].map((bytes) => nextRoundSize(bytes) / GiB)).toEqual([
      1, 2, 5, 50, 1000,
    ]);
  });
});

describe('the price of storing', () => {
  const priceOf = (file: object) =>
    resolveConfig({ file: { ...file }, fileName: 'f', env: {}, flags: {} }).price;

  it('is that of S3 Standard in S3, with its date, and not known of a folder or another store', () => {
    expect(priceOf({ repository: 's3://b/p' })).toMatchObject({
      perGibMonth: 0.023,
      of: expect.stringMatching(/S3 Standard.*2026/),
    });
    expect(priceOf({ repository: './backups' })).toBeUndefined();
    expect(priceOf({ repository: 's3://b', s3: { endpoint: 'https://s3.example' } })).toBeUndefined();
  });

  it('can be set', () => {
    const prices = { storageGibMonth: 0.01, currency: 'EUR' };
    expect(priceOf({ repository: './backups', prices })).toEqual({
      perGibMonth: 0.01,
      currency: 'EUR',
      of: 'as configured',
    });
    expect(() => priceOf({ prices: { storageGibMonth: -1 } })).toThrow(/prices\.storageGibMonth/);
    expect(() => priceOf({ prices: { storageGibMonth: 1, currency: 'euro' } })).toThrow(/currency/);
    expect(() => priceOf({ prices: { storageGbMonth: 1 } })).toThrow(/did you mean storageGibMonth/);
  });
});

import { afterEach, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.resetModules();
});

it.each([
  ['UTC', '2026-03-01T02:00:00.900Z', '2026-03-01 02:00:00 UTC'],
  ['Europe/Berlin', '2026-03-01T02:00:00Z', '2026-03-01 03:00:00 CET'],
  ['Europe/Berlin', '2026-07-01T22:30:00Z', '2026-07-02 00:30:00 CEST'],
  ['Asia/Kolkata', '2026-03-01T02:00:00Z', '2026-03-01 07:30:00 GMT+5:30'],
  ['America/New_York', '2026-03-01T02:00:00Z', '2026-02-28 21:00:00 GMT-5'],
])('shows a time as it is in %s', async (zone, at, shown) => {
  vi.stubEnv('TZ', zone);
  const { time } = await import('../../cli/format.ts');
  expect(time(new Date(at))).toBe(shown);
});

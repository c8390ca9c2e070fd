import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import { type LockedBackup, planLocks } from '../../../../shared/jobs/lock/lock-plan.ts';
import type { RetentionBackup } from '../../../../shared/jobs/retention/retention.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';

const NOW = new Date('2026-03-31T12:00:00Z');
const policy = { days: { daily: 30, weekly: 84, manual: 365, forever: 0 }, counts: { monthly: 6 } };
const lock = { mode: 'compliance', mostMs: 365 * DAY_MS } as const;
const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY_MS);

function backup(
  type: string,
  startedAt: Date,
  needs: readonly string[],
  given: Partial<RetentionBackup> = {},
): LockedBackup {
  const retention = {
    key: backupKey(type, startedAt),
    type,
    source: { kind: 'postgres', name: 'shop' },
    startedAt,
    problem: undefined,
    isSuspect: false,
    isDamaged: false,
    isImported: false,
    hold: undefined,
    ...given,
  };
  return { retention, needs };
}

/** Days from now until each object must be there, and until when it would be locked. */
function planned(
  backups: readonly LockedBackup[],
  rules: Parameters<typeof planLocks>[1] = { policy, lock },
) {
  const days = (at: Date) => Number(((at.getTime() - NOW.getTime()) / DAY_MS).toFixed(2));
  const needs = planLocks({ now: NOW, backups, common: ['repository.json'] }, rules);
  return Object.fromEntries(
    needs.map(({ key, until, lockUntil, isHeld }) => [
      key.slice(key.lastIndexOf('/') + 1).replace(/^backup_|_\d+_\d+\.json$/g, ''),
      [days(until), days(lockUntil), ...(isHeld ? ['held'] : [])],
    ]),
  );
}

/** 0 where the type has no days. */
function endOfDays(type: string, ageHours: number): number {
  const days: Readonly<Record<string, number>> = { daily: 30, weekly: 84, manual: 365 };
  const ofType = days[type];
  return ofType === undefined ? 0 : NOW.getTime() - ageHours * HOUR_MS + ofType * DAY_MS;
}

describe('what is locked', () => {
  it('a pack for as long as the last of the backups that need it, a manifest for its own days', () => {
    const both = [
      backup('daily', daysAgo(1), ['data/both', 'data/daily']),
      backup('weekly', daysAgo(4), ['data/both']),
    ];
    expect(planned(both)).toEqual({
      'repository.json': [80, 87],
      both: [80, 87],
      daily: [29, 29],
      weekly: [80, 80],
    });
  });

  it('nothing of what retention lets go', () => {
    const backups = [backup('daily', daysAgo(1), ['data/new']), backup('daily', daysAgo(40), ['data/old'])];
    const without = { policy: { ...policy, counts: {} }, lock };
    expect(planned(backups, without)).not.toHaveProperty('old');
  });

  it.each([
    ['the last good one', {}],
    ['what cannot be relied on', { problem: 'damaged' }],
    ['what is frozen', { isSuspect: true }],
  ])('for half of its days ahead, each day anew, what is kept without an end: %s', (_name, given) => {
    const plan = planned([backup('daily', daysAgo(90), ['data/a'], given)]);
    expect(plan).toMatchObject({ a: [15, 16.5], daily: [15, 16.5] });
  });

  it('types without days for 30 days ahead, and what monthly counts keep', () => {
    expect(planned([backup('nightly', daysAgo(200), ['data/a'])])).toMatchObject({ a: [30, 33] });
    const monthly = [backup('daily', daysAgo(45), ['data/old']), backup('daily', daysAgo(1), ['data/new'])];
    expect(planned(monthly)).toMatchObject({ old: [15, 16.5], new: [29, 31.9] });
  });

  it('of what is held, with a legal hold besides', () => {
    const plan = planned([
      backup('daily', daysAgo(90), ['data/both'], { hold: 'audit' }),
      backup('daily', daysAgo(1), ['data/both', 'data/new']),
    ]);
    expect(plan).toMatchObject({ both: [29, 31.9, 'held'], new: [29, 31.9] });
    expect(plan['repository.json']).toEqual([29, 31.9, 'held']);
  });
});

describe('a manifest that nobody can check', () => {
  it('locks nothing for longer than the maximum, however it is dated, and a week', () => {
    const never = { days: { manual: 36_500 }, counts: {} };
    for (const startedAt of [new Date('2126-01-01T00:00:00Z'), daysAgo(1)])
      expect(planned([backup('manual', startedAt, ['data/a'])], { policy: never, lock })).toMatchObject({
        a: [365, 372],
        manual: [365, 372],
      });
  });

  it('takes nothing of what the others are locked for by their days, whatever else is listed', () => {
    const one = fc.record({
      type: fc.constantFrom('daily', 'weekly', 'manual', 'nightly', 'forever'),
      /** Hours; below 0: of the future. */
      age: fc.integer({ min: -100_000, max: 100_000 }),
      packs: fc.subarray(['data/a', 'data/b', 'data/c']),
      hold: fc.option(fc.constant('x'), { nil: undefined }),
      isSuspect: fc.boolean(),
      isDamaged: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (listed) => {
        const backups = listed.map(({ type, age, packs, ...given }) =>
          backup(type, new Date(NOW.getTime() - age * HOUR_MS), packs, given),
        );
        const plan = planLocks({ now: NOW, backups, common: [] }, { policy, lock });
        const untilOf = new Map(plan.map(({ key, until }) => [key, until.getTime()]));
        const most = NOW.getTime() + lock.mostMs;
        for (const { type, age, packs } of listed) {
          const end = endOfDays(type, age);
          for (const key of end > NOW.getTime() ? packs : [])
            expect(untilOf.get(key)).toBeGreaterThanOrEqual(Math.min(end, most));
        }
        for (const until of untilOf.values()) expect(until).toBeLessThan(most + 1000);
      }),
      { seed: testSeed, numRuns: cases(50, 200, 20_000) },
    );
  });
});

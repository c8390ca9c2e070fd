import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COUNT_NAMES, type RetentionPolicy } from '../../../../shared/config/retention.ts';
import { backupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import { planRetention, type RetentionBackup } from '../../../../shared/jobs/retention/retention.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';

const NOW = new Date('2026-03-31T12:00:00Z');
const HOUR_AHEAD = new Date('2026-03-31T13:00:00Z');
const shop = { kind: 'postgres', name: 'shop' };
const defaults: RetentionPolicy = { days: { daily: 30, weekly: 84, manual: 365 }, counts: {} };

function backup(at: string | Date, given: Partial<RetentionBackup> = {}): RetentionBackup {
  const startedAt = new Date(at);
  const type = given.type ?? 'daily';
  return {
    key: backupKey(type, startedAt),
    type,
    source: shop,
    startedAt,
    problem: undefined,
    isSuspect: false,
    isDamaged: false,
    isImported: false,
    hold: undefined,
    ...given,
  };
}

/** Day of the month, and what is said of it. */
function reasonsFor(backups: readonly RetentionBackup[], policy: RetentionPolicy) {
  return Object.fromEntries(
    planRetention(backups, policy, NOW).map(({ startedAt, keep, reasons }) => [
      startedAt.toISOString().slice(0, 10),
      [keep, ...reasons],
    ]),
  );
}

describe('retention', () => {
  it('keeps each type for its days, and says so', () => {
    const old = '2026-02-20T02:00:00Z';
    const types = ['daily', 'weekly', 'hourly'].map((type) => backup(old, { type }));
    const plan = planRetention([...types, backup('2026-03-30')], defaults, NOW);
    expect(plan.map(({ type, keep, reasons }) => [type, keep, ...reasons])).toEqual([
      ['daily', true, 'within 30 days', 'last good backup of shop'],
      ['weekly', true, 'within 84 days'],
      ['hourly', true, 'no retention is set for type hourly'],
      ['daily', false, 'older than 30 days'],
    ]);
    const others = { ...defaults, days: { ...defaults.days, '*': 10 } };
    expect(planRetention([...types, backup('2026-03-30')], others, NOW)[2]).toMatchObject({
      keep: false,
      reasons: ['older than 10 days'],
    });
  });

  it('keeps the newest of each period, in UTC and by ISO weeks', () => {
    const policy = { days: { daily: 0 }, counts: { last: 1, daily: 2, weekly: 2, monthly: 2, yearly: 2 } };
    const at = [
      '2026-03-02T00:30:00Z',
      '2026-03-01T23:30:00Z',
      '2026-03-01T02:00:00Z',
      '2026-02-23T02:00:00Z',
      '2026-01-01T02:00:00Z',
      '2025-12-31T02:00:00Z',
    ];
    const plan = planRetention(
      at.map((each) => backup(each)),
      policy,
      NOW,
    );
    expect(plan.map(({ reasons }) => reasons)).toEqual([
      [
        'last 1',
        'daily for 2026-03-02',
        'weekly for 2026-W10',
        'monthly for 2026-03',
        'yearly for 2026',
        'last good backup of shop',
      ],
      ['daily for 2026-03-01', 'weekly for 2026-W09'],
      ['none of the counts keeps it'],
      ['monthly for 2026-02'],
      ['none of the counts keeps it'],
      ['yearly for 2025'],
    ]);
  });

  it('counts hours', () => {
    const policy = { days: { daily: 0 }, counts: { hourly: 2 } };
    const at = ['2026-03-02T01:50:00Z', '2026-03-02T01:10:00Z', '2026-03-02T00:59:00Z'];
    const plan = planRetention(
      at.map((each) => backup(each)),
      policy,
      NOW,
    );
    expect(plan.map(({ reasons }) => reasons[0])).toEqual([
      'hourly for 2026-03-02T01',
      'none of the counts keeps it',
      'hourly for 2026-03-02T00',
    ]);
  });

  it('keeps the last good backup of every source, however old', () => {
    const other = { kind: 'postgres', name: 'orders' };
    const plan = planRetention(
      [backup('2020-01-01'), backup('2019-01-01'), backup('2018-01-01', { source: other })],
      defaults,
      NOW,
    );
    expect(plan.map(({ keep, reasons }) => [keep, ...reasons])).toEqual([
      [true, 'last good backup of shop'],
      [false, 'older than 30 days'],
      [true, 'last good backup of orders'],
    ]);
  });

  it('lets no damaged backup stand in for a good one', () => {
    const policy = { days: { daily: 10 }, counts: { last: 1 } };
    const backups = [
      backup('2026-03-30', { isDamaged: true }),
      backup('2026-03-01', { isDamaged: true }),
      backup('2026-02-01'),
      backup('2026-01-02', { isDamaged: true }),
      backup('2026-01-01'),
    ];
    expect(reasonsFor(backups, policy)).toEqual({
      '2026-03-30': [true, 'within 10 days', 'no newer good backup of shop'],
      '2026-03-01': [true, 'no newer good backup of shop'],
      '2026-02-01': [true, 'last 1', 'last good backup of shop'],
      '2026-01-02': [false, 'older than 10 days, and damaged'],
      '2026-01-01': [false, 'older than 10 days'],
    });
  });

  it('keeps all of a source that has no good backup', () => {
    const backups = [backup('2025-02-01', { isDamaged: true }), backup('2025-01-01', { isDamaged: true })];
    expect(planRetention(backups, defaults, NOW).every(({ keep }) => keep)).toBe(true);
  });

  it('freezes a source with a suspect backup until it is accepted, and no other source', () => {
    const other = { kind: 'postgres', name: 'orders' };
    const backups = (isSuspect: boolean) => [
      backup('2026-03-30', { isSuspect }),
      backup('2026-03-29'),
      backup('2025-01-01'),
      backup('2025-01-02', { source: other }),
      backup('2025-01-03', { source: other }),
    ];
    const frozen = 'frozen: suspect backup_daily_20260330_000000 until accepted';
    expect(reasonsFor(backups(true), defaults)).toEqual({
      '2026-03-30': [true, 'within 30 days', 'no newer good backup of shop', frozen],
      '2026-03-29': [true, 'within 30 days', 'last good backup of shop', frozen],
      '2025-01-03': [true, 'last good backup of orders'],
      '2025-01-02': [false, 'older than 30 days'],
      '2025-01-01': [true, frozen],
    });
    expect(reasonsFor(backups(false), defaults)['2025-01-01']).toEqual([false, 'older than 30 days']);
  });

  it('keeps what is held, what cannot be relied on and what is dated in the future, and counts only the first', () => {
    const policy = { days: { daily: 0 }, counts: { last: 2 } };
    const backups = [
      backup('2026-04-10'),
      backup('2026-03-03', { problem: 'it was changed after it was written' }),
      backup('2026-03-02', { problem: 'it is no JSON', source: undefined }),
      backup('2026-03-01'),
      backup('2026-02-28', { hold: 'audit' }),
      backup('2026-02-27'),
      backup('2026-02-26', { hold: 'the move' }),
    ];
    expect(reasonsFor(backups, policy)).toEqual({
      '2026-04-10': [true, 'dated in the future', 'no newer good backup of shop'],
      '2026-03-03': [true, 'not trusted: it was changed after it was written'],
      '2026-03-02': [true, 'not trusted: it is no JSON'],
      '2026-03-01': [true, 'last 2', 'last good backup of shop'],
      '2026-02-28': [true, 'held: audit', 'last 2'],
      '2026-02-27': [false, 'none of the counts keeps it'],
      '2026-02-26': [true, 'held: the move'],
    });
  });
});

/** True one time in `of`. */
const rarely = (of: number) => fc.nat(of - 1).map((n) => n === of >> 1);
const anyBackup = fc
  .record({
    hours: fc.oneof(fc.integer({ min: -9, max: 99 }), fc.nat(24 * 40), fc.nat(24 * 900)),
    minutes: fc.integer({ min: 0, max: 59 }),
    type: fc.constantFrom('daily', 'weekly', 'manual', 'hourly'),
    source: fc.constantFrom('shop', 'orders'),
    isForged: rarely(15),
    isSuspect: rarely(40),
    isDamaged: rarely(6),
    isHeld: rarely(12),
  })
  .map(({ hours, minutes, source, isForged, isHeld, ...rest }) =>
    backup(new Date(NOW.getTime() - hours * HOUR_MS - minutes * 60_000), {
      ...rest,
      problem: isForged ? 'forged' : undefined,
      hold: isHeld ? 'audit' : undefined,
      source: { kind: 'postgres', name: source },
    }),
  );
const anyBackups = fc.uniqueArray(anyBackup, { maxLength: 40, size: 'max', selector: ({ key }) => key });
const days = fc.integer({ min: 0, max: 100 });
const count = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined, freq: 1 });
const anyPolicy: fc.Arbitrary<RetentionPolicy> = fc.record({
  days: fc.record({ daily: days, weekly: days, manual: days, '*': days }, { requiredKeys: ['daily'] }),
  counts: fc.record(Object.fromEntries(COUNT_NAMES.map((name) => [name, count])), { requiredKeys: [] }),
});

/** For all lists of backups and policies. */
function always(property: (backups: RetentionBackup[], policy: RetentionPolicy) => void): void {
  fc.assert(fc.property(anyBackups, anyPolicy, property), {
    numRuns: cases(50, 200, 50_000),
    seed: testSeed,
  });
}

const isGood = ({ problem, isSuspect, isDamaged, startedAt }: RetentionBackup) =>
  problem === undefined && !isSuspect && !isDamaged && startedAt < HOUR_AHEAD;
const keptOf = (backups: readonly RetentionBackup[], policy: RetentionPolicy) =>
  new Set(planRetention(backups, policy, NOW).flatMap(({ key, keep }) => (keep ? [key] : [])));

describe('retention, whatever the backups and the policy,', () => {
  it('decides on every backup once, with reasons, and whatever their order', () =>
    always((backups, policy) => {
      const plan = planRetention(backups, policy, NOW);
      expect(plan.map(({ key }) => key).sort()).toEqual(backups.map(({ key }) => key).sort());
      for (const { keep, reasons } of plan)
        expect(keep ? reasons.length > 0 : reasons.length === 1).toBe(true);
      expect(planRetention(backups.toReversed(), policy, NOW)).toEqual(plan);
    }));

  it('never lets go of the last good backup of a source, nor of what is held, unreliable, suspect or of the future', () =>
    always((backups, policy) => {
      const kept = keptOf(backups, policy);
      for (const each of backups) {
        const { key, hold, problem, isSuspect, startedAt } = each;
        if (hold !== undefined || problem !== undefined || isSuspect || startedAt > NOW)
          expect(kept).toContain(key);
        const isLast = !backups.some(
          (other) => isGood(other) && other.source?.name === each.source?.name && other.startedAt > startedAt,
        );
        if (isGood(each) && isLast) expect(kept).toContain(key);
      }
    }));

  it('lets nothing of a source go while one of it is suspect', () =>
    always((backups, policy) => {
      const kept = keptOf(backups, policy);
      const frozen = backups.filter((each) => each.isSuspect && each.problem === undefined);
      for (const { source } of frozen)
        for (const each of backups) if (each.source?.name === source?.name) expect(kept).toContain(each.key);
    }));

  it('is not changed for good backups by one that is not good', () =>
    always(([extra, ...backups], policy) => {
      if (!extra) return;
      const good = (keys: ReadonlySet<string>) =>
        backups.filter((each) => isGood(each) && keys.has(each.key)).map(({ key }) => key);
      const without = good(keptOf(backups, policy));
      for (const bad of [{ isDamaged: true }, { problem: 'forged' }, { startedAt: HOUR_AHEAD }])
        expect(good(keptOf([{ ...extra, isSuspect: false, ...bad }, ...backups], policy))).toEqual(without);
      const withSuspect = good(
        keptOf([{ ...extra, problem: undefined, isSuspect: true }, ...backups], policy),
      );
      expect(withSuspect).toEqual(expect.arrayContaining(without));
    }));

  it('keeps no less by more days or higher counts', () =>
    always((backups, policy) => {
      const kept = keptOf(backups, policy);
      const more = {
        days: Object.fromEntries(Object.entries(policy.days).map(([type, n]) => [type, n + 3])),
        counts: Object.fromEntries(COUNT_NAMES.map((name) => [name, (policy.counts[name] ?? 0) + 1])),
      };
      const keptByMore = keptOf(backups, more);
      expect([...kept].filter((key) => !keptByMore.has(key))).toEqual([]);
    }));

  it('lets go of nothing more once what was to go has gone', () =>
    always((backups, policy) => {
      const kept = keptOf(backups, policy);
      const left = backups.filter(({ key }) => kept.has(key));
      expect(keptOf(left, policy)).toEqual(kept);
    }));

  it('keeps by a count what a slow reading of its words says', () =>
    always((backups, { counts }) => {
      const policy = { days: { '*': 0 }, counts };
      const plan = planRetention(backups, policy, NOW);
      const utc = (at: Date, length: number) => at.toISOString().slice(0, length);
      const monday = (at: Date) => String(Math.floor((at.getTime() / DAY_MS + 3) / 7));
      const period = {
        last: (at: Date, key: string) => `${at.toISOString()}${key}`,
        hourly: (at: Date) => utc(at, 13),
        daily: (at: Date) => utc(at, 10),
        weekly: monday,
        monthly: (at: Date) => utc(at, 7),
        yearly: (at: Date) => utc(at, 4),
      };
      for (const each of backups.filter(isGood)) {
        const ofSource = backups.filter((other) => isGood(other) && other.source?.name === each.source?.name);
        const isAfter = (a: RetentionBackup, b: RetentionBackup) =>
          a.startedAt > b.startedAt || (a.startedAt.getTime() === b.startedAt.getTime() && a.key > b.key);
        const reasons = plan.find(({ key }) => key === each.key)?.reasons ?? [];
        for (const name of COUNT_NAMES) {
          const nameOf = (b: RetentionBackup) => period[name](b.startedAt, b.key);
          const newer = ofSource.filter((other) => isAfter(other, each));
          const isNewest = !newer.some((other) => nameOf(other) === nameOf(each));
          const periods = new Set(newer.map(nameOf)).size;
          const wanted = isNewest && periods < (counts[name] ?? 0);
          expect(
            reasons.some((reason) =>
              reason.startsWith(name === 'last' ? `last ${counts.last}` : `${name} for`),
            ),
          ).toBe(wanted);
        }
      }
    }));
});

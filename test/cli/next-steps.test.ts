import { describe, expect, it } from 'vitest';
import { nextSteps } from '../../cli/next-steps.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import type { RepositoryStatus, SourceStatus } from '../../shared/jobs/status.ts';

const now = new Date('2026-03-31T12:00:00Z');
const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS);
const key = 'backups/daily/20260331/backup_daily_20260331_020000.json' as BackupKey;
const old = 'backups/daily/20260330/backup_daily_20260330_020000.json' as BackupKey;
const mark = (days: number) => ({ key, at: daysAgo(days), report: 'r' });
const drill = (days: number, outcome: 'equal' | 'different' = 'equal') => ({
  ...mark(days),
  outcome,
  restoreMs: 1000,
  records: 1,
});

const healthy: SourceStatus = {
  source: { kind: 'postgres', name: 'shop' },
  backups: 2,
  newestGood: { key, startedAt: daysAgo(0), isImported: false },
  waiting: [],
  failed: [],
  misdated: [],
  held: [],
  lastVerify: undefined,
  lastFullVerify: mark(30),
  lastDrill: drill(90),
};

function steps(source: Partial<SourceStatus>, status: Partial<RepositoryStatus> = {}) {
  const rest = { backups: 2, damaged: 0, newest: [], problems: [] };
  return nextSteps({ ...rest, sources: [{ ...healthy, ...source }], ...status } as never, now);
}

describe('what to do next', () => {
  it.each([
    [{}, {}, 'Nothing: all is well.'],
    [
      { waiting: [key, old] },
      {},
      /^2 backups of shop are suspect.*accept backup_daily_20260331_020000 backup_daily_20260330_020000 --reason/,
    ],
    [{ failed: [old] }, {}, /^Verification found damage in backup_daily_20260330_020000 of shop/],
    [{ newestGood: undefined }, {}, 'shop has no good backup: make one.'],
    [
      { lastFullVerify: mark(31) },
      {},
      /^shop: no full verification in 30 days: holdfast verify backup_daily/,
    ],
    [{ lastFullVerify: undefined }, {}, /^shop: no full verification in 30 days/],
    [{ lastDrill: undefined }, {}, /^shop: no drill yet: holdfast drill backup_daily/],
    [{ lastDrill: drill(91) }, {}, /^shop: no drill in 90 days/],
    [{ lastDrill: drill(1, 'different') }, {}, /^shop: the last drill ended with 'different'/],
    [{}, { damaged: 1 }, /^A manifest is damaged/],
    [{}, { problems: ['r was changed'] }, '1 report cannot be believed and is not counted: r was changed'],
    [
      {},
      { newest: [{ type: 'daily', source: healthy.source, startedAt: daysAgo(2) }] },
      /^The newest daily backup of shop is 2 days old/,
    ],
    [
      {},
      { newest: [{ type: 'weekly', source: healthy.source, startedAt: daysAgo(2) }] },
      'Nothing: all is well.',
    ],
    [{}, { backups: 0 }, /^Make the first backup/],
  ] as const)('of %o and %o is one thing', (source, status, said) => {
    expect(steps(source as Partial<SourceStatus>, status as never)).toEqual([
      typeof said === 'string' ? said : expect.stringMatching(said),
    ]);
  });
});

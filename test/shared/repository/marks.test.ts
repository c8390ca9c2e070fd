import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import type { JsonObject } from '../../../shared/core/json.ts';
import type { ReportKind } from '../../../shared/format/report.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository } from '../../support/engine.ts';

const one = 'backups/daily/20260301/backup_daily_20260301_020000.json' as BackupKey;
const two = 'backups/daily/20260302/backup_daily_20260302_020000.json' as BackupKey;
const verified = (damaged: readonly string[]) => ({
  depth: { kind: 'full' },
  damaged,
  damagedPacks: [],
  findings: damaged.length,
});

/** A repository with these reports, a second apart. */
async function withReports(reports: readonly (readonly [ReportKind, readonly BackupKey[], JsonObject])[]) {
  let seconds = 0;
  const clock = { now: () => new Date(Date.UTC(2026, 2, 3) + 1000 * seconds++) };
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, { clock });
  for (const [kind, backups, body] of reports) await repository.reports.write(kind, { backups, body }, never);
  return store;
}

async function marksOf(store: MemoryStore) {
  await using repository = await openRepository(store);
  return repository.marks(never);
}

describe('marks', () => {
  it('are the newest of each kind, for each backup', async () => {
    const store = await withReports([
      ['hold', [one, two], { reason: 'audit' }],
      ['release', [two], { reason: 'audit is over' }],
      ['verify', [one, two], verified([one])],
      ['verify', [one], verified([])],
      ['accept', [two], { reason: 'a table was dropped on purpose' }],
    ]);
    const marks = await marksOf(store);
    expect(marks.of(one)).toMatchObject({ hold: { reason: 'audit' }, verify: { isWhole: true } });
    expect(marks.of(two)).toMatchObject({
      accept: { reason: 'a table was dropped on purpose' },
      verify: { isWhole: true },
    });
    expect(marks.of(two).hold).toBeUndefined();
    expect(marks.of('backups/daily/20260303/backup_daily_20260303_020000.json')).toEqual({});
    expect(marks.problems).toEqual([]);
  });

  it('do not come from a report that does not say what its kind says', async () => {
    const marks = await marksOf(await withReports([['hold', [one], { why: 'audit' }]]));
    expect(marks.of(one)).toEqual({});
    expect(marks.problems).toMatchObject([{ code: 'E_DAMAGED' }]);
  });
});

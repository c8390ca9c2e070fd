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

describe('a verification', () => {
  const found = (depth: JsonObject, isDamaged: boolean) =>
    ['verify', [one], { ...verified(isDamaged ? [one] : []), depth }] as const;
  const [quick, full, first, second] = [
    { kind: 'quick' },
    { kind: 'full' },
    { kind: 'subset', part: 1, of: 2 },
    { kind: 'subset', part: 2, of: 2 },
  ] as const;

  it.each([
    ['a full one that found damage, a quick one', [found(full, true), found(quick, false)], false],
    ['a full one that found damage, another full one', [found(full, true), found(full, false)], true],
    ['a quick one that found damage, another quick one', [found(quick, true), found(quick, false)], true],
    ['a quick one that found damage, a full one', [found(quick, true), found(full, false)], true],
    ['a part that was damaged, another part', [found(first, true), found(second, false)], false],
    ['a part that was damaged, the same part', [found(first, true), found(first, false)], true],
    ['a full one, a quick one that found damage', [found(full, false), found(quick, true)], false],
  ])('says that a backup is whole only of what it looked for: %s', async (_, reports, isWhole) => {
    const { verify, fullVerify } = (await marksOf(await withReports(reports))).of(one);
    expect(verify?.isWhole).toBe(isWhole);
    const isFull = reports.some(([, , { depth }]) => depth === full);
    expect(fullVerify !== undefined).toBe(isFull);
  });
});

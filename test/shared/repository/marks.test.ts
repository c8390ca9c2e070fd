import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import type { JsonObject } from '../../../shared/core/json.ts';
import type { ReportKind } from '../../../shared/format/report.ts';
import { holdBackup, releaseBackup } from '../../../shared/jobs/retention/hold.ts';
import { notVerifiedSince } from '../../../shared/jobs/verify/verify-since.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository } from '../../support/repository/engine.ts';
import { ManualClock } from '../../support/repository/pruning.ts';

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
  const [quick, full, first, second, fresh] = [
    { kind: 'quick' },
    { kind: 'full' },
    { kind: 'subset', part: 1, of: 2 },
    { kind: 'subset', part: 2, of: 2 },
    { kind: 'new', part: 1, of: 1 },
  ] as const;

  it.each([
    ['a full one that found damage, a quick one', [found(full, true), found(quick, false)], false],
    ['a full one that found damage, another full one', [found(full, true), found(full, false)], true],
    ['a quick one that found damage, another quick one', [found(quick, true), found(quick, false)], true],
    ['a quick one that found damage, a full one', [found(quick, true), found(full, false)], true],
    ['a part that was damaged, another part', [found(first, true), found(second, false)], false],
    ['a part that was damaged, the same part', [found(first, true), found(first, false)], true],
    ['a full one, a quick one that found damage', [found(full, false), found(quick, true)], false],
    ['a full one that found damage, one part', [found(full, true), found(first, false)], false],
    [
      'a full one that found damage, all parts',
      [found(full, true), found(second, false), found(first, false)],
      true,
    ],
    [
      'all parts, and damage after the first',
      [found(first, false), found(full, true), found(second, false)],
      false,
    ],
    [
      'what is new, damaged; all parts',
      [found(fresh, true), found(first, false), found(second, false)],
      true,
    ],
    ['a part that was damaged, what is new', [found(first, true), found(fresh, false)], false],
    ['a full one that found damage, what is new', [found(full, true), found(fresh, false)], false],
  ])('says that a backup is whole only of what it looked for: %s', async (_, reports, isWhole) => {
    const { verify, fullVerify } = (await marksOf(await withReports(reports))).of(one);
    expect(verify?.isWhole).toBe(isWhole);
    const depths = reports.map(([, , { depth }]) => depth);
    const isFull = depths.includes(full) || (depths.includes(first) && depths.includes(second));
    expect(fullVerify !== undefined).toBe(isFull);
  });
});

/** What somebody can do who may write to the store and has no key: store every object again, in an order of his. */
async function storedAgain(from: MemoryStore, order: (keys: string[]) => string[]): Promise<MemoryStore> {
  let seconds = 0;
  const later = new MemoryStore({ now: () => new Date(Date.UTC(2026, 5, 1) + 1000 * seconds++) });
  const keys = (await Array.fromAsync(from.list(''))).map(({ key }) => key);
  for (const key of order(keys)) await later.put(key, await from.get(key));
  return later;
}

/** A repository in which the store and its writers agree on the time; `act` is called with a clock that goes on. */
async function withHistory(act: (repository: Repository, pass: () => void) => Promise<void>) {
  const clock = new ManualClock('2026-03-03T00:00:00.000Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  await store.put(one, Buffer.from('{}'));
  await using repository = await openRepository(store, { clock });
  await act(repository, () => clock.advance(60_000));
  return store;
}

const ORDERS: readonly (readonly [string, (keys: string[]) => string[]])[] = [
  ['in the order of their names', (keys) => keys.toSorted()],
  ['backwards', (keys) => keys.toSorted().reverse()],
  ['releases last', (keys) => keys.toSorted((a, b) => Number(/release/.test(a)) - Number(/release/.test(b)))],
];

describe.each(ORDERS)('objects that are stored again %s', (_, order) => {
  it('do not end a hold', async () => {
    const store = await withHistory(async (repository, pass) => {
      await holdBackup(repository, one, { reason: 'audit', signal: never });
      pass();
      await releaseBackup(repository, one, { reason: 'it is over', signal: never });
      pass();
      await holdBackup(repository, one, { reason: 'a second audit', signal: never });
    });
    const marks = (await marksOf(await storedAgain(store, order))).of(one);
    expect(marks.hold).toMatchObject({ reason: 'a second audit', at: new Date('2026-03-03T00:02:00Z') });
  });

  it('do not end a hold by a release that names none, as those of before', async () => {
    const store = await withHistory(async ({ reports }, pass) => {
      await reports.write('hold', { backups: [one], body: { reason: 'audit' } }, never);
      pass();
      await reports.write('release', { backups: [one], body: { reason: 'it is over' } }, never);
      pass();
      await reports.write('hold', { backups: [one], body: { reason: 'a second audit' } }, never);
    });
    expect((await marksOf(store)).of(one).hold?.reason).toBe('a second audit');
    expect((await marksOf(await storedAgain(store, order))).of(one).hold?.reason).toBe('a second audit');
  });

  it('do not take damage back, nor make a verification or a drill younger', async () => {
    const store = await withHistory(async ({ reports }, pass) => {
      await reports.write('verify', { backups: [one], body: verified([]) }, never);
      pass();
      await reports.write('verify', { backups: [one], body: verified([one]) }, never);
      await reports.write(
        'drill',
        { backups: [one], body: { outcome: 'equal', restoreMs: 1, records: 1 } },
        never,
      );
    });
    const again = await storedAgain(store, order);
    const { verify, fullVerify, drill } = (await marksOf(again)).of(one);
    const at = new Date('2026-03-03T00:01:00Z');
    expect({ verify, fullVerify: fullVerify?.at, drill: drill?.at }).toMatchObject({
      verify: { isWhole: false, at },
      fullVerify: at,
      drill: at,
    });
    await using repository = await openRepository(again);
    const options = { since: new Date('2026-05-01'), depth: { kind: 'full' }, signal: never } as const;
    expect(await notVerifiedSince(repository, [one], options)).toEqual([one]);
  });
});

it('a release ends the holds that it was made for, whatever the clock of its writer says', async () => {
  const store = await withHistory(async (repository, pass) => {
    await holdBackup(repository, one, { reason: 'audit', signal: never });
    await holdBackup(repository, one, { reason: 'another', signal: never });
    pass();
    await using behind = await openRepository(repository.store, {
      clock: { now: () => new Date('2020-01-01') },
    });
    await releaseBackup(behind, one, { reason: 'it is over', signal: never });
  });
  expect((await marksOf(store)).of(one)).toEqual({});
});

it('a verification by a clock that is ahead takes back no damage that was found later', async () => {
  const store = await withHistory(async (repository, pass) => {
    await using ahead = await openRepository(repository.store, {
      clock: { now: () => new Date('2027-01-01') },
    });
    await ahead.reports.write('verify', { backups: [one], body: verified([]) }, never);
    pass();
    await repository.reports.write('verify', { backups: [one], body: verified([one]) }, never);
  });
  expect((await marksOf(store)).of(one).verify?.isWhole).toBe(false);
});

import { describe, expect } from 'vitest';
import type { RetentionPolicy } from '../../../../shared/config/retention.ts';
import { type BackupKey, parseBackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import { lockBackups, lockProblem } from '../../../../shared/jobs/lock/lock.ts';
import { readLockState } from '../../../../shared/jobs/lock/lock-state.ts';
import { holdBackup, releaseBackup } from '../../../../shared/jobs/retention/hold.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { backUp, initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { InlinePool } from '../../../support/repository/inline-pool.ts';
import { neededObjects } from '../../../support/repository/needed-objects.ts';
import { keepLast, ManualClock, packsOf } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { MemoryLocks } from '../../../support/stores/memory-locks.ts';

const it = turns(3);

const DAYS: Readonly<Record<string, number>> = { daily: 8, weekly: 24 };
const policy: RetentionPolicy = { days: { ...DAYS }, counts: {} };
const lock = { mode: 'compliance', mostMs: 24 * DAY_MS } as const;

/** Some rows stay for ever, some for a week, some are of the day. */
function dataOf(day: number) {
  const week = Math.floor(day / 7);
  return { t: [0, 100 + week, 1000 + day].flatMap((seed) => seededRows(60, seed)).join('') };
}

async function newPlace(graceMs = 2 * DAY_MS) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  const locks = new MemoryLocks(store);
  await initRepository(store);
  const options = { clock, pool: new InlinePool(), graceMs };
  const repository = await openRepository(store, options);
  /** As the function has it: without a key. */
  const keyless = await openRepository(store, { ...options, keys: undefined });
  const lockAll = (only?: BackupKey) =>
    lockBackups(keyless, locks, { lock, policy, only, isDryRun: false, signal: never });
  const prune = async (rules = policy) => {
    const options = { isDryRun: false, locks, signal: never };
    return runPrune(repository, await preparePrune(repository, { policy: rules, maxShare: 1 }, options), {
      signal: never,
    });
  };
  return { clock, store, locks, repository, keyless, lockAll, prune };
}

/** What a listed backup needs, by its bytes as they are stored. */
async function neededBy(store: ObjectStore, key: string): Promise<string[]> {
  return [key, 'repository.json', ...(await neededObjects(store, key))];
}

async function listed(store: ObjectStore): Promise<string[]> {
  return (await Array.fromAsync(store.list('backups/'))).map(({ key }) => key);
}

/** Objects that somebody could remove before the days of a backup that needs them are over. */
async function unlocked(store: ObjectStore, locks: MemoryLocks, now: Date): Promise<string[]> {
  const found = new Set<string>();
  for (const key of await listed(store)) {
    const { type = '', startedAt = new Date(0) } = parseBackupKey(key) ?? {};
    const end = startedAt.getTime() + (DAYS[type] ?? 0) * DAY_MS;
    if (end <= now.getTime()) continue;
    for (const object of await neededBy(store, key))
      if ((locks.retentions.get(object)?.until.getTime() ?? 0) < end) found.add(object);
  }
  return [...found];
}

describe('locks over two months of backups', () => {
  it('hold whatever a backup needs until its days are over, and keep prune from nothing but what is locked', async () => {
    const { clock, store, locks, repository, lockAll, prune } = await newPlace();
    await using _ = repository;
    const removedTooSoon: string[] = [];
    const remove = store.delete.bind(store);
    store.delete = async (key, options) => {
      if ((locks.retentions.get(key)?.until ?? 0) > clock.now()) removedTooSoon.push(key);
      await remove(key, options);
    };
    let removed = 0;
    for (let day = 0; day < 60; day++) {
      for (const type of day % 7 === 0 ? ['daily', 'weekly'] : ['daily']) {
        const { key } = await backUp(repository, dataOf(day), { type });
        const result = await lockAll(key);
        expect(lockProblem(result)).toBeUndefined();
        clock.advance(HOUR_MS);
      }
      await lockAll();
      expect(await unlocked(store, locks, clock.now())).toEqual([]);
      const { expired, removedPacks } = await prune();
      removed += expired.length + removedPacks;
      clock.set(new Date(clock.now().getTime() + DAY_MS - HOUR_MS));
    }
    expect(removedTooSoon).toEqual([]);
    expect((await listed(store)).length).toBeLessThanOrEqual(8 + 1 + 4 + 1);
    expect(removed).toBeGreaterThan(60);
  });

  it('are not there without the function: what later backups need is free when the first lock is over', async () => {
    const { clock, store, locks, repository } = await newPlace();
    await using _ = repository;
    for (let day = 0; day < 12; day++) {
      const { key } = await backUp(repository, dataOf(day));
      // What a bucket locks everything for that is put.
      for (const object of await neededBy(store, key))
        if (!locks.retentions.has(object))
          await locks.retain(object, {
            until: new Date(clock.now().getTime() + 8 * DAY_MS),
            mode: 'compliance',
          });
      clock.advanceDays(1);
    }
    expect(await unlocked(store, locks, clock.now())).not.toEqual([]);
  });
});

describe('a run of the locks', () => {
  it('does only what is missing, and the second time nothing', async () => {
    const { locks, repository, lockAll, clock } = await newPlace();
    await using _ = repository;
    const { key } = await backUp(repository, dataOf(0));
    const packs = (await packsOf(repository, key)).length;
    const first = await lockAll(key);
    expect(first).toMatchObject({
      objects: packs + 2,
      extended: packs + 2,
      held: 0,
      missing: [],
      unread: [],
    });
    const until = first.backups[0]?.until?.getTime() ?? 0;
    expect(until).toBeGreaterThanOrEqual(clock.now().getTime() + 8 * DAY_MS);
    const { writes } = locks.counts;
    expect(await lockAll()).toMatchObject({ extended: 0 });
    expect(locks.counts.writes).toBe(writes);
  });

  it('makes a lock that moves on longer by more than a day, so that not every run has to', async () => {
    const { repository, lockAll, clock } = await newPlace();
    await using _ = repository;
    await backUp(repository, dataOf(0));
    await lockAll();
    // Past its days, as the last good one.
    clock.advanceDays(8);
    const busy: number[] = [];
    for (let day = 0; day < 10; day++) {
      busy.push((await lockAll()).extended > 0 ? 1 : 0);
      clock.advanceDays(1);
    }
    expect(busy).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
  });

  it('a dry run says what it would do, and does nothing', async () => {
    const { locks, repository, keyless } = await newPlace();
    await using _ = repository;
    const { key } = await backUp(repository, dataOf(0));
    const options = { lock, policy, isDryRun: true, signal: never };
    const { extended, backups } = await lockBackups(keyless, locks, options);
    expect([extended > 2, backups[0]?.backup, locks.counts.writes]).toEqual([true, key, 0]);
  });

  it('locks everything else where a pack is gone or a manifest is damaged, and says so', async () => {
    const { store, locks, repository, lockAll, clock } = await newPlace();
    await using _ = repository;
    const { key } = await backUp(repository, dataOf(0));
    clock.advanceDays(1);
    const next = await backUp(repository, dataOf(1));
    const [pack = ''] = await packsOf(repository, key);
    const gone = `data/${pack.slice(0, 2)}/${pack}`;
    await store.delete(gone);
    const bad = key.replace('backup_daily', 'backup_daily').replace(/_\d{6}\.json$/, '_235959.json');
    await store.put(bad, Buffer.from('{}'));
    const result = await lockAll();
    expect(result).toMatchObject({ missing: [gone], unread: [bad], refused: [] });
    expect(lockProblem(result)).toMatchObject({ code: 'E_DAMAGED', message: expect.stringContaining(gone) });
    for (const object of await neededBy(store, next.key))
      if (object !== gone) expect(locks.retentions.has(object), object).toBe(true);
  });

  it('goes on where one lock is refused, and fails with that', async () => {
    const { locks, repository, lockAll } = await newPlace();
    await using _ = repository;
    const { key } = await backUp(repository, dataOf(0));
    const [first = '', ...others] = await packsOf(repository, key);
    const stuck = `data/${first.slice(0, 2)}/${first}`;
    // Stands for an object whose lock this role may not change.
    const weak = { until: new Date(0), mode: 'governance' } as const;
    locks.retentions.set(stuck, weak);
    const retain = locks.retain.bind(locks);
    locks.retain = (object, retention) =>
      retain(object, object === stuck ? { ...retention, mode: 'compliance' } : retention);
    const result = await lockAll();
    expect(lockProblem(result)).toMatchObject({
      code: 'E_STORE_DENIED',
      message: expect.stringContaining(stuck),
    });
    for (const id of others) expect(locks.retentions.has(`data/${id.slice(0, 2)}/${id}`)).toBe(true);
    expect(result.weaker).toBe(1);
  });
});

describe('what nobody can remove', () => {
  it('is said of a backup by the first of its locks that ends', async () => {
    const { clock, store, locks, repository, lockAll } = await newPlace();
    await using _ = repository;
    const { key } = await backUp(repository, dataOf(0));
    const state = () => readLockState(repository, locks, { backup: key, signal: never });
    expect(await state()).toMatchObject({ backup: key, until: null, mode: 'compliance' });
    await lockAll();
    const ends = (await neededBy(store, key)).map(
      (object) => locks.retentions.get(object)?.until.getTime() ?? 0,
    );
    expect((await state()).until?.getTime()).toBe(Math.min(...ends));
    const [pack = ''] = await packsOf(repository, key);
    locks.retentions.set(`data/${pack.slice(0, 2)}/${pack}`, {
      until: new Date(Math.min(...ends)),
      mode: 'governance',
    });
    expect((await state()).mode).toBe('governance');
    clock.advanceDays(40);
    expect((await state()).until).toBeNull();
  });
});

describe('prune beside locks', () => {
  it('passes over a backup that is locked, and says until when', async () => {
    const { clock, repository, locks, lockAll, prune } = await newPlace();
    await using _ = repository;
    const keys: BackupKey[] = [];
    for (let day = 0; day < 3; day++) {
      keys.push((await backUp(repository, dataOf(day))).key);
      clock.advanceDays(1);
    }
    await lockAll();
    const options = { isDryRun: true, locks, signal: never };
    const { plan } = await preparePrune(repository, { policy: keepLast(1), maxShare: 1 }, options);
    expect(plan.decisions.slice(1).map(({ reasons }) => reasons)).toEqual([
      ['locked until 2026-03-10'],
      ['locked until 2026-03-09'],
    ]);
    expect(await prune(keepLast(1))).toMatchObject({ expired: [], removedPacks: 0, locked: { backups: 2 } });
    clock.advanceDays(20);
    expect(await prune(keepLast(1))).toMatchObject({ expired: expect.arrayContaining(keys.slice(0, 2)) });
  });

  it('passes over packs that are locked for longer than any backup needs them', async () => {
    const { clock, store, repository, locks, lockAll, prune } = await newPlace(DAY_MS);
    await using _ = repository;
    const first = await backUp(repository, dataOf(0));
    await lockAll();
    clock.advanceDays(1);
    const second = await backUp(repository, { t: seededRows(200, 77).join('') });
    // The second may have stored differences from what the first stored.
    const still = await packsOf(repository, second.key);
    const left = (await packsOf(repository, first.key)).filter((id) => !still.includes(id));
    const packs = left.map((id) => `data/${id.slice(0, 2)}/${id}`);
    const later = { until: new Date(clock.now().getTime() + 20 * DAY_MS), mode: 'compliance' } as const;
    for (const pack of packs) await locks.retain(pack, later);
    clock.advanceDays(8);
    expect(await prune(keepLast(1))).toMatchObject({ expired: [first.key] });
    clock.advanceDays(2);
    const pruned = await prune(keepLast(1));
    expect(pruned).toMatchObject({ removedPacks: 0, freedBytes: 0, locked: { packs: packs.length } });
    expect(pruned.locked.bytes).toBeGreaterThan(0);
    clock.advanceDays(20);
    expect(await prune(keepLast(1))).toMatchObject({ removedPacks: packs.length, locked: { packs: 0 } });
    expect((await Array.fromAsync(store.list('data/'))).map(({ key }) => key)).not.toContain(packs[0]);
  });
});

describe('a hold', () => {
  async function held(repository: Repository) {
    const { key } = await backUp(repository, dataOf(0));
    await holdBackup(repository, key, { reason: 'audit', signal: never });
    return key;
  }

  it('puts a legal hold on all that the backup needs, and on itself', async () => {
    const { clock, store, locks, repository, lockAll } = await newPlace();
    await using _ = repository;
    const key = await held(repository);
    clock.advanceDays(1);
    const other = await backUp(repository, { t: seededRows(200, 77).join('') });
    await lockAll();
    const reports = (await Array.fromAsync(store.list('reports/hold/'))).map((info) => info.key);
    const wanted = [...(await neededBy(store, key)), ...reports].toSorted();
    expect([...locks.held].toSorted()).toEqual(wanted);
    expect(wanted).not.toContain(other.key);
  });

  it('that is released leaves its legal hold to who may take it off, and prune passes it over', async () => {
    const { clock, locks, repository, lockAll, prune } = await newPlace();
    await using _ = repository;
    const key = await held(repository);
    await lockAll();
    clock.advance(HOUR_MS);
    await releaseBackup(repository, key, { reason: 'done', signal: never });
    clock.advanceDays(30);
    await backUp(repository, dataOf(30));
    await lockAll();
    expect(locks.held.has(key)).toBe(true);
    expect(await prune()).toMatchObject({ expired: [], locked: { backups: 1 } });
  });
});

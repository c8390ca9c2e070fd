import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { rekeyRepository } from '../../../../shared/jobs/keys/rekey.ts';
import { holdBackup } from '../../../../shared/jobs/retention/hold.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import type { KeyProvider } from '../../../../shared/keys/key-provider.ts';
import { Repository } from '../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  never,
  openCheaply,
  SMALL_CHUNKS,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { keepLast, ManualClock, prune } from '../../../support/repository/pruning.ts';
import { addRecovery, openRecovered, SealedKeys } from '../../../support/repository/recovery.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { commit, newRun, plan, readShares, sharedSource } from '../../../support/repository/shares.ts';
import { MemoryLocks } from '../../../support/stores/memory-locks.ts';

const GRACE_DAYS = 2;
/** Of every day its own, so that no backup needs what another stored. */
const dataOf = (day: number) => ({ t: seededRows(100, 1000 + day).join('') });

async function newWorld(keys: KeyProvider = new SealedKeys()) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
  const options = { clock, graceMs: GRACE_DAYS * DAY_MS };
  const repository = await openCheaply(store, { keys, ...options });
  const { key: recoveryKey } = await addRecovery(repository);
  const wraps = async () => (await Array.fromAsync(store.list('recovery/'))).map(({ key }) => key);
  const backUpDays = async (days: number) => {
    const made: BackupKey[] = [];
    for (let day = 0; day < days; day++) {
      made.push((await backUp(repository, dataOf(day))).key);
      clock.advanceDays(1);
    }
    return made;
  };
  /** What a backup needs is there, by the recovery key alone. */
  const restores = async (key: BackupKey, day: number) => {
    await using recovered = await openRecovered(store, recoveryKey, { clock });
    expect(await digests(recovered, key)).toEqual(digestsOf(dataOf(day)));
  };
  return {
    clock,
    store,
    keys,
    repository,
    recoveryKey,
    wraps,
    backUpDays,
    restores,
    options,
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
}

/** By the page on the format: what a backup needs of a recovery key, from the bytes of its manifest. */
async function neededBy(store: MemoryStore, backup: string, recoveryKey: string): Promise<string[]> {
  const { keys } = JSON.parse(Buffer.from(await store.get(backup)).toString()) as {
    readonly keys: readonly Record<'run' | 'purpose' | 'wrapped', string>[];
  };
  return keys.map(({ run, purpose, wrapped }) => {
    const name = createHash('sha256').update(`${run}/${purpose}/${wrapped}`).digest('hex').slice(0, 32);
    return `recovery/${recoveryKey}/${name}`;
  });
}

describe('what was wrapped to recovery keys', () => {
  it('goes with the last backup that needs it, when its grace is over, and what others need stays', async () => {
    await using world = await newWorld();
    const { repository, clock, store, wraps, restores, recoveryKey } = world;
    const keys = await world.backUpDays(3);
    const [, , last = ''] = keys;
    const before = await wraps();
    const needed = (await neededBy(store, last, recoveryKey.id)).toSorted();
    expect(needed.length).toBeLessThan(before.length);
    expect(await prune(repository, keepLast(1))).toMatchObject({
      expired: keys.slice(0, 2),
      removedWraps: 0,
    });
    expect(await wraps()).toEqual(before);
    clock.advanceDays(GRACE_DAYS);
    expect((await prune(repository, keepLast(1))).removedWraps).toBe(before.length - needed.length);
    expect(await wraps()).toEqual(needed);
    await restores(last as BackupKey, 2);
    expect(await prune(repository, keepLast(1))).toMatchObject({ removedWraps: 0 });
  });

  it('goes without a key too, as in a second place', async () => {
    await using world = await newWorld();
    const keys = await world.backUpDays(2);
    await using keyless = await openCheaply(world.store, { keys: undefined, ...world.options });
    await prune(keyless, keepLast(1));
    world.clock.advanceDays(GRACE_DAYS);
    expect((await prune(keyless, keepLast(1))).removedWraps).toBeGreaterThan(0);
    await world.restores(keys[1] as BackupKey, 1);
  });

  it('stays of a run that is not listed yet', async () => {
    await using world = await newWorld();
    const { repository, clock, store, recoveryKey } = world;
    await world.backUpDays(1);
    const source = sharedSource({ t: [dataOf(7).t] });
    const planned = await plan(repository, source, { run: newRun() });
    await readShares(repository, source, planned);
    clock.advance(DAY_MS / 4);
    await prune(repository, keepLast(1));
    const { key } = await commit(repository, planned);
    await using recovered = await openRecovered(store, recoveryKey, { clock });
    expect((await digests(recovered, key))['t']).toBe(digestsOf(dataOf(7))['t']);
  });

  it('stays of what is held, and of what is locked until it is not', async () => {
    await using world = await newWorld();
    const { repository, clock, store, wraps, restores, recoveryKey } = world;
    const [held, gone, last] = (await world.backUpDays(3)) as [BackupKey, BackupKey, BackupKey];
    await holdBackup(repository, held, { reason: 'audit', signal: never });
    const needed = new Set<string>();
    for (const key of [held, last])
      for (const one of await neededBy(store, key, recoveryKey.id)) needed.add(one);
    const before = await wraps();
    expect(await prune(repository, keepLast(1))).toMatchObject({ expired: [gone] });
    clock.advanceDays(GRACE_DAYS);
    const locks = new MemoryLocks(store);
    const until = new Date(clock.now().getTime() + DAY_MS);
    for (const object of before) locks.retentions.set(object, { until, mode: 'compliance' });
    const rules = { policy: keepLast(1), maxShare: 1 };
    const mindful = await preparePrune(repository, rules, { isDryRun: false, locks, signal: never });
    expect(mindful.plan.unwrap).toEqual([]);
    expect(await runPrune(repository, mindful, { signal: never })).toMatchObject({ removedWraps: 0 });
    expect((await prune(repository, keepLast(1))).removedWraps).toBe(before.length - needed.size);
    expect(await wraps()).toEqual([...needed].toSorted());
    await restores(held, 0);
    await restores(last, 2);
  });

  it('stays as long as a manifest cannot be read', async () => {
    await using world = await newWorld();
    const { repository, clock, store, wraps } = world;
    await world.backUpDays(2);
    const before = await wraps();
    await prune(repository, keepLast(1));
    clock.advanceDays(GRACE_DAYS);
    await store.put('backups/daily/20260301/backup_daily_20260301_030000.json', Buffer.from('nonsense'));
    expect(await prune(repository, keepLast(1))).toMatchObject({
      removedWraps: 0,
      blockedBy: expect.stringContaining('cannot be read'),
    });
    expect(await wraps()).toEqual(before);
  });

  it('of a root key stays, whether a backup names it or not', async () => {
    await using world = await newWorld(new HexKeyProvider(TEST_KEY));
    const { clock, wraps, store } = world;
    await world.backUpDays(2);
    const open = (hexKey: string) =>
      openCheaply(store, { keys: new HexKeyProvider(hexKey), ...world.options });
    const newKey = createHash('sha256').update('the next key').digest('hex');
    await rekeyRepository(open, { key: TEST_KEY, newKey, signal: never });
    const before = await wraps();
    expect(before).toHaveLength(2);
    await using renewed = await open(newKey);
    for (let round = 0; round < 2; round++) {
      clock.advanceDays(30);
      expect(await prune(renewed, keepLast(1))).toMatchObject({ removedWraps: 0 });
    }
    expect(await wraps()).toEqual(before);
  });
});

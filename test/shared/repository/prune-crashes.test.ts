import { beforeAll, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { RetryingStore } from '../../../shared/store/retrying-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openRepository,
} from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { keepLast, ManualClock, prune, storedKeys } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { strides } from '../../support/repository/torture.ts';
import { FaultyStore } from '../../support/stores/faulty-store.ts';

const GRACE_MS = 7 * DAY_MS;
const START = '2026-03-01T02:00:00Z';
const POLICY = keepLast(2);

const dataOf = (day: number) => ({ t: seededRows(40, day).join('') + seededRows(40, day + 1).join('') });

/**
 * A store where a prune has all of its work to do: backups to take out, packs to remove of some that were taken out
 * before, one of those held since, and what a stopped run left.
 */
interface Before {
  readonly objects: readonly { readonly key: string; readonly body: Uint8Array; readonly at: Date }[];
  readonly days: ReadonlyMap<BackupKey, number>;
  readonly now: Date;
}

async function makeBefore(): Promise<Before> {
  const clock = new ManualClock(START);
  const store = new MemoryStore(clock);
  await initRepository(store);
  await using repository = await openRepository(store, { clock, pool: new InlinePool() });
  const days = new Map<BackupKey, number>();
  for (let day = 0; day < 5; day++) {
    clock.advanceDays(1);
    days.set((await backUp(repository, dataOf(day))).key, day);
  }
  await store.put(`data/ab/${'ab'.repeat(32)}`, Buffer.from('left by a stopped run'));
  await prune(repository, keepLast(3));
  const [first] = [...days.keys()];
  await repository.reports.write('hold', { backups: [first!], body: { reason: 'audit' } }, never);
  for (let day = 5; day < 7; day++) {
    clock.advanceDays(4);
    days.set((await backUp(repository, dataOf(day))).key, day);
  }
  const objects = [];
  for await (const { key, modifiedAt } of store.list(''))
    objects.push({ key, body: await store.get(key), at: modifiedAt });
  return { objects, days, now: clock.now() };
}

/** The same objects with the same dates. */
async function copyOf({ objects, now }: Before): Promise<{ store: MemoryStore; clock: ManualClock }> {
  const clock = new ManualClock(START);
  const store = new MemoryStore(clock);
  for (const { key, body, at } of objects) {
    clock.advance(at.getTime() - clock.now().getTime());
    await store.put(key, body);
  }
  clock.advance(now.getTime() - clock.now().getTime());
  return { store, clock };
}

async function pruneWith(store: ObjectStore, clock: ManualClock) {
  await using repository = await openRepository(store, { clock, pool: new InlinePool(), graceMs: GRACE_MS });
  return prune(repository, POLICY);
}

/** Loses the answer of the `call`-th call, once it has done its work. */
function losing(inner: ObjectStore, call: number): ObjectStore & { readonly calls: () => number } {
  let calls = 0;
  const lose = async <T>(work: Promise<T>): Promise<T> => {
    const answer = await work;
    if (++calls === call) throw new HoldfastError('E_STORE_UNAVAILABLE', 'the answer was lost');
    return answer;
  };
  return {
    location: inner.location,
    calls: () => calls,
    put: (...args) => lose(inner.put(...args)),
    get: (...args) => lose(inner.get(...args)),
    head: (...args) => lose(inner.head(...args)),
    delete: (...args) => lose(inner.delete(...args)),
    list: (...args) => inner.list(...args),
  };
}

describe('a prune', () => {
  let before: Before;
  /** What is there after a prune that nothing disturbs, and after another past the grace. */
  let wanted: Awaited<ReturnType<typeof storedKeys>>;
  let finished: Awaited<ReturnType<typeof storedKeys>>;

  beforeAll(async () => {
    before = await makeBefore();
    const { store, clock } = await copyOf(before);
    const result = await pruneWith(store, clock);
    expect([result.expired.length, result.putBack.length]).toEqual([3, 1]);
    expect(result.removedPacks).toBeGreaterThan(1);
    await expectWhole(store, clock, before.days);
    wanted = await storedKeys(store);
    clock.advance(GRACE_MS);
    await pruneWith(store, clock);
    await expectWhole(store, clock, before.days);
    finished = await storedKeys(store);
  });

  it.each(['before', 'after'] as const)(
    'whose process dies %s a store call leaves every listed backup whole, and the next comes to the same end',
    async (moment) => {
      let call = 0;
      for (call of strides(12)) {
        const { store, clock } = await copyOf(before);
        const faulty = new FaultyStore(store).dieAt(call, moment);
        const survived = await pruneWith(faulty, clock).then(() => true, isDeath);
        await expectWhole(store, clock, before.days);
        await pruneWith(store, clock);
        const after = await storedKeys(store);
        expect([after.backups, after.data], `call ${call}`).toEqual([wanted.backups, wanted.data]);
        clock.advance(GRACE_MS);
        await pruneWith(store, clock);
        expect(await storedKeys(store), `call ${call}`).toEqual(finished);
        expect(call).toBeLessThan(200);
        if (survived) break;
      }
      expect(call).toBeGreaterThan(30);
    },
    120_000,
  );

  it('does the same where the answer of any one call is lost, and the call made again', async () => {
    let calls = 1;
    for (let call = 1; call <= calls; call++) {
      const { store, clock } = await copyOf(before);
      const lossy = losing(store, call);
      await pruneWith(new RetryingStore(lossy, { sleep: async () => {} }), clock);
      const { backups, data, expired } = await storedKeys(store);
      expect({ backups, data, expired }, `call ${call}`).toEqual(wanted);
      calls = lossy.calls();
    }
    expect(calls).toBeGreaterThan(30);
  }, 60_000);
});

/** False, for a prune that did not survive. @throws what else it failed with */
function isDeath(error: unknown): false {
  expect(error).toMatchObject({ code: 'E_STORE_DENIED' });
  return false;
}

async function expectWhole(
  store: ObjectStore,
  clock: ManualClock,
  days: ReadonlyMap<BackupKey, number>,
): Promise<void> {
  await using repository = await openRepository(store, { clock, pool: new InlinePool() });
  const keys = await repository.backupKeys(never);
  expect(keys.length).toBeGreaterThanOrEqual(2);
  for (const key of keys)
    expect(await digests(repository, key)).toEqual(digestsOf(dataOf(days.get(key) ?? -1)));
}

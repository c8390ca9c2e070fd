import { beforeEach, describe, expect } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { holdBackup } from '../../../../shared/jobs/retention/hold.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { keepLast, ManualClock, prune } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { differences, faultsOf, keysBelow } from '../../../support/stores/second-place.ts';

const it = turns(3);

const MARK = 'expired/sweep_0123456789abcdef';
const GRACE_DAYS = 7;

let clock: ManualClock;
let first: MemoryStore;
let second: MemoryStore;
let key: BackupKey;

async function copy(to: ObjectStore = second) {
  await using repository = await openCheaply(first, { clock, keys: undefined });
  return copyBackups(repository, to, { signal: never });
}

const openSecond = () => openCheaply(second, { clock });

/** The second place, where `when` is called before each call of that kind. */
function meddling(when: (method: string, key: string) => Promise<void>): ObjectStore {
  return {
    location: second.location,
    put: async (...args) => when('put', args[0]).then(() => second.put(...args)),
    get: async (...args) => when('get', args[0]).then(() => second.get(...args)),
    head: async (...args) => when('head', args[0]).then(() => second.head(...args)),
    delete: async (...args) => when('delete', args[0]).then(() => second.delete(...args)),
    list: async function* (...args) {
      await when('list', args[0]);
      yield* second.list(...args);
    },
  };
}

/** A copy that is killed when it has stored some packs. */
async function killedCopy(): Promise<void> {
  let packs = 0;
  const dying = meddling(async (method, object) => {
    if (method === 'put' && object.startsWith('data/') && ++packs > 2)
      throw new HoldfastError('E_STORE_DENIED', 'the process is dead');
  });
  await expect(copy(dying)).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
  expect(await keysBelow(second, 'data/')).toHaveLength(2);
}

beforeEach(async () => {
  clock = new ManualClock('2026-03-01T02:00:00Z');
  first = new MemoryStore(clock);
  second = new MemoryStore(clock);
  await initRepository(first);
  await using repository = await openCheaply(first, { clock });
  ({ key } = await backUp(repository, { t: seededRows(6000, 1).join('') }));
});

describe('a copy beside a prune of the second place', () => {
  it('lists nothing while packs are being removed there, and does so when that is over', async () => {
    await second.put(MARK, Buffer.from('sweep\n'));
    expect((await copy()).passedOver).toMatchObject([{ key, why: 'waiting' }]);
    expect(await keysBelow(second, 'backups/')).toEqual([]);
    await second.delete(MARK);
    expect((await copy()).copied.map((one) => one.key)).toEqual([key]);
    expect(await differences(first, second)).toEqual([]);
  });

  it('takes no notice of a prune that was killed while it removed packs, once that is long ago', async () => {
    await second.put(MARK, Buffer.from('sweep\n'));
    clock.advanceDays(GRACE_DAYS / 2 + 1);
    expect((await copy()).copied).toHaveLength(1);
  });

  it('lists nothing where a prune removed a pack of it just before, and brings that again', async () => {
    let isRemoved = false;
    const place = meddling(async (method, prefix) => {
      if (method !== 'list' || prefix !== 'expired/sweep_' || isRemoved) return;
      isRemoved = true;
      await second.delete((await keysBelow(second, 'data/'))[0] ?? '');
    });
    expect((await copy(place)).passedOver).toMatchObject([{ key, why: 'waiting' }]);
    expect([isRemoved, await keysBelow(second, 'backups/')]).toEqual([true, []]);
    expect(await copy()).toMatchObject({ packs: 1, passedOver: [] });
    expect(await faultsOf(second)).toEqual([]);
  });

  it('goes on after days: what it left is older than the grace, is claimed, and stays', async () => {
    await killedCopy();
    const left = await keysBelow(second, 'data/');
    clock.advanceDays(GRACE_DAYS + 2);
    // Between claim and list a prune begins: the packs are old, and named by the claim alone.
    let isPruned = false;
    const place = meddling(async (method, object) => {
      if (method !== 'put' || object !== key || isPruned) return;
      isPruned = true;
      await using there = await openSecond();
      await prune(there, keepLast(1));
    });
    expect((await copy(place)).copied.map((one) => one.key)).toEqual([key]);
    expect(isPruned).toBe(true);
    expect(await keysBelow(second, 'data/')).toEqual(expect.arrayContaining(left));
    expect(await faultsOf(second)).toEqual([]);
  });

  it('lists nothing that refers to packs of a backup that was taken out there, too long ago, while it ran', async () => {
    await copy();
    await using repository = await openCheaply(first, { clock });
    clock.advanceDays(1);
    const rows = seededRows(6000, 1).join('') + seededRows(300, 2).join('');
    const { key: next } = await backUp(repository, { t: rows });
    let isSlow = false;
    const place = meddling(async (method, object) => {
      if (method !== 'put' || !object.startsWith('data/') || isSlow) return;
      isSlow = true;
      await second.delete(key);
      clock.advanceDays(GRACE_DAYS / 2 + 1);
    });
    const { passedOver } = await copy(place);
    expect(isSlow).toBe(true);
    expect(passedOver).toMatchObject([{ key: next, why: 'waiting' }]);
    expect((await copy()).passedOver).toEqual([]);
    expect(await differences(first, second)).toEqual([]);
  });

  it('does not let a prune there list what is half copied, though it is held here', async () => {
    await using repository = await openCheaply(first, { clock });
    await holdBackup(repository, key, { reason: 'audit', signal: never });
    await killedCopy();
    clock.advanceDays(2);
    let isPruned = false;
    const place = meddling(async (method, object) => {
      // It has claimed what is there, and brings the rest.
      if (method !== 'put' || !object.startsWith('data/') || isPruned) return;
      expect(await keysBelow(second, 'expired/')).toHaveLength(1);
      isPruned = true;
      await using there = await openSecond();
      expect((await prune(there, keepLast(1))).putBack).toEqual([]);
      expect(await faultsOf(second)).toEqual([]);
    });
    await copy(place);
    expect(isPruned).toBe(true);
    expect(await keysBelow(second, 'reports/hold/')).toEqual(await keysBelow(first, 'reports/hold/'));
  });
});

describe('a prune beside a copy to its place', () => {
  async function dropped() {
    await copy();
    await second.delete(key);
    clock.advanceDays(GRACE_DAYS + 1);
    const there = await openSecond();
    const rules = { policy: keepLast(1), maxShare: 1 };
    const prepared = await preparePrune(there, rules, { isDryRun: false, signal: never });
    expect(prepared.plan.sweep.length).toBeGreaterThan(0);
    return { there, prepared };
  }

  it('does not remove a pack that another removed, and that was stored again since', async () => {
    const { there, prepared } = await dropped();
    const [pack = ''] = await keysBelow(second, 'data/');
    const body = await second.get(pack);
    await second.delete(pack);
    clock.advance(1000);
    await second.put(pack, body);
    const { removedPacks } = await runPrune(there, prepared, { signal: never });
    expect(removedPacks).toBe(prepared.plan.sweep.length - 1);
    expect(await keysBelow(second, 'data/')).toEqual([pack]);
  });

  it('says that it removes packs for as long as it does, and no longer', async () => {
    const { there, prepared } = await dropped();
    let seen = 0;
    const store = meddling(async (method, object) => {
      if (method !== 'delete' || !object.startsWith('data/')) return;
      expect(await keysBelow(second, 'expired/sweep_')).toHaveLength(1);
      seen++;
    });
    await using watched = await openCheaply(store, { clock });
    await runPrune(watched, prepared, { signal: never });
    expect(seen).toBe(prepared.plan.sweep.length);
    expect(await keysBelow(second, 'expired/')).toEqual([]);
    await there[Symbol.asyncDispose]();
  });

  it('removes nothing by what it saw more than a quarter of the grace ago', async () => {
    const { prepared } = await dropped();
    const store = meddling(async (method, object) => {
      if (method === 'list' && object === 'data/') clock.advance((GRACE_DAYS * DAY_MS) / 4 + 1);
    });
    await using slow = await openCheaply(store, { clock });
    await expect(runPrune(slow, prepared, { signal: never })).rejects.toMatchObject({
      code: 'E_RUN_TOO_LONG',
    });
    expect((await keysBelow(second, 'data/')).length).toBe(prepared.plan.sweep.length);
  });

  it('removes the mark of one that was killed, a grace later', async () => {
    await copy();
    await second.put(MARK, Buffer.from('sweep\n'));
    clock.advanceDays(GRACE_DAYS - 1);
    await using there = await openSecond();
    await prune(there, keepLast(1));
    expect(await keysBelow(second, 'expired/')).toEqual([MARK]);
    clock.advanceDays(1);
    await prune(there, keepLast(1));
    expect(await keysBelow(second, 'expired/')).toEqual([]);
  });
});

import { beforeAll, describe, expect, it } from 'vitest';
import { isHoldfastError } from '../../../../shared/core/errors.ts';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { type CopyResult, copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { holdBackup } from '../../../../shared/jobs/retention/hold.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { strides } from '../../../support/repository/torture.ts';
import { FaultyStore } from '../../../support/stores/faulty-store.ts';
import { differences, faultsOf, keysBelow } from '../../../support/stores/second-place.ts';
import { WatchedStore } from '../../../support/stores/watched-store.ts';

const dataOf = (day: number) => ({ t: seededRows(700, 1).join('') + seededRows(40, day).join('') });
const COPIED = ['repository.json', 'keys/', 'backups/', 'data/', 'reports/'];

let first: MemoryStore;
let keys: BackupKey[];

beforeAll(async () => {
  first = new MemoryStore();
  await initRepository(first);
  await using repository = await openCheaply(first);
  keys = [];
  for (const day of [1, 2, 3]) keys.push((await backUp(repository, dataOf(day))).key);
  await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
});

async function copy(from: ObjectStore, to: ObjectStore): Promise<CopyResult> {
  await using repository = await openCheaply(from, { keys: undefined });
  return copyBackups(repository, to, { signal: never });
}

/** False for one that died. @throws what else it failed with */
async function survives(work: Promise<CopyResult>): Promise<boolean> {
  try {
    const { passedOver } = await work;
    expect(passedOver).toEqual([]);
    return true;
  } catch (error) {
    expect(isHoldfastError(error, 'E_STORE_DENIED'), String(error)).toBe(true);
    return false;
  }
}

describe('a copy that dies at a store call', () => {
  it.each([
    ['before', 'second'],
    ['after', 'second'],
    ['before', 'first'],
    ['after', 'first'],
  ] as const)(
    '(%s it, of the %s place) lists nothing that is not whole, and the next one brings the rest',
    async (moment, side) => {
      let call = 0;
      for (call of strides(8)) {
        const to = new MemoryStore();
        const watched = new WatchedStore(to);
        const dying = new FaultyStore(side === 'first' ? first : watched).dieAt(call, moment);
        const hasSurvived = await survives(side === 'first' ? copy(dying, watched) : copy(first, dying));
        expect(watched.violation, `call ${call}`).toBeUndefined();
        expect(await faultsOf(to), `call ${call}`).toEqual([]);
        await copy(first, to);
        expect(await differences(first, to, COPIED), `call ${call}`).toEqual([]);
        // Nothing was claimed: it did not take long enough.
        expect((await keysBelow(to, 'expired/')).length).toBeLessThanOrEqual(3);
        expect(call).toBeLessThan(400);
        if (hasSurvived) break;
      }
      expect(call).toBeGreaterThan(side === 'first' ? 20 : 40);
    },
    120_000,
  );

  it('and is begun again until it is through, dying a call later each time, ends the same', async () => {
    const to = new MemoryStore();
    let rounds = 0;
    for (let isThrough = false; !isThrough; ) {
      const dying = new FaultyStore(to).dieAt(30 + rounds++, 'after');
      isThrough = await survives(copy(first, dying));
      expect(await faultsOf(to)).toEqual([]);
    }
    expect(rounds).toBeGreaterThan(1);
    expect(await differences(first, to, COPIED)).toEqual([]);
  }, 60_000);
});

describe('two copies at once', () => {
  it('end as one, each seeing what the other put as what it is', async () => {
    const to = new MemoryStore();
    const results = await Promise.all([copy(first, to), copy(first, to), copy(first, to)]);
    for (const { passedOver } of results) expect(passedOver).toEqual([]);
    expect(await differences(first, to, COPIED)).toEqual([]);
  });
});

describe('a prune of the first place beside a copy', () => {
  it('that removes a backup meanwhile leaves it out, names it, and harms no other', async () => {
    const from = new MemoryStore();
    for await (const { key } of first.list('')) await from.put(key, await first.get(key));
    const to = new MemoryStore();
    const watched = new WatchedStore(to);
    let isRemoved = false;
    const pruned: ObjectStore = {
      location: from.location,
      put: (...args) => from.put(...args),
      head: (...args) => from.head(...args),
      delete: (...args) => from.delete(...args),
      list: (...args) => from.list(...args),
      get: async (key, options) => {
        if (key.startsWith('data/') && (await keysBelow(to, 'backups/')).length === 2 && !isRemoved) {
          isRemoved = true;
          await from.delete(keys[0]!);
          for await (const { key: pack } of from.list('data/'))
            if (!(await keysBelow(to, 'data/')).includes(pack)) await from.delete(pack);
        }
        return from.get(key, options);
      },
    };
    const result = await copy(pruned, watched);
    expect(isRemoved).toBe(true);
    expect(result.passedOver).toMatchObject([{ key: keys[0], why: 'removed' }]);
    expect(await keysBelow(to, 'backups/')).toEqual(keys.slice(1));
    expect([watched.violation, await faultsOf(to)]).toEqual([undefined, []]);
  });
});

import { createHash } from 'node:crypto';
import { beforeEach, describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { type CopyOptions, copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { rekeyRepository } from '../../../../shared/jobs/keys/rekey.ts';
import { readMaskReport } from '../../../../shared/jobs/mask/mask-report.ts';
import { quarantineObject } from '../../../../shared/jobs/repair/quarantine.ts';
import { holdBackup, releaseBackup } from '../../../../shared/jobs/retention/hold.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../../shared/store/metered-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  openCheaply,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { keepLast, ManualClock, prune } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { contentsOf } from '../../../support/stores/copy-store.ts';
import { differences, faultsOf, keysBelow, passing } from '../../../support/stores/second-place.ts';

const it = turns(3);

const NEW_KEY = createHash('sha256').update('a new key').digest('hex');
const dataOf = (day: number) => ({
  t: seededRows(4000, 1).join('') + seededRows(100, day).join(''),
  'pre-data': 'create table t;\n',
});

let clock: ManualClock;
let first: MemoryStore;
let second: MemoryStore;
let days: Map<BackupKey, number>;

async function backUpDay(day: number, options: { readonly type?: string; readonly name?: string } = {}) {
  await using repository = await openCheaply(first, { clock });
  clock.advanceDays(1);
  const { type = 'daily', name } = options;
  const source = name === undefined ? {} : { source: memorySource(dataOf(day), { name }) };
  const { key } = await backUp(repository, dataOf(day), { type, ...source });
  days.set(key, day);
  return key;
}

/** Without a key, as the function does. */
async function copy(options: Partial<CopyOptions> = {}, to: ObjectStore = second) {
  await using repository = await openCheaply(first, { clock, keys: undefined });
  return copyBackups(repository, to, { signal: never, ...options });
}

async function expectRestores(keys: readonly BackupKey[], key = TEST_KEY): Promise<void> {
  await using repository = await openCheaply(second, { clock, keys: new HexKeyProvider(key) });
  expect(await repository.backupKeys(never)).toEqual(keys.toReversed());
  for (const each of keys)
    expect(await digests(repository, each)).toEqual(digestsOf(dataOf(days.get(each) ?? -1)));
}

beforeEach(async () => {
  clock = new ManualClock('2026-03-01T02:00:00Z');
  first = new MemoryStore(clock);
  second = new MemoryStore(clock);
  days = new Map();
  await initRepository(first);
});

describe('a copy', () => {
  it('brings everything to an empty place, byte for byte, and every backup restores there without the first', async () => {
    const keys = [await backUpDay(1), await backUpDay(2), await backUpDay(3, { type: 'weekly' })];
    const result = await copy();
    expect(result).toMatchObject({ isNewPlace: true, present: 0, passedOver: [] });
    expect(result.copied.map(({ key }) => key)).toEqual(keys.toReversed());
    expect(await differences(first, second)).toEqual([]);
    first = new MemoryStore();
    await expectRestores(keys);
  });

  it('brings only what is new the next time, and reads none of what is there', async () => {
    await backUpDay(1);
    await copy();
    const before = new Set(await keysBelow(second, 'data/'));
    await backUpDay(2);
    const metered = new MeteredStore(second);
    const result = await copy({}, metered);
    const added = (await keysBelow(second, 'data/')).filter((key) => !before.has(key));
    expect(result).toMatchObject({ isNewPlace: false, present: 1, packs: added.length });
    expect(added.length).toBeLessThan(before.size);
    expect(metered.counts().puts).toBe(added.length + 1);
    expect(await differences(first, second)).toEqual([]);
  });

  it('puts nothing the third time, and deletes nothing ever', async () => {
    await backUpDay(1);
    await copy();
    const metered = new MeteredStore(second);
    const before = await contentsOf(second);
    expect(await copy({}, metered)).toMatchObject({ copied: [], present: 1, packs: 0, bytes: 0, others: 0 });
    expect(metered.counts()).toMatchObject({ puts: 0, deletes: 0 });
    expect(await contentsOf(second)).toEqual(before);
  });

  it('brings backups of the chosen types, sources and retention alone', async () => {
    const keys = [await backUpDay(1), await backUpDay(2, { type: 'weekly' }), await backUpDay(3)];
    await copy({ choice: { types: ['weekly'] } });
    expect(await keysBelow(second, 'backups/')).toEqual([keys[1]]);
    second = new MemoryStore(clock);
    await copy({ choice: { sources: ['another'] } });
    expect(await keysBelow(second, 'backups/')).toEqual([]);
    await copy({ choice: { sources: ['memory'], policy: keepLast(1) } });
    expect(await keysBelow(second, 'backups/')).toEqual([keys[2]]);
    expect(await faultsOf(second)).toEqual([]);
  });

  it('refuses a place that is another repository, or holds other things, and leaves it as it was', async () => {
    await backUpDay(1);
    await initRepository(second);
    const before = await contentsOf(second);
    await expect(copy()).rejects.toMatchObject({ code: 'E_REPOSITORY_EXISTS' });
    expect(await contentsOf(second)).toEqual(before);
    const strange = new MemoryStore();
    await strange.put('photos/cat.jpg', Buffer.from('cat'));
    await expect(copy({}, strange)).rejects.toMatchObject({ code: 'E_FOREIGN_REPOSITORY' });
    expect(await keysBelow(strange, '')).toEqual(['photos/cat.jpg']);
  });

  it('refuses a place whose repository.json is of the same repository and was changed', async () => {
    await backUpDay(1);
    const file = Buffer.from(await first.get('repository.json')).toString();
    await second.put('repository.json', Buffer.from(file.replace('"createdAt":"2', '"createdAt":"1')));
    await expect(copy()).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });

  it('carries changes of the key: the newest opens all of the second place', async () => {
    const keys = [await backUpDay(1)];
    await copy();
    const open = (key: string) => openCheaply(first, { clock, keys: new HexKeyProvider(key) });
    await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
    await using repository = await open(NEW_KEY);
    clock.advanceDays(1);
    const { key } = await backUp(repository, dataOf(2));
    days.set(key, 2);
    await copy();
    await expectRestores([...keys, key], NEW_KEY);
  });

  it('lists nothing that was sealed with a key that came after it carried all keys', async () => {
    await backUpDay(1);
    const open = (key: string) => openCheaply(first, { clock, keys: new HexKeyProvider(key) });
    const change = async () => {
      await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
      await using repository = await open(NEW_KEY);
      clock.advanceDays(1);
      await backUp(repository, dataOf(2));
    };
    let changes = 0;
    const from: ObjectStore = {
      ...passing(first),
      list: async function* (prefix, options) {
        yield* first.list(prefix, options);
        if (prefix === 'keys/' && changes++ === 0) await change();
      },
    };
    await using repository = await openCheaply(from, { clock, keys: undefined });
    for (const listed of [1, 2]) {
      await copyBackups(repository, second, { signal: never });
      const keys = new HexKeyProvider(listed === 1 ? TEST_KEY : NEW_KEY);
      await using there = await openCheaply(second, { keys });
      const found = await there.backupKeys(never);
      expect(found).toHaveLength(listed);
      for (const key of found) await there.readManifest(key, never);
    }
  });

  it('carries holds and releases: prune there keeps what is held, until it is released', async () => {
    const keys = [await backUpDay(1), await backUpDay(2), await backUpDay(3)];
    await copy();
    await using repository = await openCheaply(first, { clock });
    await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
    await copy();
    await using there = await openCheaply(second, { clock });
    expect((await prune(there, keepLast(1))).expired).toEqual([keys[1]]);
    clock.advanceDays(1);
    await releaseBackup(repository, keys[0]!, { reason: 'done', signal: never });
    await copy({ choice: { policy: keepLast(1) } });
    expect((await prune(there, keepLast(1))).expired).toEqual([keys[0]]);
    await expectRestores([keys[2]!]);
  });

  it('carries what says how a copy was masked: it opens there, and is proven', async () => {
    const key = await backUpDay(1);
    await using repository = await openCheaply(first, { clock });
    const [body, details] = [{ masked: 1 }, { columns: [{ column: 'public.t.mail', mask: 'email' }] }];
    const report = await repository.reports.write('mask', { backups: [key], body, details }, never);
    await copy();
    await using there = await openCheaply(second, { clock });
    expect(await readMaskReport(there, report, never)).toMatchObject({
      backup: key,
      body,
      details,
      proof: 'authentic',
    });
  });

  it("carries what was put aside, so that a forged hold stands in no prune's way there either", async () => {
    await backUpDay(1);
    const forged = 'reports/hold/20260301/hold_20260301_020000_deadbeef.json';
    await first.put(forged, Buffer.from('{}'));
    await using repository = await openCheaply(first, { clock });
    await quarantineObject(repository, forged, { reason: 'nobody knows it', signal: never });
    await copy();
    const put = await keysBelow(first, 'reports/quarantine/');
    expect(put).toHaveLength(1);
    expect(await keysBelow(second, 'reports/quarantine/')).toEqual(put);
  });

  it('leaves alone what the retention of the second place has dropped, and brings it again where it is held', async () => {
    const keys = [await backUpDay(1), await backUpDay(2)];
    const choice = { policy: keepLast(1) };
    await copy();
    {
      await using there = await openCheaply(second, { clock });
      await prune(there, keepLast(1));
      clock.advance(8 * DAY_MS);
      await prune(there, keepLast(1));
    }
    expect(await copy({ choice })).toMatchObject({ copied: [], present: 1 });
    await using repository = await openCheaply(first, { clock });
    await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
    expect((await copy({ choice })).copied.map(({ key }) => key)).toEqual([keys[0]]);
    await expectRestores(keys);
    await using there = await openCheaply(second, { clock });
    expect((await prune(there, keepLast(1))).expired).toEqual([]);
  });
});

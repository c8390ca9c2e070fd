import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { holdBackup, releaseBackup } from '../../../../shared/jobs/retention/hold.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../../shared/jobs/verify/verify-report.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { FolderStore } from '../../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { newRgwStore } from '../../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../../support/parts.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openRepository,
} from '../../../support/repository/engine.ts';
import { InlinePool } from '../../../support/repository/inline-pool.ts';
import { keepLast, ManualClock, packsOf, prune, storedKeys } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { UnreadableStore } from '../../../support/stores/unreadable-store.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turns(3);

/** Data of a day: a third of it is new every day, so that old packs come to nothing. */
function dataOf(day: number) {
  const part = (n: number) => seededRows(60, n).join('');
  return { t: part(day) + part(day + 1) + part(day + 2) };
}

/** A repository in memory with a backup a day, the last of them just made. */
async function withBackups(days: number, options: { readonly graceMs?: number } = {}) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const repository = await openRepository(store, { clock, pool: new InlinePool(), ...options });
  const keys: BackupKey[] = [];
  for (let day = 0; day < days; day++) {
    if (day > 0) clock.advanceDays(1);
    keys.push((await backUp(repository, dataOf(day))).key);
  }
  return { clock, store, repository, keys };
}

/** All listed backups, each with what it held. */
async function expectListed(repository: Repository, days: Readonly<Record<BackupKey, number>>) {
  const keys = await repository.backupKeys(never);
  expect(keys.toSorted()).toEqual(Object.keys(days).toSorted());
  for (const key of keys) expect(await digests(repository, key)).toEqual(digestsOf(dataOf(days[key] ?? -1)));
  const report = await verifyBackups(repository, keys, { depth: { kind: 'quick' }, signal: never });
  expect(report.findings).toEqual([]);
}

describe('a prune beside an object that cannot be read', () => {
  /** Prunes with one of `store`'s objects on a bad sector. */
  async function pruneBeside(store: ObjectStore, clock: ManualClock, bad: string, last: number) {
    const unreadable = new UnreadableStore(store, (key) => key === bad);
    await using repository = await openRepository(unreadable, { clock, pool: new InlinePool() });
    const prepared = await preparePrune(
      repository,
      { policy: keepLast(last), maxShare: 1 },
      { isDryRun: true, signal: never },
    );
    return { prepared, result: await prune(repository, keepLast(last)) };
  }

  it('keeps a manifest of that kind, and every pack; the other backups go', async () => {
    const { store, clock, keys, repository } = await withBackups(4);
    await using _ = repository;
    const [first = '' as never, second = '' as never] = keys;
    const before = await storedKeys(store);
    clock.advanceDays(30);
    const { prepared, result } = await pruneBeside(store, clock, first, 2);
    const blockedBy = expect.stringContaining(`${first} cannot be read, so any pack may belong to it`);
    expect(prepared.plan).toMatchObject({ blockedBy, sweep: [], refusal: undefined });
    expect(prepared.problems).toMatchObject([{ code: 'E_OBJECT_UNREADABLE' }]);
    expect(result).toMatchObject({ expired: [second], removedPacks: 0, blockedBy });
    expect((await storedKeys(store)).data).toEqual(before.data);
    expect(await digests(repository, first)).toEqual(digestsOf(dataOf(0)));
  });

  it('removes no pack while a copy of that kind is in its grace, or held', async () => {
    const { store, clock, keys, repository } = await withBackups(4);
    await using _ = repository;
    const [first = '' as never] = keys;
    await prune(repository, keepLast(2));
    await repository.reports.write('hold', { backups: [first], body: { reason: 'audit' } }, never);
    const { data, expired } = await storedKeys(store);
    const [copy = ''] = expired;
    clock.advanceDays(30);
    const { result } = await pruneBeside(store, clock, copy, 2);
    expect(result).toMatchObject({ removedPacks: 0, blockedBy: expect.stringContaining(copy) });
    expect((await storedKeys(store)).data).toEqual(data);
    expect(await prune(repository, keepLast(2))).toMatchObject({ putBack: [first] });
  });

  it('keeps what a verification that cannot be read may have found damaged, until it is verified in full', async () => {
    const { store, clock, keys, repository } = await withBackups(4);
    await using _ = repository;
    const report = await repository.reports.write(
      'verify',
      {
        backups: keys.slice(2),
        body: { depth: { kind: 'full' }, damaged: keys.slice(2), damagedPacks: [], findings: 1 },
      },
      never,
    );
    clock.advanceDays(30);
    // Whoever reads the report knows that the last two are damaged, so that the first two stay.
    const kept = (prepared: Awaited<ReturnType<typeof pruneBeside>>['prepared']) =>
      prepared.plan.decisions.filter(({ keep }) => keep).map(({ key }) => key);
    const { prepared } = await pruneBeside(store, clock, report, 2);
    expect(kept(prepared)).toEqual(keys.toReversed());
    expect(prepared.plan.decisions[0]?.reasons).toContain(`perhaps damaged: ${report} cannot be read`);
    await keepVerifyReport(
      repository,
      await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never }),
      never,
    );
    expect(kept((await pruneBeside(store, clock, report, 2)).prepared)).toEqual(keys.slice(2).toReversed());
  });
});

describe('prune', () => {
  it('takes backups out at once, and removes their packs when the grace is over', async () => {
    const { clock, store, repository, keys } = await withBackups(4);
    await using _ = repository;
    const [first = '' as never, second = '' as never, third = '' as never, fourth = '' as never] = keys;
    const before = await storedKeys(store);
    expect(await prune(repository, keepLast(2))).toMatchObject({
      expired: [first, second],
      removedPacks: 0,
      blockedBy: undefined,
      report: expect.stringMatching(/^reports\/prune\//),
    });
    await expectListed(repository, { [third]: 2, [fourth]: 3 });
    const during = await storedKeys(store);
    expect(during.data).toEqual(before.data);
    expect(during.expired).toEqual([first, second].map((key) => `expired/20260304T020000Z/${key}`));
    clock.advance(7 * DAY_MS - 1);
    expect(await prune(repository, keepLast(2))).toMatchObject({ expired: [], removedPacks: 0 });
    clock.advance(1);
    const { removedPacks, freedBytes } = await prune(repository, keepLast(2));
    expect(removedPacks).toBeGreaterThan(0);
    expect(freedBytes).toBeGreaterThan(1000);
    const used = new Set([...(await packsOf(repository, third)), ...(await packsOf(repository, fourth))]);
    const after = await storedKeys(store);
    expect(after.data.map((key) => key.slice(-64)).toSorted()).toEqual([...used].toSorted());
    expect(after.expired).toEqual([]);
    await expectListed(repository, { [third]: 2, [fourth]: 3 });
    const next = await backUp(repository, dataOf(9));
    expect(await digests(repository, next.key)).toEqual(digestsOf(dataOf(9)));
  });

  it('plans in a dry run what it then does, and a dry run changes nothing', async () => {
    const { store, repository } = await withBackups(5);
    await using _ = repository;
    const rules = { policy: keepLast(3), maxShare: 0.6 };
    const before = await storedKeys(store);
    const dry = await preparePrune(repository, rules, { isDryRun: true, signal: never });
    expect(await storedKeys(store)).toEqual(before);
    const wet = await preparePrune(repository, rules, { isDryRun: false, signal: never });
    expect(wet.plan).toEqual(dry.plan);
    const result = await runPrune(repository, wet, { signal: never });
    expect(result.expired.toSorted()).toEqual(dry.plan.expire.toSorted());
    expect(result.removedPacks).toBe(dry.plan.sweep.length);
  });

  it('removes what stopped runs left, once it is older than the grace', async () => {
    const { clock, store, repository, keys } = await withBackups(1);
    await using _ = repository;
    const orphan = `data/${'ab'.repeat(32).slice(0, 2)}/${'ab'.repeat(32)}`;
    await store.put(orphan, Buffer.from('x'));
    await store.put('data/readme.txt', Buffer.from('not a pack'));
    await store.put('expired/clock_0123456789abcdef', Buffer.from('clock\n'));
    expect(await prune(repository, keepLast(1))).toMatchObject({ removedPacks: 0 });
    clock.advanceDays(7);
    expect(await prune(repository, keepLast(1))).toMatchObject({ removedPacks: 1, freedBytes: 1 });
    const { data, expired } = await storedKeys(store);
    expect(data).toContain('data/readme.txt');
    expect(data).not.toContain(orphan);
    expect(expired).toEqual([]);
    await expectListed(repository, { [keys[0]!]: 0 });
  });

  it('does without the key what it does with it, but for a report', async () => {
    const { clock, store, repository, keys } = await withBackups(3);
    await repository[Symbol.asyncDispose]();
    await using keyless = await openRepository(store, { clock, keys: undefined, pool: new InlinePool() });
    expect(await prune(keyless, keepLast(1))).toMatchObject({ expired: keys.slice(0, 2), report: undefined });
    clock.advanceDays(8);
    expect((await prune(keyless, keepLast(1))).removedPacks).toBeGreaterThan(0);
    await using again = await openRepository(store, { clock, pool: new InlinePool() });
    await expectListed(again, { [keys[2]!]: 2 });
  });

  it('goes by the store’s clock, however wrong its own is', async () => {
    const { clock, store, repository, keys } = await withBackups(3);
    await repository[Symbol.asyncDispose]();
    const ahead = { now: () => new Date(clock.now().getTime() + 400 * DAY_MS) };
    await using wrong = await openRepository(store, { clock: ahead, pool: new InlinePool() });
    const policy = { days: { daily: 30 }, counts: {} };
    expect(await prune(wrong, policy)).toMatchObject({ expired: [], removedPacks: 0 });
    await expectListed(wrong, { [keys[0]!]: 0, [keys[1]!]: 1, [keys[2]!]: 2 });
  });

  it('with no grace removes everything in one run', async () => {
    const { store, repository, keys } = await withBackups(3, { graceMs: 0 });
    await using _ = repository;
    expect((await prune(repository, keepLast(1))).removedPacks).toBeGreaterThan(0);
    const used = await packsOf(repository, keys[2]!);
    const { data } = await storedKeys(store);
    expect(data.map((key) => key.slice(-64)).toSorted()).toEqual(used.toSorted());
    await expectListed(repository, { [keys[2]!]: 2 });
  });
});

describe('prune refuses', () => {
  it('to remove more than its share of the backups, and removes nothing', async () => {
    const { store, repository } = await withBackups(5);
    await using _ = repository;
    const before = await storedKeys(store);
    await expect(prune(repository, keepLast(2), { maxShare: 0.4 })).rejects.toMatchObject({
      code: 'E_PRUNE_TOO_MUCH',
      message: expect.stringContaining('3 of 5 backups'),
    });
    expect(await storedKeys(store)).toEqual(before);
    // The bytes that two of five alone need differ from repository to repository.
    expect((await prune(repository, keepLast(3), { maxShare: 0.55 })).expired).toHaveLength(2);
  });

  it('to remove more than its share of the bytes, as where manifests were lost', async () => {
    const { clock, store, repository, keys } = await withBackups(3);
    await using _ = repository;
    for (const key of keys.slice(0, 2)) await store.delete(key);
    clock.advanceDays(8);
    const before = await storedKeys(store);
    // Where chunks end, and so how much the two alone had, differs from repository to repository.
    await expect(prune(repository, keepLast(9), { maxShare: 0.001 })).rejects.toMatchObject({
      code: 'E_PRUNE_TOO_MUCH',
    });
    expect(await storedKeys(store)).toEqual(before);
  });

  it('counts a byte once: what an earlier run took out may go', async () => {
    const { clock, repository, keys } = await withBackups(4);
    await using _ = repository;
    await prune(repository, keepLast(1), { maxShare: 1 });
    clock.advanceDays(8);
    expect((await prune(repository, keepLast(1), { maxShare: 0.01 })).removedPacks).toBeGreaterThan(1);
    await expectListed(repository, { [keys[3]!]: 3 });
  });
});

/** The store again, with one object changed, or left out where `change` gives nothing. */
async function tampered(
  clock: ManualClock,
  store: ObjectStore,
  key: string,
  change: (text: string) => string,
) {
  const other = new MemoryStore(clock);
  for await (const { key: found } of store.list('')) {
    const body = await store.get(found);
    await other.put(found, found === key ? Buffer.from(change(Buffer.from(body).toString())) : body);
  }
  clock.advanceDays(30);
  return other;
}

describe('prune beside what it cannot rely on', () => {
  it('removes no pack while a manifest cannot be read, and says so', async () => {
    const { clock, store, repository, keys } = await withBackups(4);
    await prune(repository, keepLast(3));
    await repository[Symbol.asyncDispose]();
    const other = await tampered(clock, store, keys[1]!, (text) => text.slice(0, 300));
    await using damaged = await openRepository(other, { clock, pool: new InlinePool() });
    const before = await storedKeys(other);
    const result = await prune(damaged, keepLast(1));
    expect(result).toMatchObject({ expired: [keys[2]], removedPacks: 0 });
    expect(result.blockedBy).toContain(`${keys[1]} cannot be read`);
    const after = await storedKeys(other);
    expect(after.data).toEqual(before.data);
    expect(after.backups).toEqual([keys[1], keys[3]]);
    expect(after.expired).toEqual(expect.arrayContaining(before.expired));
  });

  it('lets a forged manifest count for nothing, keeps it and every pack that it names', async () => {
    const { clock, store, repository, keys } = await withBackups(4);
    await repository[Symbol.asyncDispose]();
    const forged = await tampered(clock, store, keys[3]!, (text) => text.replace('"memory"', '"memorz"'));
    const newest = keys[3]!;
    await using other = await openRepository(forged, { clock, pool: new InlinePool() });
    const sameSource = await tampered(clock, store, newest, (text) =>
      text.replace('"records":', '"records": '),
    );
    await using same = await openRepository(sameSource, { clock, pool: new InlinePool() });
    for (const each of [other, same]) {
      const { claimed } = await each.inspectManifest(newest, never);
      const named = claimed ? (await each.lists.all(claimed, never)).objects.map(({ id }) => id) : [];
      expect(named.length).toBeGreaterThan(0);
      expect((await prune(each, keepLast(1))).expired).toEqual(keys.slice(0, 2));
      clock.advanceDays(8);
      expect((await prune(each, keepLast(1))).removedPacks).toBeGreaterThan(0);
      const { backups, data } = await storedKeys(each.store);
      expect(backups).toEqual(keys.slice(2));
      for (const id of named) expect(data).toContain(`data/${id.slice(0, 2)}/${id}`);
    }
  });

  it('takes nothing out while a hold cannot be read: it may be of any backup', async () => {
    const { clock, store, repository, keys } = await withBackups(3);
    const { report } = await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
    await repository[Symbol.asyncDispose]();
    const other = await tampered(clock, store, report, (text) => text.replace('audit', 'other'));
    await using damaged = await openRepository(other, { clock, pool: new InlinePool() });
    const rules = { policy: keepLast(1), maxShare: 1 };
    const { plan } = await preparePrune(damaged, rules, { isDryRun: true, signal: never });
    expect(plan.expire).toEqual([]);
    expect(plan.decisions[2]).toMatchObject({
      keep: true,
      reasons: [`perhaps held: ${report} cannot be read`],
    });
    expect((await prune(damaged, keepLast(1))).expired).toEqual([]);
  });

  it('stops a hold that comes while it runs from being lost', async () => {
    const { repository, keys } = await withBackups(3);
    await using _ = repository;
    const rules = { policy: keepLast(1), maxShare: 1 };
    const prepared = await preparePrune(repository, rules, { isDryRun: false, signal: never });
    await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
    expect((await runPrune(repository, prepared, { signal: never })).expired).toEqual([keys[1]]);
    await expectListed(repository, { [keys[0]!]: 0, [keys[2]!]: 2 });
    await releaseBackup(repository, keys[0]!, { reason: 'over', signal: never });
    expect((await prune(repository, keepLast(1))).expired).toEqual([keys[0]]);
  });

  it('lists again what was held while an earlier run took it out', async () => {
    const { clock, store, repository, keys } = await withBackups(3);
    await using _ = repository;
    await prune(repository, keepLast(2));
    await repository.reports.write('hold', { backups: [keys[0]!], body: { reason: 'audit' } }, never);
    clock.advanceDays(30);
    const result = await prune(repository, keepLast(2));
    expect(result.putBack).toEqual([keys[0]]);
    await expectListed(repository, { [keys[0]!]: 0, [keys[1]!]: 1, [keys[2]!]: 2 });
    clock.advanceDays(30);
    expect((await prune(repository, keepLast(2))).putBack).toEqual([]);
    expect((await storedKeys(store)).backups).toEqual(keys);
  });
});

/** The store's clock is the real one here, and the grace is none. */
function onRealStores(open: () => Promise<ObjectStore>): void {
  it('prunes, and leaves exactly what is needed', async () => {
    const store = await open();
    await initRepository(store);
    // Backups of one second get names of the seconds after it, and what is dated in the future stays.
    const clock = { now: () => new Date(Date.now() - 60_000) };
    await using repository = await openRepository(store, { pool: new InlinePool(), graceMs: 0, clock });
    const keys: BackupKey[] = [];
    for (let day = 0; day < 4; day++) keys.push((await backUp(repository, dataOf(day))).key);
    const { expired, removedPacks } = await prune(repository, keepLast(2));
    expect(expired).toEqual(keys.slice(0, 2));
    expect(removedPacks).toBeGreaterThan(0);
    await expectListed(repository, { [keys[2]!]: 2, [keys[3]!]: 3 });
    await using careful = await openRepository(store, { pool: new InlinePool() });
    expect(await prune(careful, keepLast(1))).toMatchObject({ expired: [keys[2]], removedPacks: 0 });
    await expectListed(careful, { [keys[3]!]: 3 });
  });
}

describe('in a folder, prune', () => onRealStores(async () => new FolderStore(await newFolder())));
describeWithPart('ceph-rgw', 'on Ceph RGW, prune', () => onRealStores(() => newRgwStore()));

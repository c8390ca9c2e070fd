import { createHmac, hkdfSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { isUpgradedAlready, upgradeRepository } from '../../../../shared/jobs/keys/upgrade.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import { holdBackup } from '../../../../shared/jobs/retention/hold.ts';
import { listBackups } from '../../../../shared/jobs/status/list.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { FilesTarget } from '../../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, type Data, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { neededObjects } from '../../../support/repository/needed-objects.ts';
import { keepLast, ManualClock, prune, storedKeys } from '../../../support/repository/pruning.ts';
import { addRecovery, openRecovered } from '../../../support/repository/recovery.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { backUpInShares, sharedSource } from '../../../support/repository/shares.ts';
import { turns } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turns(2);

const UPGRADE = 'repository-2.json';
const ALL = { depth: { kind: 'full' }, others: true, signal: never } as const;
/** Most rows stay, some are of the day. */
const dataOf = (day: number): Data => ({
  'pre-data': 'create table t ();\n',
  t: [1, 2, 100 + day].flatMap((seed) => seededRows(40, seed)).join(''),
  // Never changes, wherever chunks end.
  still: seededRows(400, 3).join(''),
});

async function newPlace() {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store, undefined, { version: 1 });
  const repository = await openCheaply(store, { clock });
  return { clock, store, repository };
}

async function versionOf(store: MemoryStore, key: BackupKey): Promise<number> {
  return JSON.parse(Buffer.from(await store.get(key)).toString()).version;
}

/** The very bytes, as files. */
async function expectRestores(repository: Repository, expected: ReadonlyMap<BackupKey, Data>): Promise<void> {
  for (const [key, data] of expected) {
    const target = await newFolder();
    await restoreBackup(repository, key, new FilesTarget(target), { signal: never });
    for (const [name, text] of Object.entries(data))
      expect((await readFile(path.join(target, name))).equals(Buffer.from(text)), `${key} ${name}`).toBe(
        true,
      );
  }
}

describe('a repository of format 1 with a month of backups, holds and reports', () => {
  it('is read, added to, upgraded, added to, pruned and recovered, and every backup restores', async () => {
    const { clock, store, repository } = await newPlace();
    const { key: recoveryKey } = await addRecovery(repository);
    const made = new Map<BackupKey, Data>();
    const add = async (day: number, into = repository) => {
      clock.advanceDays(1);
      const { key } = await backUp(into, dataOf(day));
      made.set(key, dataOf(day));
      return key;
    };
    for (let day = 0; day < 29; day++) await add(day);
    const [, , held = '' as BackupKey] = made.keys();
    await holdBackup(repository, held, { reason: 'audit', signal: never });
    await repository.reports.write(
      'verify',
      { backups: [held], body: { depth: { kind: 'full' }, damaged: [], damagedPacks: [], findings: 0 } },
      never,
    );
    const last = await add(29);
    expect(await versionOf(store, last)).toBe(1);

    expect(await upgradeRepository(repository, never)).toMatchObject({ formatVersion: 2, isChanged: true });
    expect(await upgradeRepository(repository, never)).toMatchObject({ formatVersion: 2, isChanged: false });
    await using lists = await openCheaply(store, { clock, manifestBytes: 0 });
    const next = await add(30);
    const after = await add(31, lists);
    expect([await versionOf(store, next), await versionOf(store, after)]).toEqual([2, 2]);
    // What did not change is not stored again: deltas go on over the change.
    const own = (key: BackupKey) => neededObjects(store, key);
    const before = new Set(await own(last));
    expect((await own(next)).filter((object) => before.has(object)).length).toBeGreaterThan(0);
    const listed = await listBackups(lists, { signal: never });
    expect(listed.map(({ state }) => state)).toEqual(Array(32).fill('whole'));
    expect(listed.find(({ key }) => key === held)?.marks).toMatchObject({ hold: { reason: 'audit' } });
    const { findings } = await verifyBackups(lists, [...made.keys()].slice(-4), ALL);
    expect(findings.map(({ object, problem }) => [object, problem])).toEqual([]);

    await prune(repository, keepLast(5));
    clock.advanceDays(8);
    await prune(lists, keepLast(5));
    const kept = [held, ...[...made.keys()].slice(-5)];
    expect((await storedKeys(store)).backups).toEqual(kept.toSorted());
    const needed = new Set((await Promise.all(kept.map(own))).flat());
    expect(new Set((await storedKeys(store)).data)).toEqual(needed);
    const rest = new Map([...made].filter(([key]) => kept.includes(key)));
    await using fresh = await openCheaply(store);
    await expectRestores(fresh, rest);
    await using recovered = await openRecovered(store, recoveryKey);
    await expectRestores(recovered, rest);
  }, 60_000);

  it('is not turned back by who removes what says so, as long as there is a parent', async () => {
    const { clock, store, repository } = await newPlace();
    await backUp(repository, dataOf(1));
    await upgradeRepository(repository, never);
    clock.advanceDays(1);
    await backUp(repository, dataOf(2));
    await store.delete(UPGRADE);
    clock.advanceDays(1);
    await using later = await openCheaply(store, { clock });
    expect(await versionOf(store, (await backUp(later, dataOf(3))).key)).toBe(2);
    expect(await isUpgradedAlready(later, never)).toBe(false);
    expect(
      await versionOf(
        store,
        (await backUpInShares(later, sharedSource({ t: ['a\n', 'b\n'] }, 'another'))).key,
      ),
    ).toBe(1);
  });

  it.each(['is no JSON', '{"format":"holdfast-repository-upgrade","version":2}'])(
    'goes on in format 1 where a stranger has put %s in its place, and a verification says so',
    async (text) => {
      const { store, repository } = await newPlace();
      await store.put(UPGRADE, Buffer.from(text));
      const { key } = await backUp(repository, dataOf(1));
      expect(await versionOf(store, key)).toBe(1);
      const { findings } = await verifyBackups(repository, [key], ALL);
      expect(findings.map(({ object }) => object)).toEqual([UPGRADE]);
      await expect(upgradeRepository(repository, never)).rejects.toMatchObject({ code: 'E_DAMAGED' });
    },
  );

  it('takes its word from no other repository', async () => {
    const [one, other] = [await newPlace(), await newPlace()];
    await upgradeRepository(other.repository, never);
    await one.store.put(UPGRADE, await other.store.get(UPGRADE));
    expect(await versionOf(one.store, (await backUp(one.repository, dataOf(1))).key)).toBe(1);
  });

  it('says it under a MAC that is made as docs/reference/format.md says', async () => {
    const { store, repository } = await newPlace();
    await upgradeRepository(repository, never);
    const bytes = Buffer.from(await store.get(UPGRADE));
    const secret = await repository.context.secret(never);
    const macKey = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'holdfast/2 upgrade', 32));
    const tail = bytes.subarray(-76).toString();
    const mac = createHmac('sha256', macKey).update(bytes.subarray(0, -76)).digest('hex');
    expect(tail).toBe(`,\n"mac":"${mac}"}\n`);
  });

  it('is upgraded in its copies too, and in shares', async () => {
    const { clock, store, repository } = await newPlace();
    await backUpInShares(repository, sharedSource({ t: ['a\n', 'b\n'] }));
    await upgradeRepository(repository, never);
    clock.advanceDays(1);
    const { key } = await backUpInShares(repository, sharedSource({ t: ['a\n', 'c\n'] }));
    expect(await versionOf(store, key)).toBe(2);
    const second = new MemoryStore();
    await copyBackups(repository, second, { signal: never });
    await using alone = await openCheaply(second);
    expect(await isUpgradedAlready(alone, never)).toBe(true);
    expect((await verifyBackups(alone, [key], ALL)).findings).toEqual([]);
  });
});

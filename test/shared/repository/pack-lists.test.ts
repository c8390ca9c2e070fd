import { createHash, createHmac } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { encodeListLeaf, encodeListRoot } from '../../../shared/format/pack-list.ts';
import { copyBackups } from '../../../shared/jobs/copy/copy.ts';
import { lockBackups } from '../../../shared/jobs/lock/lock.ts';
import { restoreBackup } from '../../../shared/jobs/restore/restore.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { PackLists } from '../../../shared/repository/packs/pack-lists.ts';
import { writePackList } from '../../../shared/repository/writing/list-writer.ts';
import { FilesTarget } from '../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { neededObjects, objectOf, readList } from '../../support/repository/needed-objects.ts';
import { keepLast, ManualClock, prune, storedKeys } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { turns } from '../../support/repository/torture.ts';
import { MemoryLocks } from '../../support/stores/memory-locks.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(3);

/** Half of the rows stay, half are of the day. */
const dataOf = (day: number) => ({ t: [1, 100 + day].flatMap((seed) => seededRows(150, seed)).join('') });
const QUICK = { depth: { kind: 'quick' }, signal: never } as const;
const FULL = { depth: { kind: 'full' }, signal: never } as const;

async function newPlace(days: number) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store, undefined, { version: 2 });
  const repository = await openCheaply(store, { clock, manifestBytes: 0 });
  const backups: BackupKey[] = [];
  for (let day = 0; day < days; day++) {
    clock.advanceDays(1);
    backups.push((await backUp(repository, dataOf(day))).key);
  }
  return { clock, store, repository, backups };
}

async function manifestOf(store: MemoryStore, key: string) {
  return JSON.parse(Buffer.from(await store.get(key)).toString());
}

async function replace(store: MemoryStore, key: string, bytes: Uint8Array): Promise<void> {
  await store.delete(key);
  await store.put(key, bytes);
}

async function restored(store: MemoryStore, key: BackupKey): Promise<unknown> {
  await using repository = await openCheaply(store);
  return restoreBackup(repository, key, new FilesTarget(await newFolder()), { signal: never });
}

describe('a list of packs that is not what was written', () => {
  const ATTACKS = {
    'whose root is gone': async (store: MemoryStore, root: string) => {
      await store.delete(objectOf(root));
      return root;
    },
    'whose leaf is gone': async (store: MemoryStore, root: string) => {
      const [leaf] = (await readList(store, root)).leaves;
      await store.delete(objectOf(leaf!.id));
      return leaf!.id;
    },
    'whose leaf is that of another backup': async (store: MemoryStore, root: string, other: string) => {
      const [mine, theirs] = [await readList(store, root), await readList(store, other)];
      await replace(store, objectOf(mine.leaves[0]!.id), await store.get(objectOf(theirs.leaves[0]!.id)));
      return mine.leaves[0]!.id;
    },
    'whose root is that of another backup': async (store: MemoryStore, root: string, other: string) => {
      await replace(store, objectOf(root), await store.get(objectOf(other)));
      return root;
    },
    'with one bit of a size turned': async (store: MemoryStore, root: string) => {
      const [leaf] = (await readList(store, root)).leaves;
      const bytes = Buffer.from(await store.get(objectOf(leaf!.id)));
      bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 1;
      await replace(store, objectOf(leaf!.id), bytes);
      return leaf!.id;
    },
  };

  it.each(Object.keys(ATTACKS) as (keyof typeof ATTACKS)[])(
    '%s: verifications and a restore say so',
    async (attack) => {
      const { store, repository, backups } = await newPlace(2);
      const [first = '', second = ''] = backups;
      const [other, root] = [
        (await manifestOf(store, first)).list.id,
        (await manifestOf(store, second)).list.id,
      ];
      await using keyless = await openCheaply(store, { keys: undefined });
      const harmed = await ATTACKS[attack](store, root, other);
      for (const looker of [repository, keyless]) {
        const { findings } = await verifyBackups(looker, [second as BackupKey], QUICK);
        expect(findings).toContainEqual(
          expect.objectContaining({ object: objectOf(harmed), code: 'E_DAMAGED', backups: [second] }),
        );
      }
      const { findings } = await verifyBackups(repository, [second as BackupKey], FULL);
      expect(findings.map(({ object }) => object)).toContain(objectOf(harmed));
      await expect(restored(store, second as BackupKey)).rejects.toMatchObject({ code: 'E_DAMAGED' });
      // The other one is whole, and the next backup is, too.
      expect((await verifyBackups(repository, [first as BackupKey], FULL)).findings).toEqual([]);
      await using again = await openCheaply(store, { manifestBytes: 0 });
      const { key } = await backUp(again, dataOf(7));
      expect(await digests(again, key)).toEqual(digestsOf(dataOf(7)));
      expect((await verifyBackups(again, [key], FULL)).findings).toEqual([]);
    },
  );

  it('that the manifest names instead of its own needs the key', async () => {
    const { store, repository, backups } = await newPlace(2);
    const [first = '', second = ''] = backups;
    const [mine, theirs] = [await manifestOf(store, second), await manifestOf(store, first)];
    const text = Buffer.from(await store.get(second)).toString();
    const changed = text.replace(JSON.stringify(mine.list), JSON.stringify(theirs.list));
    expect(changed).not.toBe(text);
    await replace(store, second, Buffer.from(changed));
    const { findings } = await verifyBackups(repository, [second as BackupKey], QUICK);
    expect(findings).toMatchObject([{ object: second, code: 'E_DAMAGED' }]);
    await expect(restored(store, second as BackupKey)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });
});

it('a list that names fewer packs than its backup needs, signed as it should be, is found by a quick verification', async () => {
  const { store, repository, backups } = await newPlace(1);
  const [key = '' as BackupKey] = backups;
  const document = await manifestOf(store, key);
  const packs = await repository.lists.packs(await repository.readManifest(key, never), never);
  const fewer = packs.filter(({ id }, i) => i > 0 || id === document.catalog.pack);
  expect(fewer.length).toBe(packs.length - 1);
  const put = async (bytes: Buffer) => {
    const id = createHash('sha256').update(bytes).digest('hex');
    await store.put(objectOf(id), bytes);
    return id;
  };
  const sums = { packs: fewer.length, packBytes: fewer.reduce((sum, { bytes }) => sum + bytes, 0) };
  const leaf = encodeListLeaf(fewer, Buffer.alloc(16));
  const root = encodeListRoot([{ id: await put(leaf), bytes: leaf.length, ...sums }], Buffer.alloc(16));
  const { mac: _, ...rest } = document;
  const body = JSON.stringify({ ...rest, list: { id: await put(root), bytes: root.length, ...sums } }).slice(
    0,
    -1,
  );
  const own = rest.keys.find(({ purpose }: { purpose: string }) => purpose === 'manifest');
  const mac = createHmac('sha256', await repository.context.keys.unwrap(own, never)).update(body);
  await replace(store, key, Buffer.from(`${body},\n"mac":"${mac.digest('hex')}"}\n`));
  await using fresh = await openCheaply(store);
  const { findings } = await verifyBackups(fresh, [key], QUICK);
  expect(findings).toMatchObject([{ object: key, code: 'E_DAMAGED' }]);
  expect(findings[0]?.problem).toContain(`it names ${fewer.length}`);
});

describe('the objects of lists', () => {
  it('stay as long as a backup needs them, and go when none does', async () => {
    const { clock, store, repository, backups } = await newPlace(5);
    const needed = new Set(
      (await Promise.all(backups.slice(-2).map((key) => neededObjects(store, key)))).flat(),
    );
    const gone = (await neededObjects(store, backups[0] ?? '')).filter((object) => !needed.has(object));
    expect(gone.length).toBeGreaterThan(2);
    await prune(repository, keepLast(2));
    expect((await storedKeys(store)).data).toEqual(expect.arrayContaining(gone));
    clock.advanceDays(8);
    await prune(repository, keepLast(2));
    expect((await storedKeys(store)).data.toSorted()).toEqual([...needed].toSorted());
    expect((await verifyBackups(repository, backups.slice(-2), FULL)).findings).toEqual([]);
    for (const [i, key] of backups.slice(-2).entries())
      expect(await digests(repository, key)).toEqual(digestsOf(dataOf(3 + i)));
  });

  it('that cannot be read keep prune from every pack, until the backup is put aside', async () => {
    const { clock, store, repository, backups } = await newPlace(4);
    const { list } = await manifestOf(store, backups[3] ?? '');
    const before = await Array.fromAsync(store.list('data/'));
    await store.delete(objectOf(list.id));
    await prune(repository, keepLast(1));
    clock.advanceDays(8);
    const { blockedBy, removedPacks } = await prune(repository, keepLast(1));
    expect({ blockedBy, removedPacks }).toMatchObject({
      blockedBy: expect.stringContaining('cannot be read'),
      removedPacks: 0,
    });
    expect((await Array.fromAsync(store.list('data/'))).length).toBe(before.length - 1);
  });

  it('go with a copy, which is whole without the first place', async () => {
    const { store, repository, backups } = await newPlace(3);
    const second = new MemoryStore();
    await copyBackups(repository, second, { signal: never });
    for (const key of backups)
      for (const object of await neededObjects(store, key))
        expect(Buffer.from(await second.get(object)).equals(Buffer.from(await store.get(object)))).toBe(true);
    await using alone = await openCheaply(second);
    expect((await verifyBackups(alone, backups, FULL)).findings).toEqual([]);
    expect(await digests(alone, backups[2]!)).toEqual(digestsOf(dataOf(2)));
  });

  it('are locked as what they name is', async () => {
    const { clock, store, repository, backups } = await newPlace(2);
    const locks = new MemoryLocks(store);
    const rules = {
      lock: { mode: 'compliance', mostMs: 30 * 86_400_000 } as const,
      policy: { days: { daily: 20 }, counts: {} },
    };
    await lockBackups(repository, locks, { ...rules, isDryRun: false, signal: never });
    for (const key of backups)
      for (const object of await neededObjects(store, key))
        expect((await locks.retention(object))?.until.getTime(), object).toBeGreaterThan(
          clock.now().getTime(),
        );
  });
});

describe('backups of many packs', () => {
  const idOf = (of: string) => createHash('sha256').update(of).digest('hex');
  const packsOf = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({
      id: idOf(`pack ${from + i}`),
      bytes: 8_388_608 + i,
      key: {
        run: idOf(`run ${Math.floor((from + i) / 80)}`).slice(0, 32),
        purpose: 'data' as const,
        rootKeyId: 'hex:00',
        wrapped: 'AAAA',
      },
    }));

  it('share what they list: one that is much as the one before writes few leaves', async () => {
    const store = new MemoryStore();
    const lists = new PackLists(store);
    const context = { store, lists };
    const packs = packsOf(0, 10_000);
    const first = await writePackList(context, packs, { before: undefined, signal: never });
    const before = { version: 2, keys: [], list: first.list } as never;
    const next = [...packs.filter((_, i) => i !== 4000), ...packsOf(10_000, 10_040)];
    const second = await writePackList(context, next, { before, signal: never });
    expect(first.own.length).toBeGreaterThan(6);
    expect(second.own.length).toBeLessThanOrEqual(5);
    const read = await new PackLists(store).packs(
      { version: 2, keys: [], list: second.list } as never,
      never,
    );
    expect(read.map(({ id }) => id)).toEqual(next.map(({ id }) => id));
    // A leaf that is gone meanwhile is written again.
    const shared = (await readList(store, second.list.id)).leaves.find(
      ({ id }) => !second.own.some((own) => own.id === id),
    );
    await store.delete(objectOf(shared!.id));
    const third = await writePackList(context, next, {
      before: { version: 2, keys: [], list: second.list } as never,
      signal: never,
    });
    expect(
      (await new PackLists(store).packs({ version: 2, keys: [], list: third.list } as never, never)).length,
    ).toBe(next.length);
  });
});

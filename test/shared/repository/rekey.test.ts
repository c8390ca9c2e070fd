import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { keysFileKey } from '../../../shared/format/keys-file.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { checkKeys } from '../../../shared/jobs/keys/keys.ts';
import { rekeyRepository } from '../../../shared/jobs/keys/rekey.ts';
import { listBackups } from '../../../shared/jobs/status/list.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { Keychain } from '../../../shared/keys/keychain.ts';
import { writeKeysFile } from '../../../shared/repository/keys/root-keys.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  OTHER_KEY,
  openRepository,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { listAgain } from '../../support/repository/forged-manifest.ts';
import { putReport } from '../../support/repository/forged-report.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { isFull, isTorture, strides, testSeed, turns } from '../../support/repository/torture.ts';
import { FaultyStore } from '../../support/stores/faulty-store.ts';

const it = turns(3);

/** Keys that are random enough, and the same in every run. */
const newKey = (name: string) => createHash('sha256').update(name).digest('hex');
const SECOND = newKey('second');
const THIRD = newKey('third');
const idOf = (key: string) => new HexKeyProvider(key).rootKeyId;

const rows = seededRows(300, 1);
const dataOf = (round: number) => ({
  'pre-data': 'create table t ();\n',
  t: rows.map((row, i) => (i % 50 === round ? row.replace('\t', '\tnew ') : row)).join(''),
});

const open = (store: ObjectStore, key: string) =>
  openRepository(store, { keys: new HexKeyProvider(key), workers: 1 });
const rekey = (store: ObjectStore, key: string, next: string) =>
  rekeyRepository((hexKey) => open(store, hexKey), { key, newKey: next, signal: never });

async function backUpWith(store: ObjectStore, key: string, round: number): Promise<void> {
  await using repository = await open(store, key);
  await backUp(repository, dataOf(round), { type: `round-${round}` });
}

/** Every listed backup restores with that key alone to what it held. */
async function expectAllOpen(store: ObjectStore, key: string, count: number): Promise<void> {
  await using repository = await open(store, key);
  const keys = await repository.backupKeys(never);
  expect(keys).toHaveLength(count);
  for (const backup of keys) {
    const [, round] = /round-(\d)/.exec(backup) ?? [];
    expect(await digests(repository, backup)).toEqual(digestsOf(dataOf(Number(round))));
  }
}

async function statesWith(store: ObjectStore, key: string): Promise<string[]> {
  await using repository = await open(store, key);
  return (await checkKeys(repository, never)).backups.map(({ state }) => state);
}

async function copyOf(
  store: MemoryStore,
  change: (key: string, body: Buffer) => Buffer | undefined = (_, body) => body,
): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { key } of store.list('')) {
    const body = change(key, Buffer.from(await store.get(key)));
    if (body) await copy.put(key, body);
  }
  return copy;
}

/** With a backup under the first key. */
async function newStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await initRepository(store);
  await backUpWith(store, TEST_KEY, 1);
  return store;
}

async function keysOf(store: MemoryStore): Promise<string[]> {
  return (await Array.fromAsync(store.list(''))).map(({ key }) => key);
}

describe('a changed root key', () => {
  it('opens what was written under all keys before, after two changes, alone', async () => {
    const store = await newStore();
    const before = await keysOf(store);
    expect(await rekey(store, TEST_KEY, SECOND)).toMatchObject({ isNew: true, backups: 1, damaged: 0 });
    const added = (await keysOf(store)).filter((key) => !before.includes(key));
    expect(added).toEqual([keysFileKey(idOf(SECOND)), expect.stringMatching(/^keys\/signed\/[0-9a-f]{64}$/)]);
    await backUpWith(store, SECOND, 2);
    await rekey(store, SECOND, THIRD);
    await backUpWith(store, THIRD, 3);
    await expectAllOpen(store, THIRD, 3);
    await using repository = await open(store, THIRD);
    expect(repository.rootKeyId).toBe(idOf(THIRD));
    const keys = await repository.backupKeys(never);
    const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
    expect(findings).toEqual([]);
    // The third is a difference from what was written under older keys, so it needs those as well.
    const { backups } = await checkKeys(repository, never);
    expect(backups[0]?.rootKeyIds.length).toBeGreaterThan(1);
    const { manifest } = await repository.openBackup(backups[0]!.key, never);
    expect(manifest.parent).toContain('round-2');
  });

  it('is needed for what was written since: the old key opens what it always opened, and no more', async () => {
    const store = await newStore();
    await rekey(store, TEST_KEY, SECOND);
    await expectAllOpen(store, TEST_KEY, 1);
    await backUpWith(store, SECOND, 2);
    await using repository = await open(store, TEST_KEY);
    const [newer, older] = await repository.backupKeys(never);
    await expect(repository.openBackup(newer!, never)).rejects.toMatchObject({
      code: 'E_WRONG_KEY',
      hint: expect.stringContaining('newer one'),
    });
    expect(await digests(repository, older!)).toEqual(digestsOf(dataOf(1)));
    await expect(backUp(repository, dataOf(3))).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
    expect(await repository.backupKeys(never)).toHaveLength(2);
    const report = await checkKeys(repository, never);
    expect(report.backups.map(({ state }) => state)).toEqual(['locked', 'opens']);
    expect(report.rootKeys).toMatchObject([
      { rootKeyId: idOf(TEST_KEY), backups: 2, isConfigured: true },
      { rootKeyId: idOf(SECOND), backups: 1, isConfigured: false },
    ]);
  });

  it('is noticed by who still has the old key: nothing is written with that any more', async () => {
    const store = await newStore();
    await using begun = await open(store, TEST_KEY);
    await rekey(store, TEST_KEY, SECOND);
    const before = await keysOf(store);
    const refused = { code: 'E_WRONG_KEY', hint: expect.stringContaining(idOf(SECOND)) };
    await expect(backUpWith(store, TEST_KEY, 2)).rejects.toMatchObject(refused);
    const [key] = await begun.backupKeys(never);
    await expect(
      begun.reports.write('hold', { backups: [key!], body: { reason: 'audit' } }, never),
    ).rejects.toMatchObject(refused);
    expect((await keysOf(store)).filter((object) => !object.startsWith('data/'))).toEqual(
      before.filter((object) => !object.startsWith('data/')),
    );
  });

  it('is noticed by a backup that had begun: it is not listed', async () => {
    const store = await newStore();
    let isChanged = false;
    const source = memorySource(dataOf(2), {
      read: async () => {
        if (!isChanged) await rekey(store, TEST_KEY, SECOND);
        isChanged = true;
      },
    });
    await using repository = await open(store, TEST_KEY);
    await expect(runBackup(repository, source, { signal: never })).rejects.toMatchObject({
      code: 'E_WRONG_KEY',
    });
    await expectAllOpen(store, SECOND, 1);
  });

  it.each([
    ['one change', [SECOND]],
    ['two changes', [SECOND, THIRD]],
  ])('leaves who has the old key with nothing to sign, after %s', async (_, keys) => {
    const store = await newStore();
    await using before = await open(store, TEST_KEY);
    const [honest] = await before.backupKeys(never);
    const body = { reason: 'audit' };
    const held = await before.reports.write('hold', { backups: [honest!], body }, never);
    let old = TEST_KEY;
    for (const next of keys) {
      await rekey(store, old, next);
      old = next;
    }
    const at = new Date(Date.now() + 2000).toISOString();
    const forged = await listAgain(store, honest!, { type: 'daily', at, underKey: TEST_KEY });
    await putReport(store, 'release', { backup: honest!, body: { ...body, ends: [held] }, key: TEST_KEY });
    await using repository = await open(store, old);
    const listed = await listBackups(repository, { signal: never });
    expect(listed.find(({ key }) => key === forged)).toMatchObject({ state: 'damaged' });
    expect(listed.find(({ key }) => key === honest)).toMatchObject({ state: 'whole', marks: { hold: body } });
    await expect(repository.openBackup(forged, never)).rejects.toMatchObject({
      code: 'E_DAMAGED',
      message: expect.stringContaining('replaced it'),
    });
    expect((await backUp(repository, dataOf(2))).parent).toBe(honest);
  });

  it('without its list of what was signed before believes no old signature, and says what is missing', async () => {
    const store = await newStore();
    await rekey(store, TEST_KEY, SECOND);
    const [list] = (await keysOf(store)).filter((key) => key.startsWith('keys/signed/'));
    const gone = await copyOf(store, (key, body) => (key === list ? undefined : body));
    expect(await statesWith(gone, SECOND)).toEqual(['damaged']);
    await expectAllOpen(gone, TEST_KEY, 1);
    const harmed = await copyOf(store, (key, body) => (key === list ? Buffer.alloc(body.length) : body));
    await using repository = await open(harmed, SECOND);
    const { findings } = await verifyBackups(repository, await repository.backupKeys(never), {
      depth: { kind: 'full' },
      others: true,
      signal: never,
    });
    expect(findings.map(({ object }) => object)).toContain(list);
  });

  it('opens reports of before, and their details', async () => {
    const store = await newStore();
    {
      await using repository = await open(store, TEST_KEY);
      const [key] = await repository.backupKeys(never);
      const body = { reason: 'audit' };
      await repository.reports.write('hold', { backups: [key!], body, details: { by: 'x' } }, never);
    }
    await rekey(store, TEST_KEY, SECOND);
    await using repository = await open(store, SECOND);
    const [found] = await Array.fromAsync(repository.reports.read('hold', never));
    expect(found).toMatchObject({ isProven: true });
    expect(await repository.reports.details(found!.report!, never)).toEqual({ by: 'x' });
    expect((await checkKeys(repository, never)).reports).toEqual({ opens: 1, locked: 0, damaged: 0 });
  });

  it('costs one request more to open, and none with the first key', async () => {
    const store = await newStore();
    await rekey(store, TEST_KEY, SECOND);
    const calls = async (key: string) => {
      const counting = new FaultyStore(store);
      await using _ = await open(counting, key);
      return counting.calls;
    };
    expect([await calls(TEST_KEY), await calls(SECOND)]).toEqual([1, 2]);
  });
});

describe('rekey', () => {
  it.each([
    ['a key of zeros', TEST_KEY, SECOND, '00'.repeat(32), 'E_BAD_KEY'],
    ['a key of the wrong form', TEST_KEY, SECOND, 'abc', 'E_BAD_KEY'],
    ['the same key again', SECOND, SECOND, SECOND, 'E_USAGE'],
    ['the wrong old key', OTHER_KEY, SECOND, THIRD, 'E_WRONG_KEY'],
    ['a key that was replaced, when there is a newer', TEST_KEY, SECOND, THIRD, 'E_WRONG_KEY'],
  ])('refuses %s, writes nothing, and shows no key', async (_, key, changedTo, next, code) => {
    const store = await newStore();
    await rekey(store, TEST_KEY, changedTo);
    const before = await keysOf(store);
    const error = await rekey(store, key, next).catch((problem: unknown) => problem);
    expect(error).toMatchObject({ code, hint: expect.any(String) });
    const said = `${(error as Error).message} ${(error as HoldfastError).hint}`;
    for (const secret of [TEST_KEY, OTHER_KEY, SECOND, THIRD, next]) expect(said).not.toContain(secret);
    expect(await keysOf(store)).toEqual(before);
  });

  it('refuses to go back to a key that was replaced', async () => {
    const store = await newStore();
    await rekey(store, TEST_KEY, SECOND);
    await rekey(store, SECOND, THIRD);
    await expect(rekey(store, THIRD, SECOND)).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  it('run again, says that it had been done', async () => {
    const store = await newStore();
    await rekey(store, TEST_KEY, SECOND);
    const before = await copyOf(store);
    expect(await rekey(store, TEST_KEY, SECOND)).toMatchObject({ isNew: false, backups: 1 });
    for (const key of await keysOf(store)) expect(await store.get(key)).toEqual(await before.get(key));
  });

  it('does not say that it is done where the new key does not open everything', async () => {
    const store = await newStore();
    await rekey(store, TEST_KEY, SECOND);
    await backUpWith(store, SECOND, 2);
    await rekey(store, SECOND, THIRD);
    await backUpWith(store, THIRD, 3);
    const fourth = new HexKeyProvider(newKey('fourth'));
    // All but the second.
    const chain = new Keychain(new HexKeyProvider(THIRD), [new HexKeyProvider(TEST_KEY)]);
    const keys = { chain, newest: fourth, createdAt: new Date(0) };
    await using repository = await open(store, THIRD);
    await writeKeysFile(store, repository.id, keys, never);
    await expect(rekey(store, THIRD, newKey('fourth'))).rejects.toMatchObject({
      code: 'E_WRONG_KEY',
      message: expect.stringContaining('must not be used'),
    });
    expect(await statesWith(store, THIRD)).toEqual(['opens', 'opens', 'opens']);
    // The third's manifest is under a key that the fourth has, some of its data is not.
    expect(await statesWith(store, newKey('fourth'))).toEqual(['locked', 'locked', 'opens']);
  });

  it.each(['before', 'after'] as const)(
    'that dies %s a store call leaves all as it was, and when it is run again, changes the key',
    async (moment) => {
      const whole = await newStore();
      for (const call of strides(4)) {
        const store = await copyOf(whole);
        const error = await rekey(new FaultyStore(store).dieAt(call, moment), TEST_KEY, SECOND).then(
          () => undefined,
          (problem: unknown) => problem,
        );
        const survived = error === undefined;
        if (!survived) expect(error).toMatchObject({ code: 'E_STORE_DENIED' });
        for (const key of await keysOf(whole)) expect(await store.get(key)).toEqual(await whole.get(key));
        expect(await statesWith(store, TEST_KEY)).toEqual(['opens']);
        if (survived) await expectAllOpen(store, SECOND, 1);
        await rekey(store, TEST_KEY, SECOND);
        expect(await statesWith(store, SECOND)).toEqual(['opens']);
        expect(call).toBeLessThan(40);
        if (survived) break;
      }
    },
  );

  it('whose answer is lost is finished by running it again', async () => {
    const store = await newStore();
    const lost = new HoldfastError('E_STORE_UNAVAILABLE', 'lost');
    const faulty = new FaultyStore(store).loseNextAnswer('put', lost);
    await expect(rekey(faulty, TEST_KEY, SECOND)).rejects.toMatchObject({ code: 'E_STORE_UNAVAILABLE' });
    expect(await rekey(store, TEST_KEY, SECOND)).toMatchObject({ backups: 1 });
    expect(await rekey(store, TEST_KEY, SECOND)).toMatchObject({ isNew: false });
    await expectAllOpen(store, SECOND, 1);
  });

  it('counts damaged manifests apart, which open with neither key', async () => {
    const store = await newStore();
    await backUpWith(store, TEST_KEY, 2);
    const spoilt = await copyOf(store, (key, body) =>
      key.startsWith('backups/round-2') ? body.subarray(0, 100) : body,
    );
    expect(await rekey(spoilt, TEST_KEY, SECOND)).toMatchObject({ backups: 1, damaged: 1 });
  });
});

describe('the object below keys/', async () => {
  const place = keysFileKey(idOf(SECOND));
  const store = await newStore();
  await rekey(store, TEST_KEY, SECOND);
  const whole = Buffer.from(await store.get(place));
  const withObject = (body: Buffer | undefined) => copyOf(store, (key, old) => (key === place ? body : old));
  const edited = (change: (document: Record<string, unknown>) => void) => {
    const document = JSON.parse(whole.toString());
    change(document);
    const { mac, ...rest } = document;
    return Buffer.from(`${JSON.stringify(rest).slice(0, -1)},\n"mac":"${mac}"}\n`);
  };

  it('shows neither key', () => {
    for (const key of [TEST_KEY, SECOND])
      for (const form of [key, Buffer.from(key, 'hex').toString('base64')])
        expect(whole.toString()).not.toContain(form);
  });

  it('changed in any byte, is refused or does no harm', async () => {
    const step = isTorture ? 1 : isFull ? 7 : 40;
    for (let at = testSeed % step; at < whole.length; at += step) {
      const body = Buffer.from(whole);
      body[at] = (body[at] ?? 0) ^ (1 << (at % 8));
      const opened = open(await withObject(body), SECOND);
      await expect(opened, `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/^E_(DAMAGED|NEWER_FORMAT|FOREIGN_REPOSITORY|WRONG_KEY)$/),
      });
    }
  });

  it.each([
    ['cut short', whole.subarray(0, -9)],
    ['empty', Buffer.alloc(0)],
    [
      'with a key less',
      edited((d) => {
        d['older'] = [];
      }),
    ],
    [
      'of another date',
      edited((d) => {
        d['createdAt'] = '2020-01-01T00:00:00.000Z';
      }),
    ],
    [
      'with another id for the old key',
      edited((d) => {
        d['older'] = [{ ...(d['older'] as object[])[0], rootKeyId: idOf(OTHER_KEY) }];
      }),
    ],
  ])('%s, is refused as damaged, and the old key still opens everything', async (_, body) => {
    const damaged = await withObject(body);
    await expect(open(damaged, SECOND)).rejects.toMatchObject({ code: 'E_DAMAGED' });
    await expectAllOpen(damaged, TEST_KEY, 1);
  });

  it('gone, is told apart from a key that never was one', async () => {
    await expect(open(await withObject(undefined), SECOND)).rejects.toMatchObject({
      code: 'E_WRONG_KEY',
      hint: expect.stringContaining(place),
    });
    await expect(open(store, OTHER_KEY)).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
  });

  it('of another repository, or forged by who has only the old key, opens nothing', async () => {
    const other = await newStore();
    await rekey(other, TEST_KEY, SECOND);
    const foreign = await withObject(Buffer.from(await other.get(place)));
    await expect(open(foreign, SECOND)).rejects.toMatchObject({ code: 'E_DAMAGED' });
    const thief = new HexKeyProvider(TEST_KEY);
    const forged = await copyOf(store, (key, body) => (key === place ? undefined : body));
    await using repository = await open(store, TEST_KEY);
    const asSecond = {
      rootKeyId: idOf(SECOND),
      opens: (id: string) => id === idOf(SECOND),
      generateDataKey: thief.generateDataKey.bind(thief),
      unwrapDataKey: thief.unwrapDataKey.bind(thief),
      wrapKey: thief.wrapKey.bind(thief),
      exportRootKey: thief.exportRootKey.bind(thief),
    };
    const chain = new Keychain(new HexKeyProvider(OTHER_KEY), []);
    await writeKeysFile(forged, repository.id, { chain, newest: asSecond, createdAt: new Date() }, never);
    await expect(open(forged, SECOND)).rejects.toMatchObject({
      code: expect.stringMatching(/E_DAMAGED|E_WRONG_KEY/),
    });
  });
});

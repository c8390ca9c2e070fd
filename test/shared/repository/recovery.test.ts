import { createHash } from 'node:crypto';
import { beforeAll, describe, expect } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { completeRecovery, removeRecoveryKey } from '../../../shared/jobs/keys/recovery.ts';
import { rekeyRepository } from '../../../shared/jobs/keys/rekey.ts';
import { readSourceStates } from '../../../shared/jobs/status/status.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { KeyProvider } from '../../../shared/keys/key-provider.ts';
import { KmsKeyProvider } from '../../../shared/keys/kms-key-provider.ts';
import { RecoveryKey } from '../../../shared/keys/recovery-key.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { startKms } from '../../support/aws/kms-double.ts';
import {
  backUp,
  digests,
  digestsOf,
  memorySource,
  never,
  openCheaply,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import {
  addRecovery,
  copyOf,
  newStore,
  openRecovered,
  SealedKeys,
} from '../../support/repository/recovery.ts';
import { seededRows } from '../../support/repository/rows.ts';
import {
  backUpInShares,
  commit,
  joined,
  plan,
  readShares,
  sharedSource,
} from '../../support/repository/shares.ts';
import { strides, turns } from '../../support/repository/torture.ts';
import { FaultyStore } from '../../support/stores/faulty-store.ts';

const it = turns(3);

const NEW_KEY = createHash('sha256').update('the next key').digest('hex');
const rows = seededRows(300, 1);
/** Each round changes some rows, so that later backups are differences from earlier ones. */
const dataOf = (round: number) => ({
  'pre-data': 'create table t ();\n',
  t: rows.map((row, i) => (i % 50 === round ? row.replace('\t', '\tnew ') : row)).join(''),
});

type Expected = Map<BackupKey, Record<string, string>>;

/** Every backup restores to what the test gave, with nothing but the store and the recovery key. */
async function expectRecovered(store: ObjectStore, key: RecoveryKey, expected: Expected): Promise<void> {
  await using recovered = await openRecovered(store, key);
  expect((await recovered.backupKeys(never)).toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [backup, wanted] of expected) expect(await digests(recovered, backup)).toEqual(wanted);
}

async function backUpRound(repository: Repository, round: number, expected: Expected): Promise<void> {
  const { key } = await backUp(repository, dataOf(round), { type: `round-${round}` });
  expected.set(key, digestsOf(dataOf(round)));
}

describe('a recovery key opens every backup, with the bucket alone,', () => {
  it('of a repository with a key of 64 hex digits, before and after that key is changed', async () => {
    const expected: Expected = new Map();
    const store = await newStore(new HexKeyProvider(TEST_KEY));
    const open = (hexKey: string) => openCheaply(store, { keys: new HexKeyProvider(hexKey) });
    await using first = await open(TEST_KEY);
    await backUpRound(first, 1, expected);
    const { key, result } = await addRecovery(first);
    expect(result).toMatchObject({ wrapped: 1, backups: 1, damaged: 0 });
    await backUpRound(first, 2, expected);
    await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
    // Before anybody uses it: an older release makes backups under it, and wraps nothing.
    expect(await Array.fromAsync(store.list('recovery/'))).toHaveLength(2);
    await using second = await open(NEW_KEY);
    await backUpRound(second, 3, expected);
    await expectRecovered(store, key, expected);
  });

  it('of a repository whose KMS key is destroyed', async () => {
    const kms = await startKms();
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const expected: Expected = new Map();
    const store = await newStore(keys);
    await using repository = await openCheaply(store, { keys });
    await backUpRound(repository, 1, expected);
    await backUpRound(repository, 2, expected);
    const { key, result } = await addRecovery(repository);
    expect(result).toMatchObject({ wrapped: 6, backups: 2 });
    await using later = await openCheaply(store, { keys });
    await backUpRound(later, 3, expected);
    const source = sharedSource({ 'pre-data': [dataOf(4)['pre-data']], t: [dataOf(4).t, dataOf(5).t] });
    const shared = await backUpInShares(later, source);
    expect(shared.parent).not.toBeUndefined();
    expected.set(
      shared.key,
      digestsOf(joined({ 'pre-data': [dataOf(4)['pre-data']], t: [dataOf(4).t, dataOf(5).t] })),
    );
    const asked = kms.requests.length;
    await expectRecovered(store, key, expected);
    expect(kms.requests).toHaveLength(asked);
  });

  it('also where backups are write-only, which never opens what earlier ones sealed', async () => {
    const keys = new SealedKeys();
    const expected: Expected = new Map();
    const store = await newStore(keys);
    await using repository = await openCheaply(store, { keys, deltas: false });
    await backUpRound(repository, 1, expected);
    const { key } = await addRecovery(repository);
    await backUpRound(repository, 2, expected);
    await expectRecovered(store, key, expected);
  });

  it('and so does each of two, and one alone when the other was removed', async () => {
    const keys = new SealedKeys();
    const expected: Expected = new Map();
    const store = await newStore(keys);
    await using repository = await openCheaply(store, { keys });
    await backUpRound(repository, 1, expected);
    const { key: one } = await addRecovery(repository);
    const { key: other } = await addRecovery(repository);
    await backUpRound(repository, 2, expected);
    for (const key of [one, other]) await expectRecovered(store, key, expected);
    expect(await removeRecoveryKey(repository, one.id, never)).toMatchObject({ removed: 6 });
    await backUpRound(repository, 3, expected);
    await expectRecovered(store, other, expected);
    await using removed = await openRecovered(store, one);
    for (const key of expected.keys())
      await expect(removed.openBackup(key, never)).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
  });
});

describe('a recovery key', () => {
  it('writes nothing, and of another repository opens nothing', async () => {
    const store = await newStore(new SealedKeys());
    await using repository = await openCheaply(store, { keys: new SealedKeys() });
    const { key } = await addRecovery(repository);
    await using recovered = await openRecovered(store, key);
    await expect(backUp(recovered, dataOf(1))).rejects.toMatchObject({ code: 'E_USAGE' });
    const other = RecoveryKey.generate().key;
    await expect(openRecovered(store, other)).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
  });

  it('is nowhere in the store, nor is the root key', async () => {
    const store = await newStore(new HexKeyProvider(TEST_KEY));
    await using repository = await openCheaply(store);
    const { seed } = await addRecovery(repository);
    const secrets = [seed, Buffer.from(TEST_KEY, 'hex')].map((bytes) => Buffer.from(bytes));
    for await (const { key } of store.list('')) {
      const body = Buffer.from(await store.get(key));
      for (const secret of secrets)
        for (const form of [secret, secret.toString('hex'), secret.toString('base64')])
          expect(body.includes(form)).toBe(false);
    }
  });

  it('covers a root key that another release made the repository’s, with the next backup', async () => {
    const store = await newStore(new HexKeyProvider(TEST_KEY));
    const open = (hexKey: string) => openCheaply(store, { keys: new HexKeyProvider(hexKey) });
    await using repository = await open(TEST_KEY);
    const { key } = await addRecovery(repository);
    await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
    for await (const { key: object } of store.list('recovery/')) await store.delete(object);
    const expected: Expected = new Map();
    await using second = await open(NEW_KEY);
    await backUpRound(second, 1, expected);
    await expectRecovered(store, key, expected);
  });
});

describe.each([
  { title: 'hex digits', keys: () => new HexKeyProvider(TEST_KEY) as KeyProvider },
  { title: 'a key that never leaves its place', keys: () => new SealedKeys() as KeyProvider },
])('adding a recovery key, with $title,', ({ keys }) => {
  let whole: MemoryStore;
  const expected: Expected = new Map();
  beforeAll(async () => {
    whole = await newStore(keys());
    await using repository = await openCheaply(whole, { keys: keys() });
    for (const round of [1, 2]) await backUpRound(repository, round, expected);
  });

  it.each(['before', 'after'] as const)(
    'that dies %s a store call leaves backups as they were, and is finished by running the rest',
    async (moment) => {
      for (const call of strides(8)) {
        const store = await copyOf(whole);
        const dying = new FaultyStore(store);
        const { key } = RecoveryKey.generate();
        await using repository = await openCheaply(dying, { keys: keys() });
        dying.dieAt(dying.calls + call, moment);
        const error = await addWith(repository, key).then(
          () => undefined,
          (problem: unknown) => problem,
        );
        const isDone = error === undefined;
        if (!isDone) expect(error).toMatchObject({ code: 'E_STORE_DENIED' });
        for await (const { key: object } of whole.list(''))
          expect(await store.get(object)).toEqual(await whole.get(object));
        await finish(store, key);
        expect(call).toBeLessThan(60);
        if (isDone) break;
      }
    },
  );

  /** With the key that is configured, as who comes after the crash. */
  async function finish(store: MemoryStore, key: RecoveryKey): Promise<void> {
    await using repository = await openCheaply(store, { keys: keys() });
    const isThere = (await Array.fromAsync(store.list('keys/recovery/'))).length > 0;
    if (!isThere) {
      await expect(completeRecovery(repository, never)).rejects.toMatchObject({ code: 'E_USAGE' });
      await addWith(repository, key);
    }
    await completeRecovery(repository, never);
    expect(await completeRecovery(repository, never)).toMatchObject({ wrapped: 0, backups: 2 });
    await expectRecovered(store, key, expected);
  }

  async function addWith(repository: Repository, key: RecoveryKey): Promise<void> {
    const { addRecoveryKey } = await import('../../../shared/jobs/keys/recovery.ts');
    const open = () => openRecovered(repository.store, key);
    await addRecoveryKey(repository, key, { open, signal: never });
  }
});

it('a commit that dies between what it wrapped and the manifest, and is tried again, is covered', async () => {
  const keys = new SealedKeys();
  const inner = await newStore(keys);
  await using first = await openCheaply(inner, { keys });
  const { key: recoveryKey } = await addRecovery(first);
  const source = sharedSource({ t: [dataOf(1).t, dataOf(2).t] });
  const store = new FaultyStore(inner);
  await using repository = await openCheaply(store, { keys });
  await using planned = await plan(repository, source);
  await readShares(repository, source, planned);
  const before = (await Array.fromAsync(inner.list('recovery/'))).length;
  const put = store.put;
  store.put = async (...args) => {
    if (args[0].startsWith('backups/')) throw new HoldfastError('E_STORE_DENIED', 'the process is dead');
    return put(...args);
  };
  await expect(commit(repository, planned)).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
  expect((await Array.fromAsync(inner.list('recovery/'))).length).toBeGreaterThan(before);
  store.put = put;
  const { key } = await commit(repository, planned);
  await expectRecovered(
    inner,
    recoveryKey,
    new Map([[key, digestsOf(joined({ t: [dataOf(1).t, dataOf(2).t] }))]]),
  );
});

describe('a backup that cannot be wrapped', () => {
  /** Takes everything but what is wrapped. */
  class RefusingStore extends FaultyStore {
    isRefusing = true;
    readonly inner: MemoryStore;

    constructor(inner: MemoryStore) {
      super(inner);
      this.inner = inner;
    }

    override put = async (...args: Parameters<ObjectStore['put']>): Promise<void> => {
      if (this.isRefusing && args[0].startsWith('recovery/'))
        throw new HoldfastError('E_STORE_DENIED', 'the role may not put this');
      return this.inner.put(...args);
    };
  }

  it('is listed, says so, is named by verify, and is covered by running the rest', async () => {
    const keys = new SealedKeys();
    const inner = await newStore(keys);
    await using honest = await openCheaply(inner, { keys });
    const { key: recoveryKey } = await addRecovery(honest);
    const store = new RefusingStore(inner);
    await using repository = await openCheaply(store, { keys });
    const warnings: string[] = [];
    const { key } = await runBackup(repository, memorySource(dataOf(1)), {
      type: 'daily',
      onProgress: (event) => {
        if (event.kind === 'warning') warnings.push(event.message);
      },
      signal: never,
    });
    expect(warnings).toEqual([expect.stringContaining('will not open this backup')]);
    const verify = () => verifyBackups(repository, [key], { depth: { kind: 'quick' }, signal: never });
    const before = await verify();
    expect(before.findings).toEqual([]);
    expect(before.recovery).toMatchObject({
      keys: [{ id: recoveryKey.id }],
      notOpened: [{ recoveryKey: recoveryKey.id, backups: [key] }],
    });
    const uncovered = async () => {
      const { states } = await readSourceStates(repository, { signal: never });
      return states.recovery.notOpened.map(({ backups }) => backups.length);
    };
    expect(await uncovered()).toEqual([1]);
    store.isRefusing = false;
    expect(await completeRecovery(repository, never)).toMatchObject({ wrapped: 3 });
    expect((await verify()).recovery?.notOpened).toEqual([]);
    expect(await uncovered()).toEqual([]);
    await expectRecovered(inner, recoveryKey, new Map([[key, digestsOf(dataOf(1))]]));
  });

  it('does not wrap again what is there, but what somebody changed', async () => {
    const keys = new SealedKeys();
    const store = await newStore(keys);
    await using repository = await openCheaply(store, { keys });
    const expected: Expected = new Map();
    await backUpRound(repository, 1, expected);
    const { key } = await addRecovery(repository);
    const [first] = await Array.fromAsync(store.list('recovery/'));
    const body = Buffer.from(await store.get(first?.key ?? ''));
    body[200] = (body[200] ?? 0) ^ 1;
    await store.delete(first?.key ?? '');
    await store.put(first?.key ?? '', body);
    const all = { depth: { kind: 'full' }, others: true, signal: never } as const;
    const { findings } = await verifyBackups(repository, [...expected.keys()], all);
    expect(findings).toMatchObject([{ object: first?.key, code: 'E_DAMAGED' }]);
    expect(await completeRecovery(repository, never)).toMatchObject({ wrapped: 1 });
    await expectRecovered(store, key, expected);
  });
});

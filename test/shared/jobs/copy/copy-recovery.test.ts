import { expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { copyBackups } from '../../../../shared/jobs/copy/copy.ts';
import { completeRecovery } from '../../../../shared/jobs/keys/recovery.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import { KmsKeyProvider } from '../../../../shared/keys/kms-key-provider.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { startKms } from '../../../support/aws/kms-double.ts';
import {
  backUp,
  digests,
  digestsOf,
  never,
  openCheaply,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { addRecovery, newStore, openRecovered, SealedKeys } from '../../../support/repository/recovery.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { differences, keysBelow, passing } from '../../../support/stores/second-place.ts';

it.each([
  { title: 'hex digits', keys: new HexKeyProvider(TEST_KEY) },
  { title: 'a key that never leaves its place', keys: new SealedKeys() },
])(
  'a second place alone restores with the recovery key, under $title, when the first one and its key are destroyed',
  async ({ keys }) => {
    const first = await newStore(keys);
    const second = new MemoryStore();
    const data = [{ t: 'one\n' }, { t: 'one\ntwo\n' }, { t: 'one\ntwo\nthree\n' }];
    await using repository = await openCheaply(first, { keys });
    await using keyless = await openCheaply(first, { keys: undefined });
    const copy = () => copyBackups(keyless, second, { signal: never });
    const backups = [await backUp(repository, data[0] ?? {})];
    // Copied before there was a recovery key: what was wrapped for it later is carried later.
    await copy();
    const { key } = await addRecovery(repository);
    backups.push(await backUp(repository, data[1] ?? {}));
    await copy();
    backups.push(await backUp(repository, data[2] ?? {}));
    await completeRecovery(repository, never);
    await copy();
    expect((await copy()).others).toBe(0);
    for (const object of await keysBelow(first, '')) await first.delete(object);
    await using recovered = await openRecovered(second, key);
    for (const [i, { key: backup }] of backups.entries())
      expect(await digests(recovered, backup)).toEqual(digestsOf(data[i] ?? {}));
  },
);

const dataOf = (day: number) => ({ t: seededRows(500, 1).join('') + seededRows(50, day).join('') });

it('the first account is lost, its store and its key in KMS: all restores from the second with the recovery key alone', async () => {
  const second = new MemoryStore();
  const expected = new Map<BackupKey, Record<string, string>>();
  const copied: string[] = [];
  const key = await (async () => {
    const kms = await startKms();
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const first = await newStore(keys);
    await using repository = await openCheaply(first, { keys });
    const backUpDay = async (day: number) => {
      const { key } = await backUp(repository, dataOf(day));
      expected.set(key, digestsOf(dataOf(day)));
    };
    await backUpDay(1);
    const { key } = await addRecovery(repository);
    await backUpDay(2);
    await using keyless = await openCheaply(first, { keys: undefined });
    await copyBackups(keyless, second, { signal: never });
    await backUpDay(3);
    const put: MemoryStore['put'] = async (object, ...rest) => {
      copied.push(object);
      return second.put(object, ...rest);
    };
    const watched = { ...passing(second), put };
    await copyBackups(keyless, watched, { signal: never });
    expect(await differences(first, second, ['keys/', 'recovery/', 'backups/', 'data/'])).toEqual([]);
    kms.setState('PendingDeletion');
    return key;
  })();
  // What opens a backup is there before it is listed.
  const manifest = copied.findIndex((object) => object.startsWith('backups/'));
  expect(copied.slice(0, manifest).some((object) => object.startsWith('recovery/'))).toBe(true);
  expect(copied.slice(manifest).some((object) => object.startsWith('recovery/'))).toBe(false);
  expect((await keysBelow(second, 'recovery/')).length).toBeGreaterThan(3);
  await using recovered = await openRecovered(second, key);
  expect((await recovered.backupKeys(never)).toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [backup, wanted] of expected) expect(await digests(recovered, backup)).toEqual(wanted);
});

import { expect, it } from 'vitest';
import { copyBackups } from '../../../shared/jobs/copy/copy.ts';
import { completeRecovery } from '../../../shared/jobs/recovery.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, digests, digestsOf, never, openCheaply, TEST_KEY } from '../../support/engine.ts';
import { addRecovery, newStore, openRecovered, SealedKeys } from '../../support/recovery.ts';
import { keysBelow } from '../../support/second-place.ts';

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

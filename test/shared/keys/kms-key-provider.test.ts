import { describe, expect } from 'vitest';
import { KmsKeyProvider } from '../../../shared/keys/kms-key-provider.ts';
import { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { startKms } from '../../support/aws/kms-double.ts';
import {
  backUp,
  digests,
  digestsOf,
  never,
  openRepository,
  SMALL_CHUNKS,
} from '../../support/repository/engine.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(2);

const context = { repository: 'aa'.repeat(16), run: 'bb'.repeat(16), purpose: 'data' } as const;

describe('keys in KMS', () => {
  it('are asked for with the context, and open with it alone', async () => {
    const kms = await startKms();
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const made = await keys.generateDataKey(context);
    expect(await keys.unwrapDataKey(made, context)).toEqual(made.plain);
    const { KeyId, KeySpec, EncryptionContext } = kms.requests[0]?.input ?? {};
    expect({ KeyId, KeySpec, EncryptionContext }).toEqual({
      KeyId: kms.keyArn,
      KeySpec: 'AES_256',
      EncryptionContext: context,
    });
    expect(kms.requests[1]).toEqual({
      action: 'Decrypt',
      input: { KeyId: kms.keyArn, CiphertextBlob: made.wrapped, EncryptionContext: context },
    });
    const other = { ...context, purpose: 'index' } as const;
    await expect(keys.unwrapDataKey(made, other)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });

  it('open what another replica of a multi-Region key sealed', async () => {
    const kms = await startKms('mrk-1234');
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const made = await keys.generateDataKey(context);
    const elsewhere = { ...made, rootKeyId: made.rootKeyId.replace('eu-west-1', 'us-east-1') };
    expect(await keys.unwrapDataKey(elsewhere, context)).toEqual(made.plain);
    const account = { ...made, rootKeyId: made.rootKeyId.replace('mrk-1234', 'mrk-5678') };
    await expect(keys.unwrapDataKey(account, context)).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
  });

  it('seal a repository, which restores with them and not without', async () => {
    const kms = await startKms();
    const keys = await KmsKeyProvider.open({ keyId: 'alias/holdfast', region: 'eu-west-1' });
    const store = new MemoryStore();
    await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
    const data = { rows: seededRows(3000, 1).join('') };
    const { key } = await (async () => {
      await using repository = await openRepository(store, { keys });
      return await backUp(repository, data);
    })();
    const before = kms.requests.length;
    await using again = await openRepository(store, { keys });
    expect(await digests(again, key)).toEqual(digestsOf(data));
    expect(kms.requests.slice(before).map(({ input }) => input.EncryptionContext?.['purpose'])).toEqual([
      'repository',
      'manifest',
      'index',
      'data',
    ]);
    await expect(openRepository(store)).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
  });

  it('are few for a backup that has a parent', async () => {
    const kms = await startKms();
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const store = new MemoryStore();
    await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
    const back = async (rows: string) => {
      await using repository = await openRepository(store, { keys });
      const before = kms.requests.length;
      await backUp(repository, { rows });
      return kms.requests
        .slice(before)
        .map(({ action, input }) => `${action} ${input.EncryptionContext?.['purpose']}`);
    };
    const rows = seededRows(3000, 1).join('');
    await back(rows);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const asked = await back(`${rows}one more\n`);
    // Where chunks end differs from repository to repository, and with it whether what is new has a base to open.
    expect(asked.length).toBeLessThanOrEqual(6);
    expect(asked.filter((request) => request !== 'Decrypt data')).toEqual([
      'Decrypt manifest',
      'Decrypt index',
      'GenerateDataKey data',
      'GenerateDataKey index',
      'GenerateDataKey manifest',
    ]);
  });

  it.each([
    ['AccessDeniedException', 'E_KEY_DENIED'],
    ['NotFoundException', 'E_KEY_DENIED'],
    ['DisabledException', 'E_KEY_DENIED'],
    ['KMSInvalidStateException', 'E_KEY_DENIED'],
    ['InvalidKeyUsageException', 'E_BAD_KEY'],
    ['IncorrectKeyException', 'E_WRONG_KEY'],
  ])('say what to do about %s', async (name, code) => {
    const kms = await startKms();
    kms.refuse(name, 9);
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const failed = keys.generateDataKey(context);
    await expect(failed).rejects.toMatchObject({ code, hint: expect.stringMatching(/\w/) });
    await expect(failed).rejects.toThrow(`${kms.keyArn} did not generate a data key`);
  });

  it('are asked again when KMS is throttled', async () => {
    const kms = await startKms();
    kms.refuse('ThrottlingException', 2);
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    expect((await keys.generateDataKey(context)).plain).toHaveLength(32);
    expect(kms.requests).toHaveLength(3);
  });

  it('do not keep a run waiting that was stopped', async () => {
    const kms = await startKms();
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const stopped = AbortSignal.abort();
    await expect(keys.generateDataKey(context, stopped)).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

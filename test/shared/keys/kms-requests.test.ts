import { randomBytes } from 'node:crypto';
import {
  DecryptCommand,
  type DecryptCommandInput,
  GenerateDataKeyCommand,
  type GenerateDataKeyCommandInput,
  KMSClient,
} from '@aws-sdk/client-kms';
import { mockClient } from 'aws-sdk-client-mock';
import { beforeEach, describe, expect, it } from 'vitest';
import { KmsKeyProvider } from '../../../shared/keys/kms-key-provider.ts';
import { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  never,
  openRepository,
  SMALL_CHUNKS,
} from '../../support/repository/engine.ts';
import { seededRows } from '../../support/repository/rows.ts';

const KeyId = 'arn:aws:kms:eu-west-1:111122223333:key/0f4b4c6e-7c1e-4a8e-9a52-0d3c1f1f2a10';
const KeySpec = 'AES_256';
const data = { rows: seededRows(2000, 1).join('') };

type Context = GenerateDataKeyCommandInput['EncryptionContext'];

/** What the SDK's client of KMS is asked for, whole; keys open with the context that they were made with, and no other. */
describe('requests to KMS', () => {
  const kms = mockClient(KMSClient);
  let keys: KmsKeyProvider;
  let made: { readonly plain: Uint8Array; readonly sealed: Uint8Array; readonly context: string }[];

  beforeEach(async () => {
    keys = await KmsKeyProvider.open({ keyId: KeyId });
    kms.reset();
    made = [];
    kms.on(GenerateDataKeyCommand).callsFake(({ EncryptionContext }: GenerateDataKeyCommandInput) => {
      const key = {
        plain: randomBytes(32),
        sealed: randomBytes(48),
        context: JSON.stringify(EncryptionContext),
      };
      made.push(key);
      return { KeyId, Plaintext: key.plain, CiphertextBlob: key.sealed };
    });
    kms.on(DecryptCommand).callsFake(({ CiphertextBlob, EncryptionContext }: DecryptCommandInput) => {
      const key = made.find(({ sealed }) => Buffer.compare(sealed, CiphertextBlob ?? Buffer.of()) === 0);
      if (key?.context !== JSON.stringify(EncryptionContext))
        throw Object.assign(new Error('no'), { name: 'InvalidCiphertextException' });
      return { KeyId, Plaintext: key.plain };
    });
  });

  const asked = () => {
    const requests = kms.calls().map(({ args: [command] }) => ({
      action: command.constructor.name.replace('Command', ''),
      input: command.input,
    }));
    kms.resetHistory();
    return requests;
  };
  const generate = (EncryptionContext: Context) => ({
    action: 'GenerateDataKey',
    input: { KeyId, KeySpec, EncryptionContext },
  });
  const decrypt = (EncryptionContext: Context) => {
    const { sealed } = made.find(({ context }) => context === JSON.stringify(EncryptionContext)) ?? {};
    return { action: 'Decrypt', input: { CiphertextBlob: sealed, KeyId, EncryptionContext } };
  };

  it.each([
    { version: 1, what: 'the purpose', ofRecords: {} },
    {
      version: 2,
      what: 'the purpose, and the source whose records they seal',
      ofRecords: { source: 'memory' },
    },
  ] as const)(
    'name the key, the repository, the run and $what, of a backup and of its restore',
    async ({ version, ofRecords }) => {
      const store = new MemoryStore();
      await Repository.init({ store, keys, chunker: SMALL_CHUNKS, version, signal: never });
      await using writer = await openRepository(store, { keys });
      const { id } = writer;
      const ofRepository = { repository: id, run: id, purpose: 'repository' };
      expect(asked()).toEqual([generate(ofRepository), decrypt(ofRepository)]);

      const { key } = await backUp(writer, data);
      const ofBackup = asked();
      const { run } = await writer.readManifest(key, never);
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      expect(run).toMatch(/^[0-9a-f]{32}$/);
      expect(run).not.toBe(id);
      const of = (purpose: string) => ({ repository: id, run, purpose });
      const ofData = { ...of('data'), ...ofRecords };
      expect(ofBackup).toEqual([generate(ofData), generate(of('index')), generate(of('manifest'))]);

      kms.resetHistory();
      await using reader = await openRepository(store, { keys });
      expect(await digests(reader, key)).toEqual(digestsOf(data));
      expect(asked()).toEqual([
        decrypt(ofRepository),
        decrypt(of('manifest')),
        decrypt(of('index')),
        decrypt(ofData),
      ]);
    },
  );

  it('give no key where the context is not the one that it was made with', async () => {
    const context = { repository: 'aa'.repeat(16), run: 'bb'.repeat(16), purpose: 'data' } as const;
    const { wrapped, rootKeyId } = await keys.generateDataKey(context);
    expect(rootKeyId).toBe(KeyId);
    const wrong = [
      { ...context, repository: 'cc'.repeat(16) },
      { ...context, run: 'cc'.repeat(16) },
      { ...context, purpose: 'index' as const },
    ];
    for (const other of wrong)
      await expect(keys.unwrapDataKey({ wrapped, rootKeyId }, other)).rejects.toMatchObject({
        code: 'E_DAMAGED',
      });
    expect(asked().slice(1)).toEqual(
      wrong.map((EncryptionContext) => ({
        ...decrypt(context),
        input: { ...decrypt(context).input, EncryptionContext },
      })),
    );
  });
});

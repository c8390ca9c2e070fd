import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KmsKeyProvider } from '../../../shared/keys/kms-key-provider.ts';
import { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { type KmsDouble, startKms } from '../../support/aws/kms-double.ts';
import { backUp, never, openRepository, SMALL_CHUNKS } from '../../support/repository/engine.ts';

const RUN = 'cd'.repeat(16);
const KEY = 'backups/manual/20270101/backup_manual_20270101_000000.json';

/** A request to KMS by hand: who attacks has no use of our code. */
async function askKms(action: string, input: object): Promise<Readonly<Record<string, string>>> {
  const headers = { 'x-amz-target': `TrentService.${action}` };
  const answer = await fetch(process.env['AWS_ENDPOINT_URL_KMS'] ?? '', {
    method: 'POST',
    headers,
    body: JSON.stringify(input),
  });
  return (await answer.json()) as Readonly<Record<string, string>>;
}

/** A manifest as docs/reference/format.md has it, whose keys a stranger's KMS key wrapped: its MAC is right. */
async function forgedManifest(kms: KmsDouble, repository: string): Promise<Buffer> {
  const EncryptionContext = { repository, run: RUN, purpose: 'manifest' };
  const made = await askKms('GenerateDataKey', {
    KeyId: kms.strangersArn,
    KeySpec: 'AES_256',
    EncryptionContext,
  });
  const none = '0'.repeat(64);
  const text = JSON.stringify({
    format: 'holdfast-backup',
    version: 1,
    software: 'forged',
    repository,
    key: KEY,
    run: RUN,
    type: 'manual',
    source: { kind: 'files', name: '/shop' },
    startedAt: '2027-01-01T00:00:00.000Z',
    finishedAt: '2027-01-01T00:00:01.000Z',
    parent: null,
    consistency: 'atomic',
    totals: { datasets: 0, records: 0, plainBytes: 0, chunks: 0, newChunks: 0, storedBytes: 0 },
    keys: [{ run: RUN, purpose: 'manifest', rootKeyId: made['KeyId'], wrapped: made['CiphertextBlob'] }],
    packs: [],
    catalog: { id: none, pack: none, offset: 88, storedBytes: 20 },
  });
  const body = text.slice(0, -1);
  const mac = createHmac('sha256', Buffer.from(made['Plaintext'] ?? '', 'base64'))
    .update(body)
    .digest('hex');
  return Buffer.from(`${body},\n"mac":"${mac}"}\n`);
}

async function repositoryIn(store: MemoryStore, kms: KmsDouble): Promise<Repository> {
  const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
  await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
  return openRepository(store, { keys });
}

describe("a stranger's KMS key", () => {
  it('proves no manifest, and is not asked', async () => {
    const kms = await startKms();
    const store = new MemoryStore();
    await using repository = await repositoryIn(store, kms);
    await store.put(KEY, await forgedManifest(kms, repository.id));
    const before = kms.requests.length;
    const [key] = await repository.backupKeys(never);
    const { manifest, isProven, problem } = await repository.inspectManifest(key!, never);
    expect({ manifest, isProven, code: problem?.code }).toEqual({
      manifest: undefined,
      isProven: false,
      code: 'E_WRONG_KEY',
    });
    expect(problem?.message).toContain(KEY);
    expect(kms.requests.slice(before)).toEqual([]);
  });

  it('is passed over by the next backup, though the manifest under it is the newest', async () => {
    const kms = await startKms();
    const store = new MemoryStore();
    await using repository = await repositoryIn(store, kms);
    const { key } = await backUp(repository, { rows: 'one\n' });
    await store.put(KEY, await forgedManifest(kms, repository.id));
    const next = await backUp(repository, { rows: 'one\ntwo\n' });
    expect((await repository.readManifest(next.key, never)).parent).toBe(key);
  });

  it('opens no repository.json of its own making', async () => {
    const kms = await startKms();
    const store = new MemoryStore();
    await Repository.init({
      store,
      keys: await KmsKeyProvider.open({ keyId: kms.strangersArn }),
      chunker: SMALL_CHUNKS,
      signal: never,
    });
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn });
    const before = kms.requests.length;
    await expect(openRepository(store, { keys })).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
    expect(kms.requests.slice(before)).toEqual([]);
  });

  it('is opened where it is configured as an older key', async () => {
    const kms = await startKms();
    const store = new MemoryStore();
    await using repository = await repositoryIn(store, kms);
    await store.put(KEY, await forgedManifest(kms, repository.id));
    const keys = await KmsKeyProvider.open({ keyId: kms.keyArn, older: [kms.strangersArn] });
    await using again = await openRepository(store, { keys });
    const [key] = await again.backupKeys(never);
    expect((await again.inspectManifest(key!, never)).isProven).toBe(true);
  });
});

it('an alias is asked for once; an older key must be an ARN', async () => {
  const kms = await startKms();
  const keys = await KmsKeyProvider.open({ keyId: 'alias/holdfast', region: 'eu-west-1' });
  expect(keys.rootKeyId).toBe(kms.keyArn);
  expect(kms.requests.map(({ action }) => action)).toEqual(['DescribeKey']);
  const withAlias = KmsKeyProvider.open({ keyId: kms.keyArn, older: ['alias/before'] });
  await expect(withAlias).rejects.toMatchObject({ code: 'E_BAD_KEY' });
  await expect(withAlias).rejects.toThrow("'alias/before'");
});

import { describe, expect, it } from 'vitest';
import type { FormatVersion } from '../../../shared/core/format-version.ts';
import { findAncestors } from '../../../shared/jobs/backup/ancestors.ts';
import { adoptUnsigned } from '../../../shared/jobs/keys/adopt.ts';
import { holdBackup, releaseBackup } from '../../../shared/jobs/retention/hold.ts';
import { preparePrune } from '../../../shared/jobs/retention/prune.ts';
import { listBackups, summariseBackup } from '../../../shared/jobs/status/list.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { KmsSigner } from '../../../shared/keys/kms-signer.ts';
import { parsePublicKey } from '../../../shared/keys/public-key.ts';
import { LocalSigner, newSigningKey } from '../../../shared/keys/signer.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { startKms } from '../../support/aws/kms-double.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openRepository,
} from '../../support/repository/engine.ts';
import { listAgain } from '../../support/repository/forged-manifest.ts';
import { makeSigning, opensslSays, replace, withRightMac } from '../../support/repository/signing.ts';

const source = { kind: 'files', name: 'memory' } as const;
const data = { rows: 'one\ntwo\nthree\n' };
const policy = { days: { '*': 1 }, counts: { last: 1 } };

/** One signed backup, and what signs and checks. */
async function signedBackup(version?: FormatVersion) {
  const store = new MemoryStore();
  await initRepository(store, undefined, version === undefined ? {} : { version });
  const keys = await makeSigning();
  await using repository = await openRepository(store, { signing: keys.signing });
  const { key } = await backUp(repository, data);
  return { store, key, ...keys };
}

/** What somebody makes who has the key of the repository, and no signing key. */
async function withForged(version?: FormatVersion) {
  const signed = await signedBackup(version);
  const at = new Date(Date.now() + 3_600_000).toISOString().slice(0, 19);
  const forged = await listAgain(signed.store, signed.key, { type: 'daily', at: `${at}.000Z` });
  return { ...signed, forged };
}

describe('signed manifests', () => {
  it.each([1, 2] as const)(
    'of format %i are signed as OpenSSL understands it, by Ed25519',
    async (version) => {
      const { store, key, publicText } = await signedBackup(version);
      const bytes = await store.get(key);
      expect(await opensslSays(bytes, publicText, 'Ed25519')).toBe(true);
      const changed = Buffer.from(Buffer.from(bytes).toString().replace('"type":"daily"', '"type":"dailx"'));
      expect(await opensslSays(changed, publicText, 'Ed25519')).toBe(false);
    },
  );

  it('are signed as OpenSSL understands it, by a P-256 key of KMS', async () => {
    const kms = await startKms();
    const signer = new KmsSigner({ keyId: kms.signingArn });
    const { text } = await signer.publicKey();
    const store = new MemoryStore();
    await initRepository(store);
    const publicKeys = [parsePublicKey(text)];
    await using repository = await openRepository(store, {
      signing: { signer, publicKeys, isRequired: true },
    });
    const { key } = await backUp(repository, data);
    expect(await opensslSays(await store.get(key), text, 'ES256')).toBe(true);
    expect(await repository.inspectManifest(key, never)).toMatchObject({ isProven: true, isSigned: true });
    expect(await digests(repository, key)).toEqual(digestsOf(data));
    expect(kms.requests.map(({ action }) => action)).toEqual(['GetPublicKey', 'Sign']);
  });

  it('prove themselves to who has the public key alone', async () => {
    const { store, key, checking } = await signedBackup();
    await using nobody = await openRepository(store, { keys: undefined });
    expect(await listBackups(nobody, { signal: never })).toMatchObject([{ key, state: 'unproven' }]);
    await using checker = await openRepository(store, { keys: undefined, signing: checking });
    expect(await listBackups(checker, { signal: never })).toMatchObject([{ key, state: 'whole' }]);
  });

  it.each([
    [
      'the bytes',
      ({ signature, ...rest }: Record<string, unknown>) => ({ ...rest, note: 'changed', signature }),
    ],
    ['the signature', (document: Record<string, unknown>) => changedSignature(document)],
  ])('are not believed where %s were changed, though the MAC is right', async (_, edit) => {
    const { store, key, checking } = await signedBackup();
    // The signature must stay the last member before the MAC, on its line.
    const bytes = await withRightMac(store, key, edit);
    await replace(store, key, Buffer.from(bytes.toString().replace(',"signature"', ',\n"signature"')));
    await using checker = await openRepository(store, { keys: undefined, signing: checking });
    const { problem } = await checker.inspectManifest(key, never);
    expect(problem).toMatchObject({ code: 'E_DAMAGED' });
  });
});

function changedSignature(document: Record<string, unknown>): Record<string, unknown> {
  const { signature, ...rest } = document as { signature: { value: string } };
  const value = signature.value.startsWith('A')
    ? `B${signature.value.slice(1)}`
    : `A${signature.value.slice(1)}`;
  return { ...rest, signature: { ...signature, value } };
}

describe('a manifest made with the stolen key of the repository', () => {
  it('is believed where nobody requires signatures', async () => {
    const { store, forged } = await withForged();
    await using repository = await openRepository(store);
    const { parent } = await findAncestors(repository, source, await ancestorsOf(repository));
    expect(parent?.manifest.key).toBe(forged);
  });

  it.each([1, 2] as const)('is no backup of format %i to who has the public key alone', async (version) => {
    const { store, key, forged, checking } = await withForged(version);
    await using checker = await openRepository(store, { keys: undefined, signing: checking });
    const backups = await listBackups(checker, { signal: never });
    expect(backups.map((one) => [one.key, one.state])).toEqual([
      [forged, 'damaged'],
      [key, 'whole'],
    ]);
    const report = await verifyBackups(checker, [forged, key], { depth: { kind: 'quick' }, signal: never });
    expect(report.findings).toMatchObject([{ object: forged, problem: expect.stringContaining('signed') }]);
  });

  it('is no parent', async () => {
    const { store, key, signing } = await withForged();
    await using repository = await openRepository(store, { signing });
    const { parent, good } = await findAncestors(repository, source, await ancestorsOf(repository));
    expect([parent?.manifest.key, good?.manifest.key]).toEqual([key, key]);
  });

  it('is not restored from', async () => {
    const { store, forged, checking } = await withForged();
    await using repository = await openRepository(store, { signing: checking });
    await expect(repository.openBackup(forged, never)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });

  it('takes the place of no backup in retention', async () => {
    const { store, key, forged, checking } = await withForged();
    const keptBy = async (signing: typeof checking | undefined) => {
      await using repository = await openRepository(store, { signing });
      const { plan } = await preparePrune(
        repository,
        { policy, maxShare: 1 },
        { isDryRun: true, signal: never },
      );
      return plan.decisions.find((one) => one.key === key)?.reasons.join();
    };
    expect(await keptBy(undefined)).not.toContain('last');
    expect(await keptBy(checking)).toContain('last');
    expect(forged).not.toBe(key);
  });

  it('is none with the signature of another key', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const other = new LocalSigner(newSigningKey());
    await using repository = await openRepository(store, { signing: { signer: other } });
    const { key } = await backUp(repository, data);
    const { checking } = await makeSigning();
    await using checker = await openRepository(store, { signing: checking });
    const { problem } = await checker.inspectManifest(key, never);
    expect(problem?.message).toContain((await other.publicKey()).id);
  });
});

describe('decisions', () => {
  it('with the stolen key end no hold', async () => {
    const { store, key, signing } = await signedBackup();
    await using repository = await openRepository(store, { signing });
    await holdBackup(repository, key, { reason: 'audit', signal: never });
    await using thief = await openRepository(store);
    await releaseBackup(thief, key, { reason: 'mine', signal: never });
    // The thief's own key believes it, as every release was believed before.
    expect((await thief.marks(never)).of(key).hold).toBeUndefined();
    const { summaries } = await summariseBackup(repository, [key], { signal: never });
    expect(summaries[0]?.marks.hold?.reason).toBe('audit');
  });

  it('are believed by who has no key', async () => {
    const { store, key, signing, checking } = await signedBackup();
    await using repository = await openRepository(store, { signing });
    const { report } = await holdBackup(repository, key, { reason: 'audit', signal: never });
    await using checker = await openRepository(store, { keys: undefined, signing: checking });
    expect(await Array.fromAsync(checker.reports.read('hold', never))).toMatchObject([
      { key: report, isProven: true },
    ]);
  });
});

describe('a writer', () => {
  it('that must sign and cannot begins no backup', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const { checking } = await makeSigning();
    await using repository = await openRepository(store, { signing: checking });
    await expect(backUp(repository, data)).rejects.toMatchObject({ code: 'E_NO_KEY' });
    expect(await repository.backupKeys(never)).toEqual([]);
  });

  it('lists nothing signed by a key that nobody would believe', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const { checking } = await makeSigning();
    const signing = { ...checking, signer: new LocalSigner(newSigningKey()) };
    await using repository = await openRepository(store, { signing });
    await expect(backUp(repository, data)).rejects.toMatchObject({ code: 'E_BAD_KEY' });
    expect(await repository.backupKeys(never)).toEqual([]);
  });
});

describe('what is there when signatures begin', () => {
  it('is believed once somebody has signed for it, and what comes later unsigned is not', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using before = await openRepository(store);
    const { key } = await backUp(before, data);
    await holdBackup(before, key, { reason: 'audit', signal: never });
    const { signing, checking } = await makeSigning();
    const stateOf = async () => {
      await using checker = await openRepository(store, { keys: undefined, signing: checking });
      const { summaries } = await summariseBackup(checker, await checker.backupKeys(never), {
        signal: never,
      });
      return summaries.map((one) => [one.key, one.state, one.marks.hold?.reason]);
    };
    expect(await stateOf()).toEqual([[key, 'damaged', undefined]]);
    await using adopting = await openRepository(store, { signing: { ...signing, isRequired: false } });
    const adopted = await adoptUnsigned(adopting, { reason: 'signing begins', signal: never });
    expect(adopted).toMatchObject({ backups: 1, decisions: 1 });
    expect(await stateOf()).toEqual([[key, 'whole', 'audit']]);
    expect(await adoptUnsigned(adopting, { reason: 'again', signal: never })).toMatchObject({ reports: [] });
    const at = `${new Date(Date.now() + 3_600_000).toISOString().slice(0, 19)}.000Z`;
    const later = await listAgain(store, key, { type: 'daily', at });
    expect((await stateOf())[0]).toEqual([later, 'damaged', undefined]);
  });

  it.each([true, false])(
    'is signed for by nobody who has no signing key (required: %s)',
    async (isRequired) => {
      const { store, forged, checking } = await withForged();
      await using thief = await openRepository(store);
      const { sha256 = '' } = await thief.inspectManifest(forged, never);
      const body = { reason: 'mine', objects: [{ key: forged, sha256 }] };
      await thief.reports.write('adopt', { backups: [], body }, never);
      await using checker = await openRepository(store, { signing: { ...checking, isRequired } });
      expect((await checker.inspectManifest(forged, never)).isSigned ?? false).toBe(false);
    },
  );
});

async function ancestorsOf(repository: Awaited<ReturnType<typeof openRepository>>) {
  return { keys: await repository.backupKeys(never), warn: () => {}, signal: never };
}

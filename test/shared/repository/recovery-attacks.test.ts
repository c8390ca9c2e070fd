import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { removeRecoveryKey } from '../../../shared/jobs/keys/recovery.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import type { KeyProvider } from '../../../shared/keys/key-provider.ts';
import { RecoveryKey, wrapToRecoveryKey } from '../../../shared/keys/recovery-key.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import type { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  memorySource,
  never,
  openCheaply,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { addRecovery, newStore, openRecovered, SealedKeys } from '../../support/repository/recovery.ts';
import { seededRows } from '../../support/repository/rows.ts';

/*
 * What somebody does who may put, remove and read every object, and has no key: by hand, from docs/reference/format.md.
 */

const data = { t: seededRows(200, 1).join('') };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Ends JSON as docs/reference/format.md has it. */
function signed(document: object, key: Uint8Array = randomBytes(32)): Buffer {
  const body = JSON.stringify(document).slice(0, -1);
  return Buffer.from(`${body},\n"mac":"${createHmac('sha256', key).update(body).digest('hex')}"}\n`);
}

async function replace(store: MemoryStore, key: string, body: Uint8Array): Promise<void> {
  await store.delete(key);
  await store.put(key, body);
}

async function below(store: MemoryStore, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(store.list(prefix))).map(({ key }) => key);
}

async function backUpWithWarnings(repository: Repository) {
  const warnings: string[] = [];
  const { key } = await runBackup(repository, memorySource(data), {
    type: 'daily',
    onProgress: (event) => {
      if (event.kind === 'warning') warnings.push(event.message);
    },
    signal: never,
  });
  return { key, warnings };
}

/** The public half of a key of the attacker's, as if it were the repository's. */
async function plant(store: MemoryStore, repository: string, macKey?: Uint8Array) {
  const attacker = RecoveryKey.generate().key;
  const key = `keys/recovery/${attacker.id}.json`;
  const document = {
    format: 'holdfast-recovery-key',
    version: 1,
    repository,
    key,
    createdAt: '2026-01-01T00:00:00.000Z',
    kem: 'X-Wing',
    publicKey: Buffer.from(attacker.publicKey).toString('base64'),
    secret: attacker.sealSecret(randomBytes(32), repository),
  };
  await store.put(key, signed(document, macKey));
  return { attacker, key };
}

describe.each([
  { title: 'hex digits', keys: () => new HexKeyProvider(TEST_KEY) as KeyProvider },
  { title: 'a key that never leaves its place', keys: () => new SealedKeys() as KeyProvider },
])('with $title, a public key that somebody put there', ({ keys }) => {
  it('gets nothing wrapped to it, and is reported; honest keys go on', async () => {
    const store = await newStore(keys());
    await using repository = await openCheaply(store, { keys: keys() });
    const { key: honest } = await addRecovery(repository);
    const { attacker, key: planted } = await plant(store, repository.id);
    const { key, warnings } = await backUpWithWarnings(repository);
    expect(warnings).toEqual([expect.stringContaining(planted)]);
    expect(await below(store, `recovery/${attacker.id}/`)).toEqual([]);
    await using recovered = await openRecovered(store, honest);
    expect(await digests(recovered, key)).toEqual(digestsOf(data));
    const quick = { depth: { kind: 'quick' }, signal: never } as const;
    const { recovery } = await verifyBackups(repository, [key], quick);
    expect(recovery).toMatchObject({ keys: [{ id: honest.id }], notOpened: [], problems: [warnings[0]] });
    const all = { depth: { kind: 'full' }, others: true, signal: never } as const;
    expect((await verifyBackups(repository, [key], all)).findings).toMatchObject([{ object: planted }]);
  });

  it('is not used either, with the repository’s own secret stolen, where the configuration names the key', async () => {
    const store = await newStore(keys());
    await using first = await openCheaply(store, { keys: keys() });
    const { key: honest } = await addRecovery(first);
    const secret = await first.context.secret(never);
    const macKey = Buffer.from(hkdfSync('sha256', secret, '', 'holdfast/1 recovery keys', 32));
    const { attacker } = await plant(store, first.id, macKey);
    await using repository = await openCheaply(store, { keys: keys(), recoveryKeys: [honest.id] });
    const { key, warnings } = await backUpWithWarnings(repository);
    expect(warnings).toEqual([expect.stringContaining(`${attacker.id} is in the repository but not in`)]);
    expect(await below(store, `recovery/${attacker.id}/`)).toEqual([]);
    await using recovered = await openRecovered(store, honest);
    expect(await digests(recovered, key)).toEqual(digestsOf(data));
    // Without, it is: so that this test can fail.
    await using trusting = await openCheaply(store, { keys: keys() });
    await backUpWithWarnings(trusting);
    expect(await below(store, `recovery/${attacker.id}/`)).not.toEqual([]);
  });

  it('in the place of the honest one, under its name, is refused', async () => {
    const store = await newStore(keys());
    await using repository = await openCheaply(store, { keys: keys() });
    const { key: honest } = await addRecovery(repository);
    const { attacker, key } = await plant(store, repository.id);
    const name = `keys/recovery/${honest.id}.json`;
    const document = {
      ...JSON.parse(Buffer.from(await store.get(key)).toString()),
      key: name,
      mac: undefined,
    };
    await store.delete(key);
    await replace(store, name, signed(document));
    const { warnings } = await backUpWithWarnings(repository);
    expect(warnings).toEqual([expect.stringContaining('another public key than its name says')]);
    expect(await below(store, `recovery/${attacker.id}/`)).toEqual([]);
  });

  it('that is gone from the repository is missed where the configuration names it', async () => {
    const store = await newStore(keys());
    await using first = await openCheaply(store, { keys: keys() });
    const { key: honest } = await addRecovery(first);
    await store.delete(`keys/recovery/${honest.id}.json`);
    await using repository = await openCheaply(store, { keys: keys(), recoveryKeys: [honest.id] });
    const { warnings } = await backUpWithWarnings(repository);
    expect(warnings).toEqual([expect.stringContaining(`${honest.id} is in the configuration but not in`)]);
  });
});

describe('a removal', () => {
  it('that somebody forged is not believed', async () => {
    const store = await newStore(new SealedKeys());
    await using repository = await openCheaply(store, { keys: new SealedKeys() });
    const { key: honest } = await addRecovery(repository);
    const key = `keys/recovery/${honest.id}.removed.json`;
    const document = { format: 'holdfast-recovery-removal', version: 1, repository: repository.id, key };
    await store.put(key, signed({ ...document, removedAt: '2026-01-01T00:00:00.000Z' }));
    const { key: backup, warnings } = await backUpWithWarnings(repository);
    expect(warnings).toEqual([expect.stringContaining(key)]);
    await using recovered = await openRecovered(store, honest);
    expect(await digests(recovered, backup)).toEqual(digestsOf(data));
  });

  it('is not undone by putting the public half back', async () => {
    const store = await newStore(new SealedKeys());
    await using repository = await openCheaply(store, { keys: new SealedKeys() });
    const { key: leaked } = await addRecovery(repository);
    const name = `keys/recovery/${leaked.id}.json`;
    const publicHalf = await store.get(name);
    await removeRecoveryKey(repository, leaked.id, never);
    await replace(store, name, publicHalf);
    await backUp(repository, data);
    expect(await below(store, 'recovery/')).toEqual([]);
  });
});

describe('who restores with the sheet', () => {
  const RUN = 'ef'.repeat(16);
  const FORGED = 'backups/daily/20270301/backup_daily_20270301_000000.json' as BackupKey;

  /** A backup of the attacker's own making: keys of his own, wrapped to the public half, which everybody may read. */
  async function forgeBackup(store: MemoryStore, repository: string, victim: RecoveryKey): Promise<void> {
    const macKey = randomBytes(32);
    const entry = {
      run: RUN,
      purpose: 'manifest' as const,
      rootKeyId: new SealedKeys().rootKeyId,
      wrapped: randomBytes(60).toString('base64'),
    };
    const none = '0'.repeat(64);
    const manifest = {
      format: 'holdfast-backup',
      version: 1,
      software: 'forged',
      repository,
      key: FORGED,
      run: RUN,
      type: 'daily',
      source: { kind: 'postgres', name: 'shop' },
      startedAt: '2027-03-01T00:00:00.000Z',
      finishedAt: '2027-03-01T00:00:00.000Z',
      parent: null,
      consistency: 'atomic',
      totals: { datasets: 0, records: 0, plainBytes: 0, chunks: 0, newChunks: 0, storedBytes: 0 },
      keys: [entry],
      packs: [],
      catalog: { id: none, pack: none, offset: 88, storedBytes: 20 },
    };
    await store.put(FORGED, signed(manifest, macKey));
    const name = sha256(`${RUN}/manifest/${entry.wrapped}`).slice(0, 32);
    const key = `recovery/${victim.id}/${name}`;
    const wrap = wrapToRecoveryKey(victim.publicKey, macKey, { repository, run: RUN, purpose: 'manifest' });
    const common = { format: 'holdfast-recovery-wrap', version: 1, repository, key };
    await store.put(key, signed({ ...common, run: RUN, purpose: 'manifest', ...wrap }));
  }

  it('is given no backup that somebody made with keys of his own, wrapped to the public half', async () => {
    const store = await newStore(new SealedKeys());
    await using repository = await openCheaply(store, { keys: new SealedKeys() });
    const { key: victim } = await addRecovery(repository);
    await forgeBackup(store, repository.id, victim);
    await using recovered = await openRecovered(store, victim);
    await expect(recovered.readManifest(FORGED, never)).rejects.toMatchObject({
      code: 'E_DAMAGED',
      message: expect.stringContaining('was not written by Holdfast'),
    });
  });

  it('is told where the secret that all rests on was exchanged', async () => {
    const store = await newStore(new SealedKeys());
    await using repository = await openCheaply(store, { keys: new SealedKeys() });
    const { key: victim } = await addRecovery(repository);
    const name = `keys/recovery/${victim.id}.json`;
    const secret = randomBytes(32);
    const document = {
      ...JSON.parse(Buffer.from(await store.get(name)).toString()),
      secret: RecoveryKey.generate().key.sealSecret(secret, repository.id),
      mac: undefined,
    };
    const macKey = Buffer.from(hkdfSync('sha256', secret, '', 'holdfast/1 recovery keys', 32));
    await replace(store, name, signed(document, macKey));
    await expect(openRecovered(store, victim)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });

  it('is told where keys were exchanged for each other', async () => {
    const store = await newStore(new SealedKeys());
    await using repository = await openCheaply(store, { keys: new SealedKeys() });
    const { key: victim } = await addRecovery(repository);
    const { key } = await backUp(repository, data);
    const [one = '', other = ''] = await below(store, 'recovery/');
    const bodies = [await store.get(one), await store.get(other)] as const;
    await replace(store, one, bodies[1]);
    await replace(store, other, bodies[0]);
    await using recovered = await openRecovered(store, victim);
    await expect(digests(recovered, key)).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });
});

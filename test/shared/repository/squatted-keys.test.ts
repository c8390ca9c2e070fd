import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { rekeyRepository } from '../../../shared/jobs/keys/rekey.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply, TEST_KEY } from '../../support/repository/engine.ts';

const FOREIGN = 'hex:0123456789abcdef';
const NEW_KEY = createHash('sha256').update('a new key').digest('hex');
const BACKUP = 'backups/daily/20990101/backup_daily_20990101_000000.json';

/** Ends JSON as docs/reference/format.md has it, with a MAC of a key of the attacker's. */
function signed(document: object): Buffer {
  const body = JSON.stringify(document).slice(0, -1);
  return Buffer.from(`${body},\n"mac":"${createHmac('sha256', 'mine').update(body).digest('hex')}"}\n`);
}

/** What anybody can write who may put objects: a change of root key, and a backup of the far future under it. */
async function squat(store: MemoryStore, repository: string): Promise<void> {
  const path = `keys/${createHash('sha256').update(FOREIGN).digest('hex').slice(0, 32)}.json`;
  const wrapped = { rootKeyId: FOREIGN, wrapped: Buffer.alloc(60).toString('base64') };
  const common = { version: 1, software: 'forged', repository };
  await store.put(
    path,
    signed({
      ...common,
      format: 'holdfast-keys',
      key: path,
      rootKeyId: FOREIGN,
      createdAt: '2026-01-01T00:00:00.000Z',
      older: [wrapped],
      vouchers: [{ rootKeyId: new HexKeyProvider(TEST_KEY).rootKeyId, mac: '0'.repeat(64) }],
      seal: wrapped,
    }),
  );
  const none = '0'.repeat(64);
  await store.put(
    BACKUP,
    signed({
      ...common,
      format: 'holdfast-backup',
      key: BACKUP,
      run: 'ab'.repeat(16),
      type: 'daily',
      source: { kind: 'files', name: 'memory' },
      startedAt: '2099-01-01T00:00:00.000Z',
      finishedAt: '2099-01-01T00:00:00.000Z',
      parent: null,
      consistency: 'atomic',
      totals: { datasets: 0, records: 0, plainBytes: 0, chunks: 0, newChunks: 0, storedBytes: 0 },
      keys: [{ run: 'ab'.repeat(16), purpose: 'manifest', ...wrapped }],
      packs: [],
      catalog: { id: none, pack: none, offset: 88, storedBytes: 20 },
    }),
  );
}

async function squattedRepository() {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openCheaply(store);
  const { key } = await backUp(repository, { t: 'one\n' });
  await squat(store, repository.id);
  return { store, key };
}

describe('an object that claims to be a change of the root key, and a backup under that key,', () => {
  it('do not keep the next backup from being made, of its own time, with the honest parent', async () => {
    const { store, key } = await squattedRepository();
    await using repository = await openCheaply(store);
    const next = await backUp(repository, { t: 'one\ntwo\n' });
    expect(next.parent).toBe(key);
    expect(next.startedAt.getUTCFullYear()).toBeLessThan(2099);
  });

  it('alone does not keep the key from being changed', async () => {
    const { store } = await squattedRepository();
    await store.delete(BACKUP);
    const open = (hexKey: string) => openCheaply(store, { keys: new HexKeyProvider(hexKey) });
    const changed = await rekeyRepository(open, { key: TEST_KEY, newKey: NEW_KEY, signal: never });
    expect(changed).toMatchObject({ isNew: true, backups: 1 });
  });
});

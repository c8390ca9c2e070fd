import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { rekeyRepository } from '../../../../shared/jobs/keys/rekey.ts';
import { quarantineObject } from '../../../../shared/jobs/repair/quarantine.ts';
import { holdBackup } from '../../../../shared/jobs/retention/hold.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  backUp,
  initRepository,
  never,
  OTHER_KEY,
  openCheaply,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { keyOf, listAgain } from '../../../support/repository/forged-manifest.ts';
import { keepLast, ManualClock, prune, storedKeys } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(3);

const NONSENSE = keyOf('daily', '2026-03-01T23:59:59.000Z');
const HELD = 'reports/hold/20260301/hold_20260301_000000_0badf00d.json';

/** Six days of backups that share nothing. */
async function sixBackups() {
  const clock = new ManualClock('2026-03-01T02:00:00.000Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const keys: BackupKey[] = [];
  for (let day = 1; day <= 6; day++) {
    await using repository = await openCheaply(store, { clock });
    keys.push((await backUp(repository, { t: seededRows(200, day).join('') })).key);
    clock.advance(DAY_MS);
  }
  return { clock, store, keys };
}

async function putAside(store: MemoryStore, clock: ManualClock, object: string) {
  await using repository = await openCheaply(store, { clock });
  return quarantineObject(repository, object, { reason: 'nobody knows it', signal: never });
}

/** Two prunes, the second when the grace of the first is over. */
async function pruneTwice(store: MemoryStore, clock: ManualClock) {
  await using repository = await openCheaply(store, { clock });
  const first = await prune(repository, keepLast(2));
  clock.advanceDays(8);
  return { first, second: await prune(repository, keepLast(2)) };
}

describe('what cannot be relied on and was put aside', () => {
  it('blocks prune no more: a manifest that cannot be read', async () => {
    const { clock, store, keys } = await sixBackups();
    await store.put(NONSENSE, Buffer.from('not a manifest\n'));
    const before = await storedKeys(store);
    const blocked = await pruneTwice(store, clock);
    expect(blocked.second).toMatchObject({ removedPacks: 0, blockedBy: expect.stringContaining(NONSENSE) });
    await putAside(store, clock, NONSENSE);
    const { first, second } = await pruneTwice(store, clock);
    expect(first).toMatchObject({ expired: [NONSENSE], blockedBy: undefined });
    expect([first.removedPacks + second.removedPacks > 0, second.blockedBy]).toEqual([true, undefined]);
    const after = await storedKeys(store);
    expect(after.backups).toEqual(keys.slice(-2));
    expect(after.data.length).toBeLessThan(before.data.length);
    expect(after.expired).toEqual([]);
    await using repository = await openCheaply(store, { clock });
    const { findings } = await verifyBackups(repository, keys.slice(-2), {
      depth: { kind: 'full' },
      signal: never,
    });
    expect(findings).toEqual([]);
  });

  it('holds nothing any more: a report that may be a hold', async () => {
    const { clock, store } = await sixBackups();
    await store.put(HELD, Buffer.from('not a report\n'));
    expect((await pruneTwice(store, clock)).first.expired).toEqual([]);
    expect(await putAside(store, clock, HELD)).toMatchObject({ object: HELD, reason: 'nobody knows it' });
    expect((await pruneTwice(store, clock)).first.expired).toHaveLength(4);
  });

  it('counts again once its bytes change', async () => {
    const { clock, store } = await sixBackups();
    await store.put(HELD, Buffer.from('not a report\n'));
    await putAside(store, clock, HELD);
    await store.delete(HELD);
    await store.put(HELD, Buffer.from('another\n'));
    expect((await pruneTwice(store, clock)).first.expired).toEqual([]);
  });

  it('is put aside for nobody who has no key, and by nobody', async () => {
    const { clock, store } = await sixBackups();
    await store.put(NONSENSE, Buffer.from('not a manifest\n'));
    await putAside(store, clock, NONSENSE);
    await using keyless = await openCheaply(store, { clock, keys: undefined });
    const options = { reason: 'forged', signal: never };
    await expect(quarantineObject(keyless, NONSENSE, options)).rejects.toMatchObject({ code: 'E_NO_KEY' });
    expect(await prune(keyless, keepLast(2))).toMatchObject({ blockedBy: expect.stringContaining(NONSENSE) });
  });

  it('keeps nobody from changing the key: a manifest under a key that nobody has', async () => {
    const { clock, store, keys } = await sixBackups();
    const foreign = await listAgain(store, keys[0]!, {
      type: 'daily',
      at: '2026-03-01T23:59:59.000Z',
      underKey: OTHER_KEY,
    });
    const open = (hexKey: string) => openCheaply(store, { clock, keys: new HexKeyProvider(hexKey) });
    const options = {
      key: TEST_KEY,
      newKey: createHash('sha256').update('a new key').digest('hex'),
      signal: never,
    };
    await expect(rekeyRepository(open, options)).rejects.toMatchObject({
      code: 'E_WRONG_KEY',
      hint: expect.stringContaining('holdfast quarantine'),
    });
    await putAside(store, clock, foreign);
    expect(await rekeyRepository(open, options)).toMatchObject({ isNew: true, backups: 6, damaged: 1 });
  });
});

describe('quarantine', () => {
  it('refuses what can be relied on, and what is nothing of ours', async () => {
    const { clock, store, keys } = await sixBackups();
    await using repository = await openCheaply(store, { clock });
    const { report } = await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
    for (const object of [keys[0]!, report, 'repository.json'])
      await expect(putAside(store, clock, object)).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(putAside(store, clock, NONSENSE)).rejects.toMatchObject({ code: 'E_OBJECT_NOT_FOUND' });
  });
});

import { hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../shared/core/clock.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { PackBuilder } from '../../../shared/format/pack.ts';
import { encodeRunDocument } from '../../../shared/format/run-document.ts';
import { newPackSeal } from '../../../shared/format/seal.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository, TEST_KEY } from '../../support/repository/engine.ts';

/** A machine that is stopped and resumed twice: whatever is random is the same in both. */
vi.mock('node:crypto', async (original) => {
  const crypto = await original<typeof import('node:crypto')>();
  return { ...crypto, randomBytes: (count: number) => Buffer.alloc(count, 0x5a) };
});

const repository = 'ab'.repeat(16);
const run = 'cd'.repeat(16);

describe('a machine that is resumed twice', () => {
  it('wraps no two things with one nonce', async () => {
    const provider = new HexKeyProvider(TEST_KEY);
    const nonceOf = async (plain: Buffer, of: string) =>
      Buffer.from(
        (await provider.wrapKey(plain, { repository, run: of, purpose: 'data' })).wrapped,
        'base64',
      ).toString('hex', 0, 12);
    const plain = Buffer.alloc(32, 1);
    const nonces = [
      await nonceOf(plain, run),
      await nonceOf(Buffer.alloc(32, 2), run),
      await nonceOf(plain, '0'.repeat(32)),
    ];
    expect(new Set(nonces).size).toBe(nonces.length);
    // The same thing again is the same bytes: nothing is learnt from that.
    expect(await nonceOf(plain, run)).toBe(nonces[0]);
  });

  it('makes other keys for other runs and purposes', async () => {
    const provider = new HexKeyProvider(TEST_KEY);
    const keyOf = async (of: string, purpose: 'data' | 'index') =>
      Buffer.from((await provider.generateDataKey({ repository, run: of, purpose })).plain).toString('hex');
    const keys = [await keyOf(run, 'data'), await keyOf(run, 'index'), await keyOf('0'.repeat(32), 'data')];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('seals no two documents of a run with one key and the nonce of zeros', () => {
    const plain = Buffer.alloc(32, 1);
    const entry = { run, purpose: 'index' as const, rootKeyId: 'hex:0', wrapped: 'AA==' };
    const keyFor = (share: number, records: number) => {
      const key = `runs/${run}/share-${share}`;
      const { salt } = JSON.parse(
        encodeRunDocument({ repository, key, body: { share, records } }, { entry, plain }).toString(),
      ) as { salt: string };
      return Buffer.from(hkdfSync('sha256', plain, Buffer.from(salt, 'hex'), 'holdfast/1 run', 32)).toString(
        'hex',
      );
    };
    const keys = [keyFor(0, 1), keyFor(0, 2), keyFor(1, 1)];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('seals the details of no two reports with one key and the nonce of zeros', async () => {
    const backups = ['backups/daily/20260101/backup_daily_20260101_000000.json' as BackupKey];
    const keyFor = async (by: string) => {
      const store = new MemoryStore();
      await initRepository(store);
      await using opened = await openRepository(store, {
        workers: 1,
        clock: { ...systemClock, now: () => new Date('2026-01-02T00:00:00Z') },
      });
      const key = await opened.reports.write(
        'hold',
        { backups, body: { reason: 'audit' }, details: { by } },
        never,
      );
      const { report } = await opened.reports.open(key, new Date(), never);
      const { keys, run: own = '' } = report ?? {};
      return Buffer.from(await opened.context.keys.of(keys ?? [], key).open(own, 'index', never)).toString(
        'hex',
      );
    };
    expect(await keyFor('one')).not.toBe(await keyFor('another'));
  });

  /** Both copies go on in the same place of the same pack, each with an item of its own. */
  function packsOf(version: 1 | 2) {
    const items = [Buffer.from('what one copy stores '), Buffer.from('and what another does')];
    return items.map((item) => {
      const seal = newPackSeal('data', run as never, Buffer.alloc(32, 1), randomBytes(32), version);
      const pack = new PackBuilder(seal, Buffer.alloc(64 * 1024));
      pack.add(Buffer.from('stored before the copy was made'));
      const { offset, storedBytes } = pack.add(item);
      const stored = Buffer.from(pack.close(true).bytes.subarray(offset, offset + storedBytes));
      return { item, stored, key: Buffer.from(seal.key).toString('hex') };
    });
  }

  it('fills no place of a pack of format 2 twice under one nonce', () => {
    const [one, other] = packsOf(2);
    expect(one?.key).toBe(other?.key);
    const nonceOf = (stored: Buffer | undefined) => stored?.toString('hex', 0, 12);
    expect(nonceOf(one?.stored)).not.toBe(nonceOf(other?.stored));
    const [again] = packsOf(2);
    expect(nonceOf(one?.stored)).toBe(nonceOf(again?.stored));
  });

  it('does so in a pack of format 1, of which the readers take the nonce from the place', () => {
    const [one, other] = packsOf(1);
    const difference = (a: Buffer | undefined, b: Buffer | undefined) =>
      a?.map((byte, at) => byte ^ (b?.[at] ?? 0));
    const length = one?.item.length ?? 0;
    expect(difference(one?.stored.subarray(0, length), other?.stored)).toEqual(
      difference(one?.item, other?.item),
    );
  });
});

import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { ManualClock } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';

const RUN = 'ef'.repeat(16);
const FORGED = 'backups/daily/20270301/backup_daily_20270301_000000.json' as BackupKey;

interface Listed {
  readonly keys: readonly { readonly run: string; readonly purpose: string }[];
  readonly packs: readonly { readonly id: string; readonly key: number }[];
  readonly repository: string;
}

/**
 * What somebody makes who may have keys made, and open none: a manifest that lists an honest one's packs, and for their
 * runs other keys. By hand, from docs/reference/format.md.
 */
async function manifestWithOtherKeys(honest: Listed): Promise<Buffer> {
  const provider = new HexKeyProvider(TEST_KEY);
  const make = (run: string, purpose: 'data' | 'index' | 'manifest') =>
    provider.generateDataKey({ repository: honest.repository, run, purpose });
  const own = await make(RUN, 'manifest');
  const keys = await Promise.all(
    honest.keys.map(async ({ run, purpose }) => {
      const { plain: _, ...wrapped } = await make(run, purpose as 'data');
      return { run, purpose, ...wrapped };
    }),
  );
  const manifest = {
    ...honest,
    key: FORGED,
    run: RUN,
    startedAt: '2027-03-01T00:00:00.000Z',
    finishedAt: '2027-03-01T00:00:01.000Z',
    parent: null,
    keys: [...keys, { run: RUN, purpose: 'manifest', rootKeyId: own.rootKeyId, wrapped: own.wrapped }],
    mac: undefined,
  };
  const body = JSON.stringify(manifest).slice(0, -1);
  const mac = createHmac('sha256', own.plain).update(body).digest('hex');
  return Buffer.from(`${body},\n"mac":"${mac}"}\n`);
}

async function threeBackupsAndAForgery() {
  const clock = new ManualClock('2027-02-01T02:00:00.000Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const data = { t: seededRows(400, 1).join('') };
  const keys: BackupKey[] = [];
  await using repository = await openCheaply(store, { clock });
  for (let day = 0; day < 3; day++) {
    clock.advance(24 * 3600_000);
    keys.push((await backUp(repository, { t: `${data.t}day ${day}\n` })).key);
  }
  const newest = JSON.parse(Buffer.from(await store.get(keys[2]!)).toString()) as Listed;
  await store.put(FORGED, await manifestWithOtherKeys(newest));
  return { store, clock, keys, data };
}

describe('a manifest that gives the runs of others other keys', () => {
  it('makes no other backup look damaged, whichever is read first', async () => {
    const { store, clock, keys } = await threeBackupsAndAForgery();
    await using repository = await openCheaply(store, { clock });
    const orders = [
      [FORGED, ...keys],
      [...keys, FORGED],
    ];
    for (const order of orders) {
      const { findings } = await verifyBackups(repository, order, { depth: { kind: 'full' }, signal: never });
      expect(findings.map(({ object, backups }) => ({ object, backups }))).toEqual([
        { object: FORGED, backups: [FORGED] },
      ]);
    }
  });

  it('keeps no other backup from being restored by the same process', async () => {
    const { store, clock, keys, data } = await threeBackupsAndAForgery();
    await using repository = await openCheaply(store, { clock });
    await expect(digests(repository, FORGED)).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
    expect(await digests(repository, keys[2]!)).toEqual(digestsOf({ t: `${data.t}day 2\n` }));
  });
});

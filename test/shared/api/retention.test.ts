import { describe, expect, it } from 'vitest';
import { presentRetention, retentionPage } from '../../../shared/api/presenters/retention.ts';
import { RetentionQuery } from '../../../shared/api/schema/backups.ts';
import { DEFAULT_PRUNE } from '../../../shared/config/retention.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { holdBackup } from '../../../shared/jobs/retention/hold.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectLocks } from '../../../shared/store/object-locks.ts';
import { backUp, initRepository, never, openRepository } from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { keepLast, ManualClock, prune } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { MemoryLocks } from '../../support/stores/memory-locks.ts';

/** Three backups of three days, each sharing two thirds of its rows with the next. */
async function threeDays() {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const repository = await openRepository(store, { clock, pool: new InlinePool() });
  const keys: BackupKey[] = [];
  for (let day = 0; day < 3; day++) {
    const part = (n: number) => seededRows(60, n).join('');
    keys.push((await backUp(repository, { t: part(day) + part(day + 1) + part(day + 2) })).key);
    clock.advanceDays(1);
  }
  // Old enough to be judged.
  clock.advanceDays(10);
  return { clock, store, repository, keys };
}

/** By a listing of the store alone. */
async function storedBytes(store: MemoryStore): Promise<number> {
  let sum = 0;
  for await (const { sizeBytes } of store.list('data/')) sum += sizeBytes;
  return sum;
}

async function answer(repository: Repository, locks?: ObjectLocks, show: 'all' | 'expiring' = 'all') {
  const policy = keepLast(1);
  const plan = await presentRetention(
    repository,
    { policy, prune: { ...DEFAULT_PRUNE, maxShare: 1 }, locks },
    never,
  );
  return retentionPage(plan, policy, RetentionQuery.parse({ show }));
}

describe('bytes of retention', () => {
  it('are those that prunes then free, now and after the grace, measured in the store', async () => {
    const { clock, store, repository } = await threeDays();
    await using _ = repository;
    const before = await storedBytes(store);
    const { bytes, expiring } = await answer(repository);
    expect(expiring).toBe(2);
    expect(bytes).toMatchObject({ stored: before, held: 0, now: 0, isLockKnown: true });
    expect(bytes.later).toBeGreaterThan(0);
    await prune(repository, keepLast(1));
    expect(await storedBytes(store)).toBe(before);
    clock.advanceDays(8);
    const waited = (await answer(repository)).bytes;
    expect(waited).toMatchObject({ stored: before, kept: bytes.kept, now: bytes.later, later: 0 });
    await prune(repository, keepLast(1));
    expect(before - (await storedBytes(store))).toBe(bytes.later);
    expect((await answer(repository)).bytes).toMatchObject({ stored: bytes.kept, kept: bytes.kept, now: 0 });
  });

  it('tell what stays for a hold alone: what would be freed without it', async () => {
    const { repository, keys } = await threeDays();
    await using _ = repository;
    const free = (await answer(repository)).bytes;
    await holdBackup(repository, keys[0]!, { reason: 'audit', signal: never });
    const { bytes } = await answer(repository);
    expect(bytes.held).toBeGreaterThan(0);
    expect(bytes.held + bytes.later).toBe(free.later);
    expect(bytes.kept).toBe(free.kept);
    expect(bytes.kept + bytes.held + bytes.later + bytes.now).toBe(bytes.stored);
  });

  it('count what is locked as held, and its backups among those that stay', async () => {
    const { store, clock, repository, keys } = await threeDays();
    await using _ = repository;
    const free = (await answer(repository)).bytes;
    const locks = new MemoryLocks(store);
    locks.retentions.set(keys[0]!, { until: new Date(clock.now().getTime() + 1e9), mode: 'compliance' });
    const { bytes, kept, decisions } = await answer(repository, locks);
    expect([kept, bytes.isLockKnown]).toEqual([2, true]);
    expect(decisions.at(-1)?.reasons).toEqual([expect.stringMatching(/^locked until 2026-/)]);
    expect(bytes.held + bytes.later).toBe(free.later);
    expect(bytes.held).toBeGreaterThan(0);
  });

  it('say so when locks cannot be asked for', async () => {
    const { store, repository } = await threeDays();
    await using _ = repository;
    class NoLocks extends MemoryLocks {
      override async retention(): Promise<never> {
        throw new HoldfastError('E_STORE_DENIED', 'access denied');
      }
    }
    const { bytes, expiring } = await answer(repository, new NoLocks(store), 'expiring');
    expect([bytes.isLockKnown, expiring]).toEqual([false, 2]);
  });
});

import { expect, it } from 'vitest';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { lockBackups, lockProblem } from '../../../../shared/jobs/lock/lock.ts';
import { backUp, never, openCheaply } from '../../../support/repository/engine.ts';
import { addRecovery, newStore, SealedKeys } from '../../../support/repository/recovery.ts';
import { MemoryLocks } from '../../../support/stores/memory-locks.ts';

it('locks hold what is wrapped to recovery keys for as long as the backups that it is for', async () => {
  const keys = new SealedKeys();
  const store = await newStore(keys);
  const locks = new MemoryLocks(store);
  await using repository = await openCheaply(store, { keys });
  await backUp(repository, { t: 'one\n' });
  await addRecovery(repository);
  const { key } = await backUp(repository, { t: 'one\ntwo\n' });
  await using keyless = await openCheaply(store, { keys: undefined });
  const policy = { days: { daily: 8 }, counts: {} };
  const lock = { mode: 'compliance', mostMs: 24 * DAY_MS } as const;
  const result = await lockBackups(keyless, locks, { lock, policy, isDryRun: false, signal: never });
  expect(lockProblem(result)).toBeUndefined();
  const objects = (await Array.fromAsync(store.list(''))).map(({ key: object }) => object);
  const ofRecovery = objects.filter((object) => /^(keys\/)?recovery\//.test(object));
  expect(ofRecovery).toHaveLength(7);
  const until = (object: string) => locks.retentions.get(object)?.until;
  for (const object of ofRecovery) expect(until(object), object).toEqual(expect.any(Date));
  expect(Math.max(...ofRecovery.map((object) => until(object)?.getTime() ?? 0))).toBeGreaterThanOrEqual(
    until(key)?.getTime() ?? Number.POSITIVE_INFINITY,
  );
});

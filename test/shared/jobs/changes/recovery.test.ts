import { expect, it } from 'vitest';
import { resolveContinuous } from '../../../../shared/config/continuous.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { changesFolder, segmentKey } from '../../../../shared/format/change-keys.ts';
import { readChangeStandings } from '../../../../shared/jobs/changes/standing.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import { Repository } from '../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { LOGGED, pollOnce, storedChanges } from '../../../support/repository/change-chains.ts';
import { flipped, harmed } from '../../../support/repository/damage.ts';
import { never, openCheaply, SMALL_CHUNKS } from '../../../support/repository/engine.ts';
import { keepLast, ManualClock } from '../../../support/repository/pruning.ts';
import { addRecovery, openRecovered, SealedKeys } from '../../../support/repository/recovery.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';

it('a recovery key that is added later opens the change segments that are there, if the root key never leaves its place', async () => {
  const store = new MemoryStore();
  const keys = new SealedKeys();
  await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
  await using repository = await openCheaply(store, { keys });
  const log = await ChangeLog.make();
  for (const text of ['a', 'b']) {
    log.write(text);
    await pollOnce(repository, log.open());
  }
  const { key: recoveryKey } = await addRecovery(repository);
  const uncovered = async () => {
    const sources = [{ ...LOGGED, continuous: resolveContinuous() }];
    const [standing] = await readChangeStandings({ repository }, sources, never);
    return standing?.uncovered;
  };
  expect(await uncovered()).toEqual([]);
  const found: (readonly string[] | undefined)[] = [];
  for (const { key } of await Array.fromAsync(store.list('recovery/'))) {
    const kept = await store.get(key);
    await store.delete(key);
    found.push(await uncovered());
    await store.put(key, kept);
  }
  // Each segment has two keys here, of which the newest one's count.
  expect(found.filter((ids) => ids?.length === 1)).toHaveLength(2);
  expect(found).toHaveLength(4);
  await using recovered = await openRecovered(store, recoveryKey);
  expect(await storedChanges(recovered)).toBe(log.written.map(({ line }) => line).join(''));
});

it('a recovery key opens change segments, also after prunes, if the root key never leaves its place', async () => {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  const keys = new SealedKeys();
  await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
  const options = { keys, clock, graceMs: DAY_MS };
  await using repository = await openCheaply(store, options);
  const { key: recoveryKey } = await addRecovery(repository);
  const log = await ChangeLog.make();
  for (const text of ['a', 'b', 'c']) {
    log.write(text);
    await pollOnce(repository, log.open());
    clock.advanceDays(1);
  }
  const wraps = async (of: MemoryStore) => (await Array.fromAsync(of.list('recovery/'))).length;
  const prune = async (of: MemoryStore) => {
    await using opened = await openCheaply(of, options);
    const rules = { policy: keepLast(1), maxShare: 1 };
    await runPrune(opened, await preparePrune(opened, rules, { isDryRun: false, signal: never }), {
      signal: never,
    });
  };
  const before = await wraps(store);
  expect(before).toBe(6);
  clock.advanceDays(5);
  // A segment that nobody can read may need any of them.
  const first = segmentKey(changesFolder(LOGGED), 1);
  const damaged = await harmed(store, { [first]: (body) => flipped(body, 0) });
  clock.advanceDays(2);
  await prune(damaged);
  expect(await wraps(damaged)).toBe(before);
  await store.delete(first);
  await prune(store);
  expect(await wraps(store)).toBe(4);
  await using recovered = await openRecovered(store, recoveryKey, { clock });
  expect(await storedChanges(recovered)).toBe(
    log.written
      .slice(1)
      .map(({ line }) => line)
      .join(''),
  );
});

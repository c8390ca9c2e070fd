import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../../../shared/core/units.ts';
import { changesFolder } from '../../../../shared/format/change-keys.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { chooseMoment } from '../../../../shared/jobs/changes/choose-moment.ts';
import { type MomentRule, planChanges } from '../../../../shared/jobs/changes/prune-changes.ts';
import { restoreMoment } from '../../../../shared/jobs/changes/restore-moment.ts';
import { lockBackups } from '../../../../shared/jobs/lock/lock.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { FilesTarget } from '../../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { LOGGED, pollOnce } from '../../../support/repository/change-chains.ts';
import { initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { keepLast, ManualClock } from '../../../support/repository/pruning.ts';
import { ChangeLog } from '../../../support/sources/change-log.ts';
import { compare, loggedSource, replayInto, tableIn } from '../../../support/sources/logged-database.ts';
import { MemoryLocks } from '../../../support/stores/memory-locks.ts';
import { newFolder } from '../../../support/temporary.ts';

const KEEP_DAYS = 3;
const RULE: MomentRule = { source: LOGGED, keepMs: KEEP_DAYS * DAY_MS };

interface World {
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  readonly log: ChangeLog;
  readonly repository: Repository;
}

async function begin(): Promise<World> {
  const clock = new ManualClock('2026-11-29T00:00:00Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const repository = await openCheaply(store, { clock, graceMs: DAY_MS });
  return { store, clock, log: await ChangeLog.make(), repository };
}

function wait({ clock, log }: World, ms: number): void {
  log.wait(ms);
  clock.advance(ms);
}

/** A day with a base at its beginning and a poll each six hours. */
async function day(world: World): Promise<void> {
  const { log, repository } = world;
  await pollOnce(repository, log.open());
  await runBackup(repository, loggedSource(log), { type: 'daily', signal: never });
  for (let hour = 0; hour < 24; hour += 6) {
    log.write(`${hour}`);
    wait(world, 6 * HOUR_MS);
    await pollOnce(repository, log.open());
  }
}

async function prune({ repository }: World, moments: readonly MomentRule[]) {
  const rules = { policy: keepLast(1), maxShare: 1, moments };
  const prepared = await preparePrune(repository, rules, { isDryRun: false, signal: never });
  const result = await runPrune(repository, prepared, { signal: never });
  return { ...result, decisions: prepared.plan.decisions };
}

async function restored({ repository }: World, at: string): Promise<string> {
  const chosen = await chooseMoment(repository, { source: LOGGED, compare, until: { at }, signal: never });
  const folder = await newFolder();
  const openReplay = async (options: Parameters<typeof replayInto>[1]) => replayInto(folder, options);
  await restoreMoment(
    repository,
    chosen,
    { target: new FilesTarget(folder), compare, openReplay },
    { signal: never },
  );
  return tableIn(folder);
}

const segmentsIn = ({ store }: World) => Array.fromAsync(store.list('changes/'), ({ key }) => key);

/** An hour in each of the days that are kept. */
function keptMoments({ log }: World): string[] {
  const end = Date.parse(log.now);
  return Array.from(
    { length: KEEP_DAYS },
    (_, i) => `${new Date(end - (i + 0.4) * DAY_MS).toISOString().slice(0, -1)}000Z`,
  );
}

describe('prune and moments', () => {
  it('keeps every moment that is to be kept, day after day, and lets go of what is older', async () => {
    const world = await begin();
    const most: number[] = [];
    for (let i = 0; i < 12; i++) {
      await day(world);
      await prune(world, [RULE]);
      most.push((await segmentsIn(world)).length);
      if (i < KEEP_DAYS) continue;
      for (const at of keptMoments(world)) {
        const held = world.log.written.filter((one) => one.at <= at).map(({ line }) => line);
        expect(await restored(world, at), `day ${i}, ${at}`).toBe(held.join(''));
      }
    }
    // What is kept does not grow any more.
    expect(most.at(-1)).toBeLessThanOrEqual(most[8] ?? 0);
    expect(most.at(-1)).toBeLessThan(world.log.written.length);
  });

  it('removes nothing of a source that it knows no rule of, and keeps its bases', async () => {
    const world = await begin();
    for (let i = 0; i < 10; i++) await day(world);
    const before = await segmentsIn(world);
    const { removedChanges, decisions } = await prune(world, []);
    expect(removedChanges).toBe(0);
    expect(await segmentsIn(world)).toEqual(before);
    const kept = decisions.filter(({ reasons }) =>
      reasons.some((why) => why.includes('moments that can be restored begin with it')),
    );
    expect(kept.length).toBe(7);
    const other = { source: { kind: 'files', name: 'other' }, keepMs: DAY_MS };
    expect((await prune(world, [other])).removedChanges).toBe(0);
  });

  it('removes nothing without a base that is old enough and good', async () => {
    const world = await begin();
    await day(world);
    wait(world, 2 * DAY_MS);
    await pollOnce(world.repository, world.log.open());
    const before = await segmentsIn(world);
    wait(world, 0.5 * DAY_MS);
    expect((await prune(world, [RULE])).removedChanges).toBe(0);
    expect(await segmentsIn(world)).toEqual(before);
  });

  it('goes by numbers too, whatever the store says of dates', () => {
    const storedAt = new Date('2026-11-01T00:00:00Z');
    const folder = changesFolder(LOGGED);
    const changes = [3, 4, 5, 6, 7].map((number) => ({
      key: `${number}`,
      folder,
      number,
      bytes: 1,
      storedAt,
    }));
    const base = { source: LOGGED, after: 5, storedAt: new Date('2026-11-20T00:00:00Z') };
    const good = { ...base, key: 'good' as BackupKey, isGood: true };
    const bad = { ...base, key: 'bad' as BackupKey, after: 7, isGood: false };
    const now = new Date('2026-11-29T00:00:00Z');
    const { remove, bases } = planChanges(
      { now, bases: [bad, good], changes },
      { rules: [RULE], graceMs: DAY_MS },
    );
    expect(remove.map(({ number }) => number)).toEqual([3, 4, 5]);
    expect([...bases.keys()]).toEqual(['good']);
  });

  it('cannot remove what is locked, and locks last as long as moments are kept', async () => {
    const world = await begin();
    const locks = new MemoryLocks(world.store);
    for (let i = 0; i < 8; i++) await day(world);
    const { repository, clock } = world;
    const lock = { mode: 'compliance', mostMs: 100 * DAY_MS } as const;
    const options = { lock, policy: keepLast(1), isDryRun: false, signal: never };
    await lockBackups(repository, locks, { ...options, moments: [RULE] });
    const locked = [...locks.retentions].filter(([key]) => key.startsWith('changes/'));
    const needed = await Array.fromAsync(world.store.list('changes/'));
    const young = needed.filter(
      ({ modifiedAt }) => clock.now().getTime() - modifiedAt.getTime() < RULE.keepMs,
    );
    expect(locked.map(([key]) => key).toSorted()).toEqual(young.map(({ key }) => key));
    for (const { key, modifiedAt } of young)
      expect(locks.retentions.get(key)?.until.getTime()).toBe(modifiedAt.getTime() + RULE.keepMs);
    const rules = { policy: keepLast(1), maxShare: 1, moments: [RULE] };
    const free = (await preparePrune(repository, rules, { isDryRun: false, locks, signal: never })).changes;
    const [one] = free;
    locks.retentions.set(one?.key ?? '', { until: new Date('2030-01-01'), mode: 'compliance' });
    const { changes } = await preparePrune(repository, rules, { isDryRun: false, locks, signal: never });
    expect(changes).toEqual(free.slice(1));
    expect(changes.length).toBeGreaterThan(0);
  });

  it('leaves objects with other names alone', async () => {
    const world = await begin();
    const odd = 'changes/00112233445566778899aabbccddeeff/readme';
    await world.store.put(odd, Buffer.from('?'));
    for (let i = 0; i < 8; i++) await day(world);
    expect((await prune(world, [RULE])).removedChanges).toBeGreaterThan(0);
    expect(await segmentsIn(world)).toContain(odd);
  });
});

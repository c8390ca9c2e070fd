import { describe, expect, it } from 'vitest';
import type { ProtectionOptions } from '../../../shared/api/presenters/protection.ts';
import { RepositoryView } from '../../../shared/api/server/repository-view.ts';
import { resolveConfig } from '../../../shared/config/config.ts';
import { DEFAULT_PRUNE } from '../../../shared/config/retention.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { copyBackups } from '../../../shared/jobs/copy/copy.ts';
import { readLockState } from '../../../shared/jobs/lock/lock-state.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openRepository } from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { ManualClock, packsOf } from '../../support/repository/pruning.ts';
import { MemoryLocks } from '../../support/stores/memory-locks.ts';
import { newFolder } from '../../support/temporary.ts';

async function newWorld() {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  const locks = new MemoryLocks(store);
  await initRepository(store);
  const repository = await openRepository(store, { clock, pool: new InlinePool() });
  const { key } = await backUp(repository, { t: 'one\n' });
  const statusWith = (protection: ProtectionOptions) =>
    new RepositoryView({
      repository,
      retention: { days: {}, counts: {} },
      prune: DEFAULT_PRUNE,
      safety: {
        config: resolveConfig({ file: {}, fileName: 'test', env: {}, flags: {} }),
        runsDefaults: false,
      },
      protection,
    }).status(never);
  const lockAll = async (until: Date) => {
    for await (const object of store.list(''))
      locks.retentions.set(object.key, { until, mode: 'compliance' });
  };
  return {
    clock,
    store,
    locks,
    repository,
    key,
    statusWith,
    lockAll,
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
}

/** Second places of a configuration. */
function placesOf(copy: object) {
  return resolveConfig({ file: { copy } as never, fileName: 'config', env: {}, flags: {} }).copies;
}

describe('the status of the API says until when nobody can remove the newest good backup', () => {
  it('if everything that it needs is locked, and not if one pack is not', async () => {
    await using world = await newWorld();
    const { store, locks, repository, key, clock, statusWith, lockAll } = world;
    const until = new Date(clock.now().getTime() + 30 * DAY_MS);
    expect((await statusWith({ locks })).locked).toMatchObject([{ backup: key, until: null, problem: null }]);
    await lockAll(until);
    const objects = (await packsOf(repository, key)).length + 2;
    const about = { source: 'files', backup: key, mode: 'compliance', problem: null };
    const [found] = (await statusWith({ locks })).locked ?? [];
    expect(found).toEqual({
      ...about,
      source: expect.any(String),
      until: until.toISOString(),
      objects,
      asked: objects,
    });
    const [pack = ''] = await packsOf(repository, key);
    locks.retentions.delete(`data/${pack.slice(0, 2)}/${pack}`);
    expect((await statusWith({ locks })).locked).toMatchObject([{ until: null }]);
    expect(await store.get(key)).toBeDefined();
  });

  it('asks for a sample of many packs, each time another, and for all else', async () => {
    await using world = await newWorld();
    const { locks, repository, key, clock, lockAll } = world;
    await lockAll(new Date(clock.now().getTime() + DAY_MS));
    const packs = await packsOf(repository, key);
    expect(packs.length).toBeGreaterThan(1);
    const [first = '', last = ''] = [packs[0], packs.at(-1)];
    const state = (random: (below: number) => number) =>
      readLockState(repository, locks, { backup: key, mostPacks: 1, random, signal: never });
    expect(await state(() => 0)).toMatchObject({ asked: 3, objects: packs.length + 2 });
    locks.retentions.delete(`data/${first.slice(0, 2)}/${first}`);
    expect((await state(() => 0)).until).toBeNull();
    expect((await state((below) => below - 1)).until).not.toBeNull();
    locks.retentions.delete(`data/${last.slice(0, 2)}/${last}`);
    expect((await state((below) => below - 1)).until).toBeNull();
    await lockAll(new Date(clock.now().getTime() + DAY_MS));
    locks.retentions.delete('repository.json');
    expect((await state(() => 0)).until).toBeNull();
  });

  it('says why nobody knows, and null where no locks are configured', async () => {
    await using world = await newWorld();
    const { key, statusWith } = world;
    const locks = new (class extends MemoryLocks {
      override async retention(): Promise<never> {
        throw new HoldfastError('E_STORE_DENIED', 'the bucket does not tell');
      }
    })(world.store);
    expect((await statusWith({ locks })).locked).toMatchObject([
      { backup: key, until: null, problem: 'the bucket does not tell' },
    ]);
    expect(await statusWith({})).toMatchObject({ locked: null, copies: [] });
  });
});

describe('the status of the API says how far second places are behind', () => {
  it('by their lists, and why one cannot be looked at', async () => {
    await using world = await newWorld();
    const { repository, key, statusWith } = world;
    const to = await newFolder();
    const copies = placesOf({ near: { to }, odd: { to: 'ftp://odd' } });
    const [near] = copies;
    const behind = { name: 'near', wanted: 1, missing: 1, oldestMissing: { key }, problem: null };
    expect((await statusWith({ copies: near ? [near] : [] })).copies).toMatchObject([behind]);
    await copyBackups(repository, new FolderStore(to), { signal: never });
    expect((await statusWith({ copies: near ? [near] : [] })).copies).toMatchObject([
      { wanted: 1, missing: 0, oldestMissing: null },
    ]);
    expect((await statusWith({ copies })).copies).toMatchObject([
      { name: 'near', missing: 0, problem: null },
      { name: 'odd', wanted: 0, problem: expect.stringContaining('ftp://odd') },
    ]);
  });
});

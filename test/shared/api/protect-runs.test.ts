import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../shared/config/config.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { adminApi, ask, localBackend, sessionWith } from '../../support/api.ts';
import { backUp, initRepository, openRepository } from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { ManualClock } from '../../support/repository/pruning.ts';
import { MemoryLocks } from '../../support/stores/memory-locks.ts';
import { newFolder } from '../../support/temporary.ts';

async function newWorld(copy: object) {
  const clock = new ManualClock('2026-03-01T02:00:00Z');
  const store = new MemoryStore(clock);
  const locks = new MemoryLocks(store);
  await initRepository(store);
  const repository = await openRepository(store, { clock, pool: new InlinePool() });
  const { key } = await backUp(repository, { t: 'one\n' });
  const file = { copy, lock: { mode: 'governance' } };
  const config = resolveConfig({ file, fileName: 'test', env: {}, flags: {} });
  const { lock, retention: policy, copies } = config;
  const { backend, tracker } = localBackend(repository, { protection: { copies, locks, lock, policy } });
  const { sessions, token } = sessionWith(['operator']);
  const api = adminApi(async () => backend, sessions);
  const over = async (path: string, body: object) => {
    const answer = await ask(api, path, { method: 'POST', token, body });
    const said = (await answer.json()) as { readonly run: string };
    if (answer.status !== 202) return { status: answer.status, ...said };
    return backend.over(said.run);
  };
  return {
    clock,
    store,
    locks,
    key,
    over,
    [Symbol.asyncDispose]: async () => {
      await tracker.close();
      await repository[Symbol.asyncDispose]();
    },
  };
}

describe('the API begins what keeps backups safe', () => {
  it('copies to a second place, as a run that says what it brought', async () => {
    const to = await newFolder();
    await using world = await newWorld({ near: { to } });
    const run = await world.over('/copy', { place: 'near' });
    expect(run).toMatchObject({ kind: 'copy', state: 'succeeded', target: 'near', result: { copied: 1 } });
    const [there, here] = [await new FolderStore(to).get(world.key), await world.store.get(world.key)];
    expect(Buffer.from(there).equals(here)).toBe(true);
    // The only one needs no name.
    expect(await world.over('/copy', {})).toMatchObject({ result: { copied: 0, present: 1 } });
  });

  it('fails if a backup could not be copied, and refuses a place that is not configured', async () => {
    await using world = await newWorld({ near: { to: await newFolder() }, far: { to: await newFolder() } });
    expect(await world.over('/copy', { place: 'nera' })).toMatchObject({
      status: 404,
      code: 'E_UNKNOWN_NAME',
      hint: expect.stringContaining('Did you mean near?'),
    });
    expect(await world.over('/copy', {})).toMatchObject({ status: 400, code: 'E_USAGE' });
    for await (const { key } of world.store.list('data/')) {
      await world.store.delete(key);
      break;
    }
    expect(await world.over('/copy', { place: 'far' })).toMatchObject({
      state: 'failed',
      result: { copied: 0, passedOver: 1 },
    });
  });

  it('locks for longer what backups need', async () => {
    await using world = await newWorld({});
    const run = await world.over('/lock', {});
    expect(run).toMatchObject({ kind: 'lock', state: 'succeeded', result: { backups: 1 } });
    const until = world.locks.retentions.get(world.key)?.until.getTime() ?? 0;
    expect(until - world.clock.now().getTime()).toBeGreaterThan(29 * DAY_MS);
  });

  it('says of a run what it was asked for, so that the same can be begun again', async () => {
    await using world = await newWorld({});
    const run = await world.over('/verify', { since: '7d', depth: 'quick' });
    expect(run).toMatchObject({ kind: 'verify', asked: { since: '7d', depth: 'quick' } });
  });
});

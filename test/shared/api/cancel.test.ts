import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import type { LocalBackendOptions } from '../../../shared/api/local/options.ts';
import type { RunAnswer } from '../../../shared/api/schema/runs.ts';
import { abortedError } from '../../../shared/core/abort.ts';
import { ROLES, type Role } from '../../../shared/core/api-names.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { adminApi, ask, localBackend, sessionWith } from '../../support/api.ts';
import { initRepository, openRepository } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(3);

/** A store that is slow without end with packs while it is told to be: only who stops waiting gets on. */
class StuckStore implements ObjectStore {
  readonly location = 'stuck:';
  readonly inner = new MemoryStore();
  isStuck = () => false;
  /** Done when something waits. */
  readonly waits = Promise.withResolvers<void>();

  put: ObjectStore['put'] = async (key, body, options) => {
    await this.#wait(key, options?.signal);
    return this.inner.put(key, body, options);
  };
  get: ObjectStore['get'] = async (key, options) => {
    await this.#wait(key, options?.signal);
    return this.inner.get(key, options);
  };
  head: ObjectStore['head'] = (...args) => this.inner.head(...args);
  list: ObjectStore['list'] = (...args) => this.inner.list(...args);
  delete: ObjectStore['delete'] = (...args) => this.inner.delete(...args);

  async #wait(key: string, signal: AbortSignal | undefined): Promise<void> {
    if (!this.isStuck() || !key.startsWith('data/')) return;
    this.waits.resolve();
    await new Promise<never>((_, reject) => {
      const stop = () => reject(abortedError(signal));
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

/** A folder backed up, an API, and a request of each kind of run. */
async function world() {
  const folder = await newFolder();
  const store = new StuckStore();
  const paths = Object.fromEntries(
    ['source', 'target', 'drills'].map((name) => [name, path.join(folder, name)]),
  ) as Record<'source' | 'target' | 'drills', string>;
  await Promise.all([mkdir(paths.source), mkdir(paths.drills)]);
  await writeFile(path.join(paths.source, 'orders.txt'), 'an order\n'.repeat(2000));
  await initRepository(store);
  const repository = await openRepository(store);
  const place = (name: string, url: string) => ({ name, kind: 'files' as const, url, options: {} });
  const { backend, tracker } = localBackend(repository, {
    sources: [place('shop', paths.source)],
    targets: [place('copy', paths.target)],
    drillServer: () => place('drills', paths.drills),
    streamBytes: 0,
  } satisfies Partial<LocalBackendOptions>);
  const api = (roles: readonly Role[] = ROLES) => {
    const { sessions, token } = sessionWith(roles);
    return { api: adminApi(async () => backend, sessions), token };
  };
  const own = api();
  const send = async (method: string, where: string, body?: object, as = own) => {
    const response = await ask(as.api, where, { method, token: as.token, ...(body ? { body } : {}) });
    return { status: response.status, json: (await response.json()) as Record<string, never> };
  };
  const over = async (run: string): Promise<RunAnswer> => backend.over(run);
  const { json } = await send('POST', '/create', { source: 'shop' });
  const { backup } = await over(json['run'] as unknown as string);
  const name = path.basename(backup ?? '', '.json');
  const restore = async (where: object) => {
    const asked = { backup: name, ...where };
    const { confirm } = (await send('POST', '/restore', { ...asked, dryRun: true })).json;
    return (await send('POST', '/restore', { ...asked, confirm })).json['run'] as unknown as string;
  };
  const begin = {
    backup: async () => {
      await writeFile(path.join(paths.source, 'more.txt'), 'another\n'.repeat(2000));
      return (await send('POST', '/create', { source: 'shop' })).json['run'] as unknown as string;
    },
    verify: async () => (await send('POST', '/verify', { backup: name })).json['run'] as unknown as string,
    drill: async () => (await send('POST', '/drill', { backup: name })).json['run'] as unknown as string,
    restore: () => restore({ to: 'copy' }),
    'restore into a new place': () => restore({ newDatabase: 'shop_copy' }),
  };
  const stick = () => {
    store.isStuck = () => tracker.list(1).some(({ state }) => state === 'running');
  };
  return { api, send, over, begin, stick, store, paths, repository };
}

it.each(['backup', 'verify', 'drill', 'restore', 'restore into a new place'] as const)(
  'cancels a %s, and leaves nothing half done',
  async (kind) => {
    const { send, over, begin, stick, store, paths, repository } = await world();
    const before = [...(await repository.backupKeys(new AbortController().signal))];
    stick();
    const run = await begin[kind]();
    await store.waits.promise;
    expect(await send('DELETE', `/runs/${run}`)).toMatchObject({ status: 202, json: { run } });
    expect(await over(run)).toMatchObject({
      kind: kind.split(' ')[0],
      state: 'cancelled',
      cancelledBy: 'ana',
      error: { code: 'E_ABORTED', message: 'cancelled by ana' },
    });
    expect(await readdir(paths.drills)).toEqual([]);
    expect(await repository.backupKeys(new AbortController().signal)).toEqual(before);
    const { json } = await send('GET', '/audit?action=cancel');
    expect(json['entries']).toEqual([expect.objectContaining({ action: 'cancel', by: 'ana', run })]);
    expect(await send('DELETE', `/runs/${run}`)).toMatchObject({
      status: 409,
      json: { code: 'E_BAD_REQUEST' },
    });
  },
);

it('lets nobody cancel what they might not have begun', async () => {
  const { api, send, over, begin, stick, store } = await world();
  stick();
  const run = await begin.restore();
  await store.waits.promise;
  for (const roles of [['viewer'], ['operator']] as const)
    expect(await send('DELETE', `/runs/${run}`, undefined, api(roles))).toMatchObject({
      status: 403,
      json: { code: 'E_FORBIDDEN' },
    });
  expect(await send('DELETE', `/runs/${run}`, undefined, api(['restorer']))).toMatchObject({ status: 202 });
  expect((await over(run)).state).toBe('cancelled');
});

it('tells of a run as it goes, by server-sent events that end with it', async () => {
  const { api, begin, stick, send } = await world();
  stick();
  const run = await begin.verify();
  const { api: own, token } = api(['viewer']);
  const response = await ask(own, `/events/${run}`, { token });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const cancelled = send('DELETE', `/runs/${run}`);
  const text = await response.text();
  await cancelled;
  const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, data]) => ({
    name,
    data: JSON.parse(data ?? ''),
  }));
  const states = events.filter(({ name }) => name === 'run').map(({ data }) => data.state);
  expect(states[0]).toBe('running');
  expect(states.at(-1)).toBe('cancelled');
  const lines = events.filter(({ name }) => name === 'log').flatMap(({ data }) => data);
  const all = (await send('GET', `/runs/${run}`)).json['log'];
  expect(lines).toEqual(all);
  expect((await send('GET', `/events/none`)).status).toBe(404);
});

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import type { ApiKey } from '../../shared/api/schema/api-keys.ts';
import { RepositoryView } from '../../shared/api/server/repository-view.ts';
import { resolveConfig } from '../../shared/config/config.ts';
import { DEFAULT_PRUNE } from '../../shared/config/retention.ts';
import { ROLES } from '../../shared/core/api-names.ts';
import { MemoryStore } from '../../shared/store/memory-store.ts';
import { adminApi, ask, localBackend, sessionWith } from './api.ts';
import { initRepository, openRepository } from './repository/engine.ts';

export const SOURCES = ['shop', 'billing'] as const;

/** Two sources, each with a backup and runs; an API, and somebody with every role. Time goes on when a test says so. */
export async function apiKeysWorld(folder: string) {
  let now = Date.now();
  const clock = { now: () => new Date(now) };
  const store = new MemoryStore(clock);
  await initRepository(store);
  const repository = await openRepository(store, { clock });
  const drills = path.join(folder, 'drills');
  await mkdir(drills);
  const place = (name: string) => ({
    name,
    kind: 'files' as const,
    url: path.join(folder, name),
    options: {},
  });
  for (const name of SOURCES) {
    await mkdir(path.join(folder, name));
    await writeFile(path.join(folder, name, `${name}.txt`), `a record of ${name}\n`);
  }
  const sources = Object.fromEntries(
    SOURCES.map((name) => [
      name,
      { kind: 'files' as const, url: place(name).url, ...(name === 'shop' ? { continuous: {} } : {}) },
    ]),
  );
  const config = resolveConfig({ file: { sources }, fileName: 'test', env: {}, flags: {} });
  const view = new RepositoryView({
    repository,
    retention: { days: { daily: 30 }, counts: {} },
    prune: DEFAULT_PRUNE,
    safety: { config, runsDefaults: false },
  });
  const { backend } = localBackend(repository, {
    view,
    sources: SOURCES.map(place),
    targets: [place('copy')],
    drillServer: () => ({ ...place('drills'), url: drills }),
    schedules: () => SOURCES.map((source) => ({ source, type: 'daily', cron: '0 2 * * *', nextAt: null })),
  });
  const errors: unknown[] = [];
  const another = (options: Parameters<typeof adminApi>[2] = {}) => {
    const { sessions, token } = sessionWith(ROLES);
    const api = adminApi(async () => backend, sessions, {
      clock,
      onError: (e) => errors.push(e),
      ...options,
    });
    const send = async (
      method: string,
      where: string,
      { body, as = token }: { body?: unknown; as?: string } = {},
    ) => {
      const response = await ask(api, where, { method, token: as, ...(body === undefined ? {} : { body }) });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      return { status: response.status, text, json: isJson ? JSON.parse(text) : undefined };
    };
    return { api, send, token };
  };
  const own = another();
  const make = async (body: object) => {
    const { status, json } = await own.send('POST', '/api-keys', { body });
    expect([status, json.code]).toEqual([200, undefined]);
    return json as { readonly token: string; readonly key: ApiKey };
  };
  const backups = {} as Record<(typeof SOURCES)[number], { readonly name: string; readonly run: string }>;
  for (const source of SOURCES) {
    const type = source === 'shop' ? 'daily' : 'weekly';
    const { json } = await own.send('POST', '/create', { body: { source, type } });
    const { backup } = await backend.over(json.run);
    backups[source] = { name: path.basename(backup ?? '', '.json'), run: json.run };
    const body = { backup: backups[source].name, reason: `of ${source}` };
    expect((await own.send('POST', '/hold', { body })).status).toBe(200);
  }
  return {
    folder,
    store,
    repository,
    backend,
    backups,
    errors,
    another,
    make,
    ...own,
    clock,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

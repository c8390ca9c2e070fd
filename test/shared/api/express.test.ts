import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import express from 'express';
import createFastify, { type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import { Scheduler } from '../../../shared/api/express/scheduler.ts';
import { adminFetch, adminRouter, type Backups, startBackups } from '../../../shared/api/express.ts';
import { API_BASE, type Role } from '../../../shared/core/api-names.ts';
import { runCommand } from '../../support/command-line.ts';
import { judge } from '../../support/openapi-judge.ts';
import { TEST_KEY } from '../../support/repository/engine.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(3);

describe('in an Express 5 application', () => {
  let folder: string;
  let server: Server | undefined;
  let backups: Backups | undefined;
  const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
  const config = {
    repository: './backups',
    sources: { notes: { kind: 'files', url: './notes.txt' } },
    schedules: { daily: '30 4 * * 1-5', weekly: 'off', often: { rate: '6 hours' } },
    retention: { often: 2 },
  } as const;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-express-'));
    await writeFile(path.join(folder, 'notes.txt'), 'one\ntwo\n');
  });
  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    await backups?.[Symbol.asyncDispose]();
    server = undefined;
    backups = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  /** The application: it logs people in by a header, parses bodies, and has a page of its own. */
  async function start(mount: string | undefined) {
    const app = express();
    app.use(express.json());
    const router = adminRouter(backups!, {
      caller: (request) => {
        const role = request.headers['x-role'];
        return role === undefined
          ? undefined
          : { id: String(role), name: `the ${role}`, roles: [role as Role] };
      },
    });
    if (mount === undefined) app.use(router);
    else app.use(mount, router);
    app.get('/', (_, response) => {
      response.send('the application');
    });
    server = createServer(app);
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = async (target: string, role?: Role, body?: unknown) => {
      const method = body === undefined ? 'GET' : 'POST';
      const answer = await fetch(url + target, {
        method,
        headers: { ...(role ? { 'x-role': role } : {}), 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const base = mount ?? API_BASE;
      if (target.startsWith(base)) await judge(method, target.slice(base.length), answer);
      return answer;
    };
    return { url, ask };
  }

  it.each([API_BASE, '/internal/backups', undefined])('answers where it is mounted: %s', async (mount) => {
    expect((await runCommand('init -r ./backups -q', { env, cwd: folder })).status).toBe(0);
    backups = await startBackups({ config, env, folder });
    const { ask } = await start(mount);
    const base = mount ?? API_BASE;
    expect(await (await ask('/')).text()).toBe('the application');
    expect((await ask(`${base}/list`)).status).toBe(401);
    expect((await ask(`${base}/create`, 'viewer', {})).status).toBe(403);
    const begun = await ask(`${base}/create`, 'operator', { type: 'daily' });
    expect(begun.status).toBe(202);
    const { run } = (await begun.json()) as { readonly run: string };
    expect(await (await backups.backend()).over(run)).toMatchObject({
      state: 'succeeded',
      by: 'the operator',
    });
    const { backups: listed } = (await (await ask(`${base}/list?limit=5`, 'viewer')).json()) as {
      backups: unknown[];
    };
    expect(listed).toHaveLength(1);
    const status = (await (await ask(`${base}/status`, 'viewer')).json()) as {
      schedules: { type: string; cron: string; nextAt: string | null }[];
    };
    expect(status.schedules).toHaveLength(2);
    expect(status.schedules.map(({ type, cron }) => [type, cron])).toEqual([
      ['daily', '30 4 * * 1-5'],
      ['often', '6 hours'],
    ]);
    expect(status.schedules[0]!.nextAt! > new Date().toISOString()).toBe(true);
  });

  it('goes on when backups cannot start; health says why, and that they can when they can', async () => {
    const told: unknown[] = [];
    backups = await startBackups({ config, env, folder, onError: (error) => told.push(error) });
    const { ask } = await start(API_BASE);
    expect(await (await ask('/')).text()).toBe('the application');
    await backups.backend().catch(() => {});
    expect(backups.problem()).toMatchObject({ code: 'E_NO_REPOSITORY' });
    const health = await ask(`${API_BASE}/health`, 'viewer');
    expect([health.status, await health.json()]).toMatchObject([
      503,
      { status: 'failing', problems: [{ code: 'E_NO_REPOSITORY' }] },
    ]);
    expect((await ask(`${API_BASE}/list`, 'viewer')).status).toBe(503);
    expect(told).toHaveLength(1);
  });

  it.each([
    ['a wrong configuration', { repositry: './x' }, env, 'E_CONFIG'],
    ['no key', config, {}, 'E_NO_KEY'],
  ])('goes on with %s', async (_, given, environment, code) => {
    await runCommand('init -r ./backups -q', { env, cwd: folder });
    backups = await startBackups({ config: given as never, env: environment, folder });
    const { ask } = await start(API_BASE);
    expect((await ask('/')).status).toBe(200);
    expect(await (await ask(`${API_BASE}/health`, 'viewer')).json()).toMatchObject({ problems: [{ code }] });
  });

  it('starts at once where a store takes connections and never answers; health says so, and it stops', async () => {
    const silent = createTcpServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
    const sockets = new Set<Socket>();
    await once(silent, 'listening');
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const s3 = { endpoint, region: 'us-east-1', forcePathStyle: true };
    const credentials = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' };
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'x');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'y');
    const far = { ...config, repository: 's3://backups', s3 };
    backups = await startBackups({ config: far, env: { ...env, ...credentials }, folder, waitMs: 50 });
    const { ask } = await start(API_BASE);
    expect(await (await ask('/')).text()).toBe('the application');
    expect(await (await ask(`${API_BASE}/health`, 'viewer')).json()).toMatchObject({
      status: 'failing',
      problems: [
        { code: 'E_STORE_UNAVAILABLE', message: expect.stringContaining('has not answered for 50 ms') },
      ],
    });
    expect((await ask(`${API_BASE}/list`, 'viewer')).status).toBe(503);
    await backups[Symbol.asyncDispose]();
    for (const socket of sockets) socket.destroy();
    silent.close();
    vi.unstubAllEnvs();
  });

  it('tells by its own code why a scheduled backup failed', async () => {
    await runCommand('init -r ./backups -q', { env, cwd: folder });
    const told = Promise.withResolvers<unknown>();
    const begin = vi.spyOn(globalThis, 'setInterval').mockImplementation(((work: () => void) => {
      setImmediate(work);
      return { unref: () => ({}) };
    }) as never);
    await rm(path.join(folder, 'notes.txt'));
    backups = await startBackups({
      config: { ...config, schedules: { daily: { rate: '1 day' }, weekly: 'off' }, retention: {} },
      env,
      folder,
      onError: told.resolve,
    });
    begin.mockRestore();
    expect(await told.promise).toMatchObject({
      code: 'E_SOURCE_UNREACHABLE',
      message: expect.stringContaining('daily backup of notes: '),
    });
  });

  it.each([API_BASE, '/internal/backups'])(
    'answers standard requests, in Hono and Fastify: %s',
    async (base) => {
      await runCommand('init -r ./backups -q', { env, cwd: folder });
      backups = await startBackups({ config, env, folder });
      const answer = adminFetch(backups, {
        base,
        caller: ({ headers }) => {
          const role = headers.get('x-role');
          return role === null ? undefined : { id: role, name: role, roles: [role as Role] };
        },
      });
      const hono = new Hono().all(`${base}/*`, ({ req }) => answer(req.raw));
      const fastify = createFastify().all(`${base}/*`, async (request, reply) =>
        reply.send(await answer(standardRequest(request), { clientAddress: request.ip })),
      );
      const askHono = async (
        method: string,
        target: string,
        headers: Record<string, string>,
        body?: string,
      ) => {
        const got = await hono.request(target, { method, headers, ...(body ? { body } : {}) });
        return { status: got.status, etag: got.headers.get('etag'), body: (await got.json()) as never };
      };
      const askFastify = async (
        method: string,
        url: string,
        headers: Record<string, string>,
        body?: string,
      ) => {
        const got = await fastify.inject({
          method: method as 'GET',
          url,
          headers,
          ...(body ? { body } : {}),
        });
        return { status: got.statusCode, etag: got.headers['etag'] ?? null, body: got.json() as never };
      };
      for (const ask of [askHono, askFastify]) {
        expect(await ask('GET', `${base}/list`, {})).toMatchObject({
          status: 401,
          body: { code: 'E_UNAUTHENTICATED' },
        });
        expect(await ask('GET', `${base}/list?limit=0`, { 'x-role': 'viewer' })).toMatchObject({
          status: 400,
        });
        expect((await ask('GET', `${base}/list?limit=5`, { 'x-role': 'viewer' })).etag).toMatch(/^W/);
        const json = { 'x-role': 'operator', 'content-type': 'application/json' };
        const begun = await ask('POST', `${base}/create`, json, '{"type":"daily"}');
        expect(begun).toMatchObject({ status: 202, body: { run: expect.any(String) } });
        await (await backups.backend()).over((begun.body as { run: string }).run);
      }
      await fastify.close();
    },
  );

  it('is not mounted open: without a login of the application the configuration must have one', async () => {
    backups = await startBackups({ config, env, folder });
    for (const mount of [adminRouter, adminFetch])
      expect(() => mount(backups!)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

/** As docs/reference/api.md has it for Fastify, which has read the body. */
function standardRequest({ method, url, headers, host, body }: FastifyRequest): Request {
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(`http://${host}${url}`, {
    method,
    headers: headers as Record<string, string>,
    ...(hasBody ? { body: JSON.stringify(body) } : {}),
  });
}

describe('Scheduler', () => {
  it('begins what is due, and names what comes next', async () => {
    const begun: string[] = [];
    const every = { expression: 'rate(1 minute)', timeZone: 'UTC', sources: ['shop'], intervalMs: 20 };
    const daily = { expression: 'cron(0 2 * * ? *)', timeZone: 'UTC', sources: undefined, intervalMs: 1 };
    const weekly = {
      expression: 'cron(30 3 ? * SUN *)',
      timeZone: 'Europe/Berlin',
      sources: ['shop'],
      intervalMs: 1,
    };
    const due = Promise.withResolvers<void>();
    using scheduler = new Scheduler({ every, daily, weekly }, ['shop', 'game'], async ({ source, type }) => {
      begun.push(`${type} ${source}`);
      due.resolve();
    });
    await due.promise;
    expect(begun[0]).toBe('every shop');
    const next = scheduler.upcoming();
    expect(next.map(({ source, type }) => `${type} ${source}`)).toEqual([
      'every shop',
      'daily shop',
      'daily game',
      'weekly shop',
    ]);
    expect(next[1]!.nextAt).toMatch(/T02:00:00/);
    expect(new Date(next[3]!.nextAt!).getUTCDay()).toBe(0);
    expect(next[3]!.nextAt).toMatch(/T0[12]:30:00/);
  });
});

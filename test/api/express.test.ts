import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scheduler } from '../../shared/api/express/scheduler.ts';
import { adminRouter, type Backups, startBackups } from '../../shared/api/express.ts';
import { API_BASE, type Role } from '../../shared/core/api-names.ts';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/engine.ts';
import { judge } from '../support/openapi-judge.ts';

describe('in an Express 5 application', () => {
  let folder: string;
  let server: Server | undefined;
  let backups: Backups | undefined;
  const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
  const config = {
    repository: './backups',
    sources: { notes: { kind: 'files', url: './notes.txt' } },
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
      schedules: { nextAt: string }[];
    };
    expect(status.schedules).toHaveLength(2);
    expect(status.schedules.every(({ nextAt }) => nextAt > new Date().toISOString())).toBe(true);
  });

  it('goes on when backups cannot start; health says why, and that they can when they can', async () => {
    const told: unknown[] = [];
    backups = await startBackups({ config, env, folder, onError: (error) => told.push(error) });
    const { ask } = await start(API_BASE);
    expect(await (await ask('/')).text()).toBe('the application');
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

  it('is not mounted open: without a login of the application the configuration must have one', async () => {
    backups = await startBackups({ config, env, folder });
    expect(() => adminRouter(backups!)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

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

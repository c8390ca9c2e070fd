import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { API_BASE } from '../../../shared/core/api-names.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { runCommand } from '../../support/command-line.ts';
import { hasPart } from '../../support/parts.ts';
import { ownPostgres } from '../../support/postgres.ts';
import { TEST_KEY } from '../../support/repository/engine.ts';
import { turnOfAll } from '../../support/repository/torture.ts';
import { POSTGRES_15_BIN } from '../../support/run/part-places.ts';
import { type Serving, startServing } from '../../support/serving.ts';

const it = turnOfAll(3);

const ROWS = 2000;

describe('holdfast serve', () => {
  let folder: string;
  let server: PostgresServer;
  let serving: Serving;
  let env: Record<string, string>;
  let backup: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-serve-'));
    server = await ownPostgres(18);
    const url = await server.createDatabase('shop');
    await server.query(
      'shop',
      `create table orders (id int primary key, note text);
       insert into orders select i, 'order ' || i from generate_series(1, ${ROWS}) i;
       create table empty (id int)`,
    );
    const config = {
      repository: './backups',
      sources: { shop: { kind: 'postgres', url } },
      targets: { scratch: { kind: 'postgres', url: await server.createDatabase('scratch') } },
      drill: { postgres: { url: server.url() } },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
    expect((await runCommand('init --quiet', { env, cwd: folder })).status).toBe(0);
    serving = await startServing('', { env, cwd: folder });
  });
  afterAll(async () => {
    await serving?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('says that a configured source without a backup is unprotected, and lists it', async () => {
    const sentence = 'Unprotected: shop was never backed up.';
    expect(await serving.json('GET', '/health', undefined, 503)).toMatchObject({
      status: 'failing',
      problems: [],
      verdict: { level: 'unprotected', sentence },
    });
    const bare = await fetch(`${serving.url}${API_BASE}/health`);
    expect([bare.status, await bare.json()]).toEqual([503, { status: 'failing' }]);
    expect(await serving.json('GET', '/status')).toMatchObject({
      verdict: { level: 'unprotected', sentence },
      sources: [{ source: { name: 'shop' }, isConfigured: true, level: 'unprotected', backups: 0 }],
      mode: 'local',
      configured: {
        sources: [{ name: 'shop', kind: 'postgres' }],
        targets: [{ name: 'scratch', kind: 'postgres' }],
      },
      caller: { roles: ['viewer', 'operator', 'restorer', 'admin'] },
    });
  });

  it('backs up, and tells how it goes', async () => {
    const { run } = await serving.json('POST', '/create', { type: 'daily', note: 'by the API' }, 202);
    const over = await serving.over(run);
    expect(over).toMatchObject({ kind: 'backup', state: 'succeeded', source: 'shop', error: null });
    expect(over.result).toMatchObject({ records: ROWS, suspect: false });
    expect(over.log.length).toBeGreaterThan(3);
    const { backups, nextCursor } = await serving.json('GET', '/list');
    expect(backups).toHaveLength(1);
    expect(nextCursor).toBeNull();
    expect(backups[0]).toMatchObject({ key: over.backup, records: ROWS, state: 'whole', note: 'by the API' });
    backup = backups[0].name;
    expect(await serving.json('GET', '/runs')).toMatchObject({ runs: [{ id: run, state: 'succeeded' }] });
  });

  it('shows a backup: datasets, why it is kept, what was done with it', async () => {
    const found = await serving.json('GET', `/backups/${backup}`);
    expect(
      found.sealed.datasets.find(({ name }: { name: string }) => name === 'public.orders'),
    ).toMatchObject({
      records: ROWS,
    });
    expect(found.retention).toMatchObject({ keep: true });
    expect(found.retention.reasons).toContain('within 30 days');
    expect(await serving.json('GET', `/backups/${encodeURIComponent(found.key)}`)).toMatchObject({
      key: found.key,
    });
  });

  it('holds, releases and tells who did it', async () => {
    const held = await serving.json('POST', '/hold', { backup, reason: 'audit' });
    expect(held).toMatchObject({ reason: 'audit', before: null });
    expect((await serving.json('GET', '/list')).backups[0].marks.hold).toMatchObject({ reason: 'audit' });
    await serving.json('DELETE', '/hold', { backup, reason: 'over' });
    expect((await serving.json('GET', '/list')).backups[0].marks.hold).toBeUndefined();
    const { entries } = await serving.json('GET', '/audit');
    expect(entries.map(({ action }: { action: string }) => action)).toEqual(['release', 'hold', 'create']);
    expect(entries[0].by).toMatch(/holdfast serve/);
    const { history } = await serving.json('GET', `/backups/${backup}`);
    expect(history.map(({ kind }: { kind: string }) => kind)).toEqual(['release', 'hold']);
    const refused = await serving.call('POST', '/accept', { backups: [backup], reason: 'fine' });
    expect(refused.status).toBe(400);
  });

  it('downloads SQL that psql restores', async () => {
    const answer = await serving.call('GET', `/download/${backup}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="${backup}.sql"; filename*=UTF-8''${backup}.sql`,
    );
    const sql = await answer.text();
    expect(sql).toContain('CREATE TABLE public.orders');
    if (hasPart('postgresql-15')) {
      await server.createDatabase('opened');
      const file = path.join(folder, 'opened.sql');
      // Settings of 18 that psql 15 sends on as they are.
      await writeFile(file, sql);
      const psql = path.join(POSTGRES_15_BIN, 'psql');
      await promisify(execFile)(psql, ['-q', '-v', 'ON_ERROR_STOP=1', '-f', file, server.url('opened')]);
      const { rows } = await server.query('opened', 'select count(*)::int n, min(note) a from orders');
      expect(rows).toEqual([{ n: ROWS, a: 'order 1' }]);
    }
    const csv = await serving.call('GET', `/download/${backup}?dataset=public.orders&format=csv`);
    expect((await csv.text()).split('\n')).toHaveLength(ROWS + 2);
    const none = await serving.call('GET', `/download/${backup}?dataset=public.none`);
    expect(none.status).toBe(404);
    const { entries } = await serving.json('GET', '/audit?action=download');
    expect(entries).toHaveLength(2);
  });

  it('restores once the plan was looked at, by its token, once', async () => {
    const wanted = { backup, to: 'scratch' };
    const bare = await serving.call('POST', '/restore', wanted);
    expect([bare.status, ((await bare.json()) as { code: string }).code]).toEqual([409, 'E_NOT_CONFIRMED']);
    const { plan, confirm } = await serving.json('POST', '/restore', { ...wanted, dryRun: true });
    expect(plan.datasets.map(({ name }: { name: string }) => name)).toContain('public.orders');
    expect(plan.target).not.toContain(server.password);
    const other = await serving.call('POST', '/restore', { ...wanted, replace: true, confirm });
    expect(other.status).toBe(409);
    const { run } = await serving.json('POST', '/restore', { ...wanted, confirm }, 202);
    expect(await serving.over(run)).toMatchObject({ state: 'succeeded', target: 'scratch' });
    const { rows } = await server.query('scratch', 'select count(*)::int n from orders');
    expect(rows).toEqual([{ n: ROWS }]);
    const again = await serving.call('POST', '/restore', { ...wanted, confirm });
    expect(again.status).toBe(409);
    const { entries } = await serving.json('GET', '/audit?action=restore');
    expect(entries.map(({ outcome, about }: Record<string, string>) => [outcome, about])).toEqual([
      ['done', 'scratch'],
      ['begun', 'scratch'],
    ]);
  });

  it('verifies, drills, and says so in status, storage and retention', async () => {
    const { run } = await serving.json('POST', '/verify', { backup }, 202);
    expect(await serving.over(run)).toMatchObject({ state: 'succeeded', result: { findings: 0 } });
    const drill = await serving.json('POST', '/drill', {}, 202);
    expect(await serving.over(drill.run)).toMatchObject({ state: 'succeeded', result: { outcome: 'equal' } });
    expect(await serving.json('GET', '/status')).toMatchObject({
      verdict: { level: 'protected' },
      sources: [{ backups: 1, newestGood: { name: backup }, lastDrill: { outcome: 'equal' } }],
    });
    const [listed] = (await serving.json('GET', '/list')).backups;
    expect(listed.marks.drill).toMatchObject({ outcome: 'equal', schema: 'equal' });
    await serving.json('GET', `/backups/${backup}`);
    const storage = await serving.json('GET', '/storage');
    expect(storage).toMatchObject({ backups: 1, days: [{ backups: 1 }] });
    expect(storage.storedBytes).toBeGreaterThan(1000);
    expect(await serving.json('GET', '/retention')).toMatchObject({ kept: 1, expiring: 0, nextCursor: null });
  });

  it('answers to its own name alone, and to no page of another origin', async () => {
    const { port } = new URL(serving.url);
    const ask = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        request({ host: '127.0.0.1', port, path: `${API_BASE}/health`, headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await ask({ host: `127.0.0.1:${port}` })).toBe(200);
    expect(await ask({ host: `localhost:${port}` })).toBe(200);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${Number(port) + 1}`])
      expect(await ask({ host })).toBe(421);
    expect(await ask({ host: `localhost:${port}`, origin: 'https://evil.example' })).toBe(421);
  });

  it('takes the token of its link once, and prints the next', async () => {
    const token = new URL(serving.link).hash.slice('#token='.length);
    const post = (body: unknown) =>
      fetch(`${serving.url}/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await post({ token })).status).toBe(401);
    expect((await post({ token: '' })).status).toBe(400);
    const next = /The next link: \S+#token=(\S+)/.exec(serving.stderr())?.[1];
    expect((await post({ token: next })).status).toBe(200);
  });

  it('gives a viewer what a viewer may', async () => {
    await using viewer = await startServing('--role viewer --session-minutes 1', { env, cwd: folder });
    expect((await viewer.json('GET', '/status')).caller.roles).toEqual(['viewer']);
    expect((await viewer.call('POST', '/create', {})).status).toBe(403);
    expect((await viewer.call('GET', `/download/${backup}`)).status).toBe(403);
  });
});

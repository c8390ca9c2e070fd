import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';

const it = turns(3);

describe('holdfast cancel', () => {
  let folder: string;
  let server: PostgresServer;
  let world: { readonly env: Record<string, string>; readonly cwd: string };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-cancel-'));
    server = await ownPostgres(18);
    const url = await server.createDatabase('shop');
    await server.query('shop', 'create table orders (id int primary key); insert into orders values (1)');
    const config = { repository: './backups', sources: { shop: { kind: 'postgres', url } } };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('stops a command of another process by the id of its run, and says who did', async () => {
    const holder = new pg.Client({ connectionString: server.url('shop') });
    await holder.connect();
    await holder.query('begin; lock table orders in access exclusive mode');
    const backup = runCommand('backup --source shop', world);
    const waiting = "select 1 from pg_locks where not granted and relation = 'orders'::regclass";
    while ((await holder.query(waiting)).rows.length === 0);
    const { runs } = JSON.parse((await runCommand('runs --json', world)).stdout);
    expect(runs).toMatchObject([{ kind: 'backup', source: 'shop', state: 'running' }]);
    expect((await runCommand('runs', world)).stdout).toContain(runs[0].run.slice(0, 8));
    const told = await runCommand(`cancel ${runs[0].run.slice(0, 6)} --json`, world);
    expect([told.status, JSON.parse(told.stdout)]).toEqual([0, { run: runs[0].run, kind: 'backup' }]);
    const { status, stderr } = await backup;
    expect([status, stderr]).toEqual([130, expect.stringContaining('cancelled by ')]);
    await holder.end();
    expect(JSON.parse((await runCommand('list --json', world)).stdout).backups).toEqual([]);
    expect(JSON.parse((await runCommand('runs --json', world)).stdout).runs).toMatchObject([
      { state: 'stopped', code: 'E_ABORTED' },
    ]);
    const over = await runCommand(`cancel ${runs[0].run}`, world);
    expect([over.status, over.stderr]).toEqual([10, expect.stringContaining('no run in progress')]);
  });

  it('asks for an id', async () => {
    for (const line of ['cancel', 'cancel x', 'cancel abc'])
      expect((await runCommand(line, world)).status).toBe(2);
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { runCommand } from '../../support/command-line.ts';
import { ownPostgres } from '../../support/postgres.ts';
import { TEST_KEY } from '../../support/repository/engine.ts';
import { turnOfAll } from '../../support/repository/torture.ts';
import { type Serving, startServing } from '../../support/serving.ts';
import { type Obstacle, obstructOrders } from '../../support/stores/obstacle.ts';

const it = turnOfAll(3);

const ROWS = 500;
const HELD = 'select count(*)::int n, coalesce(min(note), $$none$$) a from orders';

/** Restores that go wrong on a real server, and what the API says of them and offers. */
describe('restores', () => {
  let folder: string;
  let server: PostgresServer;
  let serving: Serving;
  let backup: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-restores-'));
    server = await ownPostgres(18);
    const url = await server.createDatabase('shop');
    await server.query(
      'shop',
      `create table customers (id int primary key);
       insert into customers select generate_series(1, 10);
       create table orders (id int primary key, note text);
       insert into orders select i, 'order ' || i from generate_series(1, ${ROWS}) i`,
    );
    const place = async (name: string) => ({ kind: 'postgres', url: await server.createDatabase(name) });
    const config = {
      repository: './backups',
      sources: { shop: { kind: 'postgres', url }, crm: await place('crm') },
      targets: {
        scratch: await place('scratch'),
        crm_copy: await place('crm_copy'),
        live: { kind: 'postgres', url },
      },
      drill: { postgres: { url: server.url() } },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
    serving = await startServing('', world);
    const { run } = await serving.json('POST', '/create', { source: 'shop', type: 'daily' }, 202);
    backup = path.basename((await serving.over(run)).backup, '.json');
  });
  afterAll(async () => {
    await serving?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const plan = (asked: object) => serving.json('POST', '/restore', { backup, ...asked, dryRun: true });
  const begin = async (asked: object): Promise<string> => {
    const { confirm } = await plan(asked);
    return (await serving.json('POST', '/restore', { backup, ...asked, confirm }, 202)).run;
  };
  const restore = async (asked: object) => serving.over(await begin(asked));
  const held = async (database: string) => (await server.query(database, HELD)).rows[0];
  const WHOLE = { n: ROWS, a: 'order 1' };

  it('makes a new database of the name that was chosen, which nothing removes', async () => {
    expect((await serving.json('GET', '/status')).configured.newDatabases).toEqual(['postgres']);
    const asked = { newDatabase: 'shop_copy' };
    expect((await plan(asked)).plan).toMatchObject({ conflicts: [], drops: [], warnings: [] });
    const run = await restore(asked);
    expect(run).toMatchObject({ state: 'succeeded', target: 'shop_copy', result: { compared: 2 } });
    expect(await held('shop_copy')).toEqual(WHOLE);
    await serving.over((await serving.json('POST', '/drill', { backup }, 202)).run);
    expect(await held('shop_copy')).toEqual(WHOLE);
    // A second one of that name is in the way, and stays as it is.
    expect((await plan(asked)).plan.conflicts).toEqual(['DATABASE shop_copy']);
    expect(await restore(asked)).toMatchObject({
      state: 'failed',
      error: { code: 'E_TARGET_NOT_EMPTY' },
      restore: { state: 'untouched', newDatabase: 'shop_copy', ways: ['again'] },
    });
    expect(await held('shop_copy')).toEqual(WHOLE);
    const bad = await serving.call('POST', '/restore', { backup, newDatabase: '../x', dryRun: true });
    expect(bad.status).toBe(400);
  });

  it('makes it on the server of a target too', async () => {
    expect(await restore({ to: 'scratch', newDatabase: 'beside_scratch' })).toMatchObject({
      state: 'succeeded',
      target: 'beside_scratch',
    });
    expect(await held('beside_scratch')).toEqual(WHOLE);
    expect((await plan({ to: 'scratch' })).plan.conflicts).toEqual([]);
  });

  it('says what a restore has left that stopped half way, and ends it by replacing', async () => {
    const obstacle: Obstacle = await obstructOrders(server, 'scratch', 'waits');
    const run = await begin({ to: 'scratch' });
    await obstacle.met();
    await serving.json('DELETE', `/runs/${run}`, undefined, 202);
    const over = await serving.over(run);
    expect(over).toMatchObject({
      state: 'cancelled',
      restore: {
        to: 'scratch',
        mode: 'empty',
        state: 'part',
        missing: expect.arrayContaining(['public.orders']),
      },
    });
    expect(over.restore.ways).toContain('replace');
    expect(over.error.hint).toContain('--replace');
    await obstacle[Symbol.asyncDispose]();
    expect((await plan({ to: 'scratch' })).plan.conflicts.length).toBeGreaterThan(0);
    expect(await restore({ to: 'scratch', replace: true })).toMatchObject({
      state: 'succeeded',
      restore: { state: null },
    });
    expect(await held('scratch')).toEqual(WHOLE);
  });

  it('names the datasets that are missing, and restores these alone', async () => {
    await server.query('scratch', 'drop table orders, customers');
    const obstacle = await obstructOrders(server, 'scratch', 'refuses');
    const over = await restore({ to: 'scratch' });
    expect(over).toMatchObject({
      state: 'failed',
      error: { code: 'E_RESTORE_INCOMPLETE' },
      restore: { state: 'incomplete', missing: ['public.orders'], ways: ['missing', 'replace'] },
    });
    await obstacle[Symbol.asyncDispose]();
    const rest = { to: 'scratch', datasets: over.restore.missing, replace: true };
    const { plan: found } = await plan(rest);
    expect(found.drops.join()).toContain('orders');
    expect(found.drops.join()).not.toContain('customers');
    expect(await restore(rest)).toMatchObject({ state: 'succeeded' });
    expect(await held('scratch')).toEqual(WHOLE);
  });

  it('leaves a target alone that has something, and offers to replace it', async () => {
    const over = await restore({ to: 'scratch' });
    expect(over).toMatchObject({
      state: 'failed',
      error: { code: 'E_TARGET_NOT_EMPTY' },
      restore: { state: 'untouched', ways: ['again', 'replace'] },
    });
  });

  it('warns of a target that looks like the wrong one', async () => {
    const warnings = async (asked: object) => (await plan(asked)).plan.warnings;
    expect(await warnings({ to: 'crm_copy' })).toEqual([
      'crm_copy is named after crm, but this backup is from shop.',
    ]);
    expect(await warnings({ to: 'live' })).toEqual([
      'live is the live database of shop: everything written since this backup will be lost.',
    ]);
    expect(await warnings({ to: 'scratch' })).toEqual([]);
  });
});

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

const it = turnOfAll(2);

/** Rows that came after a backup, and a database that went away: judged by the server's SQL. */
describe('a backup and its database as it is now, by the API', () => {
  let folder: string;
  let server: PostgresServer;
  /** Of a source of its own, which goes away. */
  let leaving: PostgresServer;
  let serving: Serving;
  let backup: string;
  const back = async (source: string) => {
    const { run } = await serving.json('POST', '/create', { source, type: 'daily' }, 202);
    return path.basename((await serving.over(run)).backup, '.json');
  };
  const sql = async (text: string) => (await server.query('shop', text)).rows;
  const get = (where: string, query: Record<string, string>) =>
    serving.json('GET', `${where}?${new URLSearchParams(query)}`);
  const plan = (asked: object) => serving.json('POST', '/restore', { backup, ...asked, dryRun: true });
  const restore = async (asked: object) => {
    const { confirm } = await plan(asked);
    const { run } = await serving.json('POST', '/restore', { backup, ...asked, confirm }, 202);
    return serving.over(run);
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-inside-'));
    [server, leaving] = await Promise.all([ownPostgres(18), ownPostgres(18)]);
    const shop = { kind: 'postgres', url: await server.createDatabase('shop') };
    await sql(
      `create table customers (id int primary key, email text, note text, balance numeric(12,2));
       insert into customers select i, 'c' || i || '@shop.example', null, i / 7.0 from generate_series(1, 20) i;
       create table orders (customer int references customers on delete cascade, place int, what text, primary key (customer, place));
       insert into orders select i, p, 'what ' || i || '.' || p from generate_series(1, 20) i, generate_series(1, 3) p`,
    );
    const gone = { kind: 'postgres', url: await leaving.createDatabase('gone') };
    await leaving.query('gone', 'create table t as select 1 as v');
    const config = { repository: './backups', sources: { shop, leaving: gone }, targets: { shop } };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
    serving = await startServing('', world);
    backup = await back('shop');
    await sql('create table orders_were as select * from orders');
  }, 120_000);
  afterAll(async () => {
    await serving?.[Symbol.asyncDispose]();
    await Promise.all([server?.stop(), leaving?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('removes rows that came later if they are named, unless they changed or others refer to them', async () => {
    await sql(`insert into customers values (6000, 'import', null, 1), (6001, 'import', null, 1);
      insert into orders values (6001, 1, 'x')`);
    const customers = { dataset: 'public.customers' };
    const row = (id: string, more: object = {}) => ({ id, email: 'import', note: null, ...more });
    const asked = (...remove: object[]) => ({ to: 'shop', rows: { ...customers, remove } });
    expect((await plan(asked(row('6000'), row('6001')))).plan).toMatchObject({
      conflicts: [expect.stringMatching(/public.orders refer to \(6001\), which would be removed/)],
      rows: { datasets: [{ added: 0, changed: 0, removed: 2, notFound: 0 }] },
    });
    const changed = asked({ id: '6000', email: 'otherwise' });
    expect((await plan(changed)).plan.conflicts).toEqual([
      'public.customers: 1 row to be removed changed since',
    ]);
    expect(await restore(changed)).toMatchObject({ state: 'failed', error: { code: 'E_ROWS_REFUSED' } });
    expect(await restore(asked(row('6000')))).toMatchObject({
      state: 'succeeded',
      result: { records: 1, added: 0, changed: 0, removed: 1 },
    });
    // In one transaction with rows that come back.
    await sql('delete from customers where id = 5; update orders set what = $$y$$ where customer = 6001');
    const both = {
      to: 'shop',
      rows: {
        ...customers,
        keys: [['5']],
        remove: [{ id: '6001' }],
        more: [
          { dataset: 'public.orders', where: ['customer = 5'] },
          { dataset: 'public.orders', remove: [{ customer: '6001', place: '1' }] },
        ],
      },
    };
    const answer = await serving.call('POST', '/restore', { backup, ...both, dryRun: true });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('named twice')]);
    const [orders] = both.rows.more;
    const once = {
      ...both,
      rows: { ...both.rows, more: [{ ...orders, remove: [{ customer: '6001', place: '1' }] }] },
    };
    expect(await restore(once)).toMatchObject({ state: 'succeeded', result: { added: 4, removed: 2 } });
    expect(await sql('select id from customers where id >= 6000 or id = 5')).toEqual([{ id: 5 }]);
    expect(await sql('select * from orders except all select * from orders_were')).toEqual([]);
    await sql(`insert into customers values (6002, 'late', null, 1); delete from orders where customer = 7;
      delete from customers where id = 7`);
    const all = { all: true, remove: [{ id: '6002' }], more: [{ dataset: 'public.orders', all: true }] };
    expect(await restore({ to: 'shop', rows: { ...customers, ...all } })).toMatchObject({
      state: 'succeeded',
      result: { changed: 0, removed: 1 },
    });
    expect(await sql('select id from customers where id >= 6000 or id = 7')).toEqual([{ id: 7 }]);
    expect(await sql('select * from orders_were except all select * from orders')).toEqual([]);
    const refusedBody = async (rows: object) => {
      const got = await serving.call('POST', '/restore', { backup, to: 'shop', rows, dryRun: true });
      return `${got.status} ${((await got.json()) as { detail: string }).detail}`;
    };
    expect(await refusedBody({ ...customers, all: true, keys: [['1']] })).toMatch(
      /^400 .*all rows of public.customers are chosen, and only some/,
    );
    expect(await refusedBody({ ...customers, remove: [{ email: 'x' }] })).toMatch(/^400 .*lacks id/);
    expect(await refusedBody({ ...customers, remove: [{ id: '1' }], beside: true })).toMatch(
      /^400 .*none of it can be removed/,
    );
  });

  it('says that a database cannot be reached, and what can be done', async () => {
    const left = await back('leaving');
    expect((await get(`/diff/${left}`, { with: 'live' })).with).toBe('live');
    await leaving.stop();
    const answer = await serving.call('GET', `/diff/${left}?with=live`);
    const problem = (await answer.json()) as { detail: string; hint: string };
    expect([answer.status, problem]).toMatchObject([
      502,
      {
        code: 'E_SOURCE_UNREACHABLE',
        detail: expect.stringMatching(/^leaving as it is now cannot be compared: postgres:.*ECONNREFUSED/),
        hint: expect.stringMatching(/that the server runs\. Other backups can be compared/),
      },
    ]);
    expect(JSON.stringify(problem)).not.toMatch(/:[^@/]*@/);
    expect((await get(`/diff/${left}`, { with: left })).with).toContain(left);
  });
});

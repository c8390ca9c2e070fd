import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { MariadbServer } from '../../../tools/mariadb-server.ts';
import { runCommand } from '../../support/command-line.ts';
import { describeWithMysql, openTestServer } from '../../support/mysql-server.ts';
import { TEST_KEY } from '../../support/repository/engine.ts';
import { turnOfAll } from '../../support/repository/torture.ts';
import { type Serving, startServing } from '../../support/serving.ts';

const it = turnOfAll(3);

/** The same of MariaDB, judged by its SQL. */
describeWithMysql('looking inside by the API, of MariaDB', () => {
  let folder: string;
  let server: MariadbServer;
  let serving: Serving;
  let backup: string;

  const run = async (...statements: readonly string[]) => {
    for (const sql of statements) await server.query('inside', sql);
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-inside-'));
    server = await openTestServer();
    await server.query(undefined, 'create or replace database inside');
    await run(
      `create table customers (id bigint unsigned primary key, name varchar(40), photo varbinary(8), born date, balance decimal(12,2))`,
      `insert into customers select seq, concat('Zoë ', seq), unhex('00ff'), if(seq % 5 = 0, null, '2001-02-03'), seq / 7
         from seq_1_to_300`,
      `create table orders (customer bigint unsigned, place int, primary key (customer, place),
         foreign key (customer) references customers (id) on delete cascade)`,
      'insert into orders select seq, 1 from seq_1_to_300',
    );
    const shop = { kind: 'mysql', url: server.url('inside') };
    const config = { repository: './backups', sources: { shop }, targets: { shop } };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
    serving = await startServing('', world);
    const created = await serving.json('POST', '/create', { source: 'shop', type: 'daily' }, 202);
    backup = path.basename((await serving.over(created.run)).backup, '.json');
    await run(
      'create table was as select * from customers',
      'delete from customers where id = 42',
      'update customers set balance = 0 where id <= 3',
    );
  });
  afterAll(async () => {
    await serving?.[Symbol.asyncDispose]();
    await server?.query(undefined, 'drop database if exists inside').catch(() => {});
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('shows rows as the server writes them, what differs, and puts a row back with what hung on it', async () => {
    const dataset = 'customers';
    const where = JSON.stringify(['id >= 41', 'id < 46']);
    const page = await serving.json('GET', `/rows/${backup}?${new URLSearchParams({ dataset, where })}`);
    const wanted = await server.query(
      'inside',
      `select cast(id as char), name, cast(born as char), cast(balance as char) from was where id between 41 and 45 order by id`,
    );
    expect(
      page.rows.map(({ values: [id, name, , born, balance] }: { values: string[] }) => [
        id,
        name,
        born,
        balance,
      ]),
    ).toEqual(wanted.map((row: object) => Object.values(row)));
    const asked = new URLSearchParams({ with: 'live', dataset });
    const { datasets } = await serving.json('GET', `/diff/${backup}?${asked}`);
    expect(datasets).toMatchObject([
      {
        added: 0,
        removed: 1,
        changed: 3,
        rows: [{ key: ['1'] }, { key: ['2'] }, { key: ['3'] }, { change: 'removed' }],
      },
    ]);
    const rows = { dataset, keys: [['42']], more: [{ dataset: 'orders', where: ['customer = 42'] }] };
    const body = { backup, to: 'shop', rows };
    const { plan, confirm } = await serving.json('POST', '/restore', { ...body, dryRun: true });
    expect(plan.rows).toMatchObject({ violations: [], datasets: [{ added: 1 }, { added: 1 }] });
    const begun = await serving.json('POST', '/restore', { ...body, confirm }, 202);
    expect(await serving.over(begun.run)).toMatchObject({ state: 'succeeded', result: { added: 2 } });
    expect(
      await server.query(
        'inside',
        `select count(*) as n from (select * from was where id > 3 except all select * from customers) x`,
      ),
    ).toMatchObject([{ n: expect.toSatisfy((n) => Number(n) === 0) }]);
  });
});

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { session, startProxy, until } from '../shared/sources/postgres/source/reading.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(5);

let server: PostgresServer;
let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string) => runCommand(line, { env, cwd });
const listed = async () => (await holdfast('list --json')).json().backups.length;

beforeAll(async () => {
  server = await ownPostgres(18);
  await server.createDatabase('shop');
  await server.query(
    'shop',
    `CREATE TABLE small AS SELECT 1 AS x;
     CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) AS x FROM generate_series(1, 15000) i;
     CREATE ROLE limited LOGIN PASSWORD 'pw'; GRANT SELECT ON small TO limited`,
  );
});
afterAll(() => server?.stop());

beforeEach(async () => {
  cwd = await newFolder();
  env = {
    HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
    BACKUP_ENCRYPTION_KEY: TEST_KEY,
    SHOP: server.url('shop'),
    USER: 'nobody',
  };
  expect(await holdfast('init')).toMatchObject({ status: 0 });
});

describe('a backup of a server', () => {
  it('that cannot be reached', async () => {
    env['SHOP'] = 'postgres://me:secret-word@127.0.0.1:1/shop';
    const result = await holdfast('backup --source env:SHOP -q');
    expect(result).toMatchObject(failure('E_SOURCE_UNREACHABLE', 'ECONNREFUSED'));
    expect(result.stderr).not.toContain('secret-word');
  });

  it('that refuses the password, or has no such database', async () => {
    const wrong = server.url('shop').replace(server.password, 'secret-word');
    env['SHOP'] = wrong;
    const refused = await holdfast('backup --source env:SHOP -q');
    expect(refused).toMatchObject(failure('E_SOURCE_REFUSED', 'password authentication failed'));
    expect(refused.stderr).not.toContain('secret-word');
    env['SHOP'] = server.url('nothing');
    expect(await holdfast('backup --source env:SHOP -q')).toMatchObject(
      failure('E_SOURCE_REFUSED', 'database "nothing" does not exist'),
    );
  });

  it('that is newer than pg_dump names both versions', async () => {
    const real = (await server.query('shop', "SELECT current_setting('server_version_num') AS n")).rows[0].n;
    const proxy = await startProxy(server.port, { from: real, to: '190001' });
    env['SHOP'] = server.url('shop').replace(`:${server.port}/`, `:${proxy.port}/`);
    expect(await holdfast('backup --source env:SHOP -q')).toMatchObject(
      failure(
        'E_SOURCE_UNSUPPORTED',
        /the server is PostgreSQL .*; pg_dump 18 cannot read a newer major version/,
      ),
    );
    expect(await listed()).toBe(0);
  });

  it('of which one table may not be read fails and names it', async () => {
    env['SHOP'] = server.url('shop').replace(/\/\/[^@]*@/, '//limited:pw@');
    const result = await holdfast('backup --source env:SHOP -q');
    expect(result).toMatchObject(failure('E_SOURCE_DENIED', 'public.big (no SELECT)'));
    expect(result.stderr).not.toContain('public.small');
    expect(await listed()).toBe(0);
  });

  it('of which a table is dropped again and again while it is read', async () => {
    await server.createDatabase('migrating');
    await server.query('migrating', 'CREATE TABLE kept AS SELECT 1 AS x; CREATE TABLE t AS SELECT 1 AS x');
    env['SHOP'] = server.url('migrating');
    const migration = await session(env['SHOP']);
    const watcher = await session(env['SHOP']);
    const waits =
      "SELECT 1 FROM pg_stat_activity WHERE datname = 'migrating' AND application_name = 'holdfast' AND wait_event_type = 'Lock'";
    let isOver = false;
    await migration.query('BEGIN; DROP TABLE t; CREATE TABLE t AS SELECT 1 AS x');
    const migrating = (async () => {
      while (!isOver) {
        if ((await watcher.query(waits)).rowCount === 0) continue;
        await migration.query('COMMIT AND CHAIN; DROP TABLE t; CREATE TABLE t AS SELECT 1 AS x');
      }
    })();
    const result = await holdfast('backup --source env:SHOP -q');
    isOver = true;
    await migrating;
    await migration.query('ROLLBACK');
    expect(result).toMatchObject(failure('E_SOURCE_CHANGED', 'public.t'));
    expect(await listed()).toBe(0);
    expect(await holdfast('backup --source env:SHOP')).toMatchObject({ status: 0 });
  });

  it('whose connection is lost half way', async () => {
    const proxy = await startProxy(server.port, { cutAfterBytes: 4_000_000 });
    env['SHOP'] = server.url('shop').replace(`:${server.port}/`, `:${proxy.port}/`);
    expect(await holdfast('backup --source env:SHOP -q')).toMatchObject(
      failure('E_SOURCE_LOST', /127\.0\.0\.1:\d+\/shop: /),
    );
    expect(await listed()).toBe(0);
    env['SHOP'] = server.url('shop');
    expect(await holdfast('backup --source env:SHOP')).toMatchObject({ status: 0 });
    expect(await holdfast('verify --all')).toMatchObject({ status: 0 });
  });

  it('that has nothing in it', async () => {
    env['SHOP'] = await server.createDatabase('nothing_in_it');
    expect(await holdfast('backup --source env:SHOP -q')).toMatchObject(
      failure('E_EMPTY_READ', 'the database has no tables'),
    );
    expect(await listed()).toBe(0);
  });
});

it('exports a table into a file that is not there yet, and says what it wrote', async () => {
  await holdfast('backup --source env:SHOP');
  const line = 'export latest -d public.small -f csv -o small.csv --json';
  const made = (await holdfast(line)).json();
  expect(Object.keys(made)).toEqual(['key', 'format', 'output', 'bytes']);
  expect(await readFile(path.join(cwd, 'small.csv'), 'utf8')).toBe('x\r\n1\r\n');
  expect((await holdfast(line)).json().error).toMatchObject({ code: 'E_TARGET_NOT_EMPTY', exitStatus: 11 });
  expect(await readdir(cwd)).not.toContainEqual(expect.stringContaining('.tmp-'));
});

describe('a restore', () => {
  beforeEach(async () => {
    expect(await holdfast('backup --source env:SHOP')).toMatchObject({ status: 0 });
  });

  it('into a database that is taken changes nothing, and says how to go on', async () => {
    env['BACK'] = await server.createDatabase(`taken_${path.basename(cwd)}`);
    await server.query(`taken_${path.basename(cwd)}`, 'CREATE TABLE small (mine text)');
    expect(await holdfast('restore latest --to env:BACK -q')).toMatchObject(
      failure('E_TARGET_NOT_EMPTY', 'the target has TABLE public.small already; nothing was changed'),
    );
    expect(await holdfast('restore latest --to env:BACK -q --replace')).toMatchObject(
      failure('E_USAGE', 'Drop 1 object of'),
    );
  });

  it('whose connection is lost half way says so, and goes through when run again', async () => {
    const name = `lost_${path.basename(cwd)}`;
    const url = await server.createDatabase(name);
    const proxy = await startProxy(server.port, { cutAfterBytes: 4_000_000 });
    env['BACK'] = url.replace(`:${server.port}/`, `:${proxy.port}/`);
    const lost = await holdfast('restore latest --to env:BACK -q');
    expect(lost).toMatchObject(failure('E_SOURCE_LOST', `/${name}: `));
    expect(lost.stderr).toContain('run it again with --replace');
    env['BACK'] = url;
    expect(await holdfast('restore latest --to env:BACK -q --replace --yes')).toMatchObject({ status: 0 });
    await until(await session(url), 'SELECT 1 FROM big HAVING count(*) = 15000');
  });

  it('by a user who may not make anything there', async () => {
    env['BACK'] = (await server.createDatabase(`denied_${path.basename(cwd)}`)).replace(
      /\/\/[^@]*@/,
      '//limited:pw@',
    );
    expect(await holdfast('restore latest --to env:BACK -q --no-owner --no-privileges')).toMatchObject(
      failure('E_SOURCE_DENIED', 'TABLE public.big'),
    );
  });
});

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { type CommandResult, runArguments } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';

describe('SQL over backups', () => {
  let server: PostgresServer;
  let cwd: string;
  let holdfast: (...words: readonly string[]) => Promise<CommandResult>;
  const keys: string[] = [];

  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    const env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      SHOP: server.url('shop'),
    };
    holdfast = (...words) => runArguments(words, { env, cwd });
    await holdfast('init');
    for (const sql of [
      `CREATE TABLE orders (id bigint PRIMARY KEY, customer text, total numeric(10,2), paid boolean, doc jsonb, tags text[], raw bytea);
       INSERT INTO orders VALUES (1, 'Ada', 10, true, '{"a": 1.50}', '{x,y}', '\\x00ff'), (2, E'O''Hara,\\n"B"', 9.5, false, NULL, NULL, NULL),
         (9007199254740993, NULL, 12345678.9, NULL, NULL, '{}', '');
       CREATE TABLE "a/b" (x numeric); INSERT INTO "a/b" VALUES (0.1)`,
      'DELETE FROM orders WHERE id = 1; DROP TABLE "a/b"',
    ]) {
      await server.query('shop', sql);
      keys.push((await holdfast('backup', '--source', 'env:SHOP', '--json')).json()['key']);
    }
  }, 120_000);
  afterAll(async () => {
    await server?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  const query = (sql: string, ...more: readonly string[]) => holdfast('query', keys[0] ?? '', sql, ...more);

  it('shows a table, CSV and JSON', async () => {
    const people = await query('SELECT id, customer, total FROM orders WHERE id < 9 ORDER BY id');
    expect([people.status, people.stdout]).toEqual([
      0,
      'id  customer      total\n 1  Ada           10.00\n 2  O\'Hara,\\n"B"   9.50\n',
    ]);
    const csv = await query('SELECT customer, paid, raw FROM orders ORDER BY id', '-f', 'csv');
    expect(csv.stdout).toBe('customer,paid,raw\r\nAda,true,\\x00ff\r\n"O\'Hara,\n""B""",false,\r\n,,\\x\r\n');
    const json = await query('SELECT * FROM orders ORDER BY id', '-f', 'json');
    expect(JSON.parse(json.stdout)).toEqual([
      { id: 1, customer: 'Ada', total: 10, paid: true, doc: { a: 1.5 }, tags: ['x', 'y'], raw: '\\x00ff' },
      { id: 2, customer: 'O\'Hara,\n"B"', total: 9.5, paid: false, doc: null, tags: null, raw: null },
      {
        id: '9007199254740993',
        customer: null,
        total: 12345678.9,
        paid: null,
        doc: null,
        tags: [],
        raw: '\\x',
      },
    ]);
    const document = (
      await query('SELECT id, count(*) AS n FROM orders GROUP BY id ORDER BY 1', '-n', '1', '--json')
    ).json();
    expect(document).toEqual({
      backups: [keys[0]],
      columns: [
        { name: 'id', type: 'BIGINT' },
        { name: 'n', type: 'BIGINT' },
      ],
      isCut: true,
      warnings: [],
      rows: [{ id: 1, n: 1 }],
    });
    expect((await query('SELECT 1 AS x, 2 AS x', '--format', 'csv')).stdout).toBe('x,x_2\r\n1,2\r\n');
  });

  it('says what should be known of the rows, also if it shows only some of them', async () => {
    const some = await query('SELECT x FROM "a/b", range(5000)', '-n', '1', '--json');
    expect(some.json()).toMatchObject({
      isCut: true,
      rows: [{ x: '0.1' }],
      warnings: [expect.stringContaining('numeric is read as text')],
    });
    expect((await query('SELECT count(*) FROM "a/b"')).stderr).toBe('');
  });

  it('joins two backups', async () => {
    const gone = await holdfast(
      'query',
      ...keys,
      'SELECT id, customer FROM a.orders EXCEPT SELECT id, customer FROM b.public.orders',
    );
    expect(gone.stdout).toBe('id  customer\n 1  Ada\n');
  });

  it('writes Parquet of a query and of a whole backup, which DuckDB reads', async () => {
    const read = async (sql: string) => {
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      const rows = await (await connection.run(sql)).getRowsJson();
      connection.closeSync();
      instance.closeSync();
      return rows;
    };
    const file = path.join(cwd, 'paid.parquet');
    const written = await query(
      'SELECT id, total FROM orders WHERE paid',
      '-f',
      'parquet',
      '-o',
      'paid.parquet',
    );
    expect([written.status, written.stdout]).toEqual([0, expect.stringContaining('Wrote paid.parquet')]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await read(`SELECT id, total, typeof(total) FROM '${file}'`)).toEqual([
      ['1', '10.00', 'DECIMAL(10,2)'],
    ]);
    expect((await query('SELECT 1', '-f', 'parquet', '-o', 'paid.parquet')).status).toBe(11);
    const broken = await query("SELECT 'x'::int", '-f', 'parquet', '-o', 'broken.parquet');
    expect([broken.status, (await readdir(cwd)).toSorted()]).toEqual([2, ['paid.parquet', 'repository']]);

    const exported = (
      await holdfast('export', keys[0] ?? '', '-f', 'parquet', '-o', 'shop', '--json')
    ).json();
    expect(exported).toMatchObject({
      key: keys[0],
      format: 'parquet',
      output: 'shop',
      warnings: [expect.stringContaining('numeric is read as text')],
    });
    expect((await readdir(path.join(cwd, 'shop'))).toSorted()).toEqual(
      ['public."a%2Fb".parquet', 'public.orders.parquet'].map((name) => name.replaceAll('"', '%22')),
    );
    const whole = `SELECT * FROM '${path.join(cwd, 'shop', 'public.orders.parquet')}' ORDER BY id`;
    expect(await read(`SELECT count(*), sum(total)::text, max(len(tags)) FROM (${whole})`)).toEqual([
      ['3', '12345698.40', '2'],
    ]);
    expect((await holdfast('export', keys[0] ?? '', '-f', 'parquet', '-o', 'shop')).status).toBe(11);
    expect((await holdfast('export', keys[0] ?? '', '-f', 'parquet')).stderr).toContain('--output FOLDER');
    expect(
      (await holdfast('export', keys[0] ?? '', '-f', 'parquet', '-o', 'x', '-d', 'public.order')).status,
    ).toBe(10);
  });

  it('writes CSV to a file', async () => {
    const { status } = await query('SELECT id FROM orders ORDER BY id LIMIT 2', '-f', 'csv', '-o', 'ids.csv');
    expect([status, await readFile(path.join(cwd, 'ids.csv'), 'utf8')]).toEqual([0, 'id\r\n1\r\n2\r\n']);
  });

  it('says what is wrong, and what would be right', async () => {
    const wrong = async (...words: readonly string[]) => {
      const { status, stderr } = await holdfast('query', ...words);
      return `${status} ${stderr}`;
    };
    expect(await wrong('SELECT 1')).toMatch(/^2 .*a backup and a statement are needed/s);
    expect(await wrong('latest', 'SELECT 1', '-f', 'xml')).toMatch(
      /^2 .*--format is 'xml'; allowed are table/s,
    );
    expect(await wrong('latest', 'SELECT 1', '-f', 'parquet')).toMatch(/^2 .*--output FILE/s);
    expect(await wrong('latest', 'SELECT 1', '-o', 'x')).toMatch(/^2 .*--format csv, json or parquet/s);
    expect(await wrong('latest', 'SELECT 1', '--memory', '3')).toMatch(/^2 .*allowed are sizes from 64MiB/s);
    expect(await wrong('20200101', 'SELECT 1')).toMatch(/^10 /);
    expect(await wrong('latest', 'SELECT * FROM ordrs')).toMatch(
      /^10 .*no backup of this query has a dataset 'ordrs'.*orders/s,
    );
    const [both, only] = [await wrong(...keys, 'SELECT * FROM orders'), await wrong(...keys, 'FROM b."a/b"')];
    expect(both).toMatch(/^10 .*called 'orders'.*Its name here is a\.public\.orders, b\.public\.orders\./s);
    expect(only).toMatch(/^10 .*called 'b\."a\/b"'.*Only a has one: a\.public\.a\/b\./s);
    expect(await wrong('latest', 'SELECT custmer FROM orders')).toMatch(/^2 .*custmer.*line 1, column 8/s);
    expect(await wrong('latest', 'CREATE TABLE x (y int)')).toMatch(/^2 .*can only read/s);
  });
});

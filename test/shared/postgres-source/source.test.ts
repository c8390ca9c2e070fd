import { chmod, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { testSource } from '../../../shared/jobs/test-source.ts';
import { openPostgresChecks } from '../../../shared/sources/postgres/checks.ts';
import { connect, query } from '../../../shared/sources/postgres/connection.ts';
import { copyOut } from '../../../shared/sources/postgres/copy-out.ts';
import { takeInventory } from '../../../shared/sources/postgres/datasets.ts';
import type { CopyAttributes } from '../../../shared/sources/postgres/datasets-attributes.ts';
import { quoteIdent, quoteQualified } from '../../../shared/sources/postgres/identifiers.ts';
import { parsePostgresOptions } from '../../../shared/sources/postgres/options.ts';
import { Snapshot } from '../../../shared/sources/postgres/snapshot.ts';
import { checkVersion } from '../../../shared/sources/postgres/snapshot-session.ts';
import { openPostgresSource, PostgresSource } from '../../../shared/sources/postgres/source.ts';
import { type PostgresServer, startPostgres } from '../../../tools/embedded-postgres.ts';
import { datasetOf, everythingSql, never, readAll, session, startProxy, until } from './reading.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

let databases = 0;

async function database(sql: string): Promise<string> {
  const name = `db${++databases}`;
  const url = await server.createDatabase(name);
  await server.query(name, sql);
  return url;
}

const optionsOf = (url: string) => parsePostgresOptions(url, {}, {});

async function open(url: string, pagesPerPartition?: number) {
  const source = new PostgresSource(optionsOf(url), pagesPerPartition ? { pagesPerPartition } : {});
  const view = await source.open(never);
  onTestFinished(() => view[Symbol.asyncDispose]());
  return view;
}

describe('a database with everything', () => {
  let url: string;

  beforeAll(async () => {
    url = await database(await everythingSql());
  });

  test('gives every table’s rows as COPY writes them', async () => {
    const view = await open(url);
    const client = await session(url);
    await client.query("SET search_path = ''");
    const folder = path.join(server.dataFolder, 'copies');
    await mkdir(folder);
    await chmod(folder, 0o777);
    let tables = 0;
    for (const { name, attributes } of view.datasets) {
      if (attributes['role'] !== 'table') continue;
      const { columns, schema, table } = attributes as CopyAttributes;
      const list = columns.length > 0 ? `(${columns.map((column) => quoteIdent(column.name))})` : '';
      const file = path.join(folder, `${++tables}`);
      await client.query(`COPY ${quoteQualified(String(schema), String(table))} ${list} TO '${file}'`);
      expect(await readAll(view, name), name).toBe(await readFile(file, 'utf8'));
    }
    expect(tables).toBe(36);
  });

  test('names tables as a person would, parents of partitions and foreign tables aside', async () => {
    const names = (await open(url)).datasets.map(({ name }) => name);
    expect(names).toContain('public."sequence values"');
    expect(names).toContain('"Odd ""Schema"".x"."Table with "" quote, dot . and 漢字"');
    expect(names).toContain('shop.events_other');
    expect(names).not.toContain('shop.events');
    expect(names).not.toContain('shop.remote');
    expect(new Set(names).size).toBe(names.length);
  });

  test('leaves generated columns out and keeps rows of tables without columns', async () => {
    const view = await open(url);
    const { columns } = datasetOf(view, 'shop.customers').attributes as CopyAttributes;
    expect(columns.map(({ name }) => name)).not.toContain('upper_name');
    expect(await readAll(view, 'shop.no_columns')).toBe('\n\n\n');
    expect(await readAll(view, 'shop.only_generated')).toBe('\n');
  });

  test('gives sequences’ values as they are, called or not', async () => {
    const values = (await readAll(await open(url), 'sequence values')).split('\n');
    expect(values).toContain('shop\tuntouched\t5\tf');
    expect(values).toContain('shop\tused\t7\tt');
    expect(values).toContain('shop\tset_not_called\t99\tf');
    expect(values).toContain('Odd "Schema".x\tseq.with "dots"\t9223372036854775807\tt');
  });

  test('gives large objects with owner, privileges and comment, and their bytes piece by piece', async () => {
    const view = await open(url);
    const objects = (await readAll(view, 'large objects'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(objects.map(([oid]) => oid)).toEqual(['424201', '424202', '424203', '424204']);
    expect(objects[0]).toMatchObject({ 1: 'everything_owner', 3: 'a large\\nobject\'s "comment" \\\\' });
    expect(JSON.parse(objects[0]![2]!)).toContainEqual({
      grantor: 'everything_owner',
      grantee: 'everything reader',
      privilege: 'SELECT',
      grantable: true,
    });
    expect(objects[2]![2]).toBe('[]');
    expect(objects[3]![2]).toBe('\\N');
    const pieces = (await readAll(view, 'large object data'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    const bytes = (oid: string) =>
      Buffer.from(
        pieces
          .filter(([one]) => one === oid)
          .map(([, , hex]) => hex!.slice(3))
          .join(''),
        'hex',
      );
    expect(bytes('424201')).toEqual(Buffer.from('00ff5c0a'.repeat(25000), 'hex'));
    expect(bytes('424202')).toHaveLength(0);
    expect(bytes('424204')).toHaveLength(100_012);
    expect(bytes('424204').toString('latin1')).toMatch(/^start\0+after a hole$/);
  });

  test('gives a schema without versions that is the same each time', async () => {
    const view = await open(url);
    const pre = await readAll(view, 'pre-data');
    expect(pre.split('\n').slice(0, 5).join('\n')).toBe(
      '--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;',
    );
    expect(pre).toContain('CREATE TABLE shop.virtual_columns');
    expect(pre).toContain('\n\\restrict not-a-command\n');
    expect(pre).not.toMatch(/^\\restrict [A-Za-z0-9]{20,}$/m);
    expect(pre).not.toContain('Dumped');
    expect(await readAll(await open(url), 'pre-data')).toBe(pre);
    const post = await readAll(view, 'post-data');
    expect(post).toContain('REFRESH MATERIALIZED VIEW shop.totals;');
    expect(post).not.toContain('REFRESH MATERIALIZED VIEW shop.not_populated');
  });

  test('gives what belongs to the database itself', async () => {
    const name = new URL(url).pathname.slice(1);
    await server.query(
      'postgres',
      `ALTER DATABASE ${name} SET work_mem = '7MB'; COMMENT ON DATABASE ${name} IS 'all'`,
    );
    const text = await readAll(await open(url), 'database');
    expect(text).toContain(`CREATE DATABASE ${name} `);
    expect(text).toContain("SET work_mem TO '7MB'");
    expect(text).toContain("IS 'all'");
    expect(text).not.toContain('CREATE TABLE');
  });

  test('says what is left out', async () => {
    const { omitted } = await open(url);
    expect(omitted.join('\n')).toMatch(/Passwords of roles/);
    expect(omitted.join('\n')).toContain('shop.remote');
    expect(omitted.join('\n')).toContain('shop.totals, shop.totals_of_totals');
  });
});

describe('one moment for everything', () => {
  test('transfers between tables are never seen half', async () => {
    const url =
      await database(`CREATE TABLE l (id int PRIMARY KEY, n int); CREATE TABLE r (id int PRIMARY KEY, n int);
      INSERT INTO l SELECT i, 100 FROM generate_series(1, 500) i; INSERT INTO r SELECT i, 0 FROM generate_series(1, 500) i`);
    const writer = await session(url);
    let stop = false;
    let transfers = 0;
    const writing = (async () => {
      for (; !stop; transfers++)
        await writer.query(`BEGIN; UPDATE l SET n = n - 1 WHERE id = ${1 + (transfers % 500)};
          UPDATE r SET n = n + 1 WHERE id = ${500 - (transfers % 500)}; COMMIT`);
    })();
    const view = await open(url);
    const seenAtOpen = transfers;
    // The first reader is kept busy, so that the second table is read by another session, later.
    const dataset = datasetOf(view, 'public.l');
    const rows = view.read(dataset, dataset.partitions[0]!, never)[Symbol.asyncIterator]();
    const left = Buffer.from((await rows.next()).value!).toString();
    while (transfers < seenAtOpen + 50) await writer.query('SELECT 1');
    const right = await readAll(view, 'public.r');
    expect((await rows.next()).done).toBe(true);
    stop = true;
    await writing;
    const sum = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .reduce((total, line) => total + Number(line.split('\t')[1]), 0);
    expect(sum(left) + sum(right)).toBe(50_000);
    expect(sum(right)).toBeLessThan(transfers);
  });

  test('a table cannot be dropped while it is being backed up', async () => {
    const url = await database('CREATE TABLE t AS SELECT 1 AS x');
    const view = await open(url);
    const other = await session(url);
    await other.query("SET lock_timeout = '50ms'");
    await expect(other.query('DROP TABLE t')).rejects.toMatchObject({ code: '55P03' });
    expect(await readAll(view, 'public.t')).toBe('1\n');
  });

  test.each([
    ['dropped', 'DROP TABLE t', ['public.other']],
    ['truncated', 'TRUNCATE t', ['public.other', 'public.t']],
  ])('a table that is %s just before its lock makes the backup begin again', async (_, change, expected) => {
    const url = await database('CREATE TABLE t AS SELECT 1 AS x; CREATE TABLE other AS SELECT 2 AS x');
    const migration = await session(url);
    const watcher = await session(url);
    await migration.query(`BEGIN; ${change}`);
    const opening = open(url);
    await until(
      watcher,
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'holdfast' AND wait_event_type = 'Lock'",
    );
    await migration.query('COMMIT');
    const view = await opening;
    expect(view.datasets.filter(({ kind }) => kind === 'data').map(({ name }) => name)).toEqual(expected);
    if (expected.includes('public.t')) expect(await readAll(view, 'public.t')).toBe('');
  });

  test.each([
    ['dropped', 'DROP TABLE t'],
    ['truncated', 'TRUNCATE t'],
  ])('a table that was %s after the snapshot is an error, not an empty table', async (_, change) => {
    const url = await database('CREATE TABLE t AS SELECT 1 AS x');
    await using snapshot = await Snapshot.take(optionsOf(url), never);
    await server.query(new URL(url).pathname.slice(1), change);
    await expect(takeInventory(snapshot, { pagesPerPartition: 1 }, never)).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: expect.stringContaining('public.t'),
    });
  });

  test('a table whose schema was swapped for another is an error', async () => {
    const url = await database(
      'CREATE SCHEMA a; CREATE TABLE a.t AS SELECT 1 AS x; CREATE SCHEMA b; CREATE TABLE b.t AS SELECT 2 AS x',
    );
    const view = await open(url);
    await server.query(
      new URL(url).pathname.slice(1),
      'ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a',
    );
    await expect(readAll(view, 'a.t')).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
  });
});

describe('objects that no lock keeps', () => {
  test.each([
    ['a view', 'DROP VIEW v', 'pre-data'],
    ['a function', 'DROP FUNCTION f(int)', 'pre-data'],
    ['a type', 'DROP TYPE pair', 'pre-data'],
    ['a trigger of a view', 'DROP TRIGGER g ON v', 'post-data'],
    ['a materialised view', 'DROP MATERIALIZED VIEW m', 'post-data'],
    ['a statistics object', 'DROP STATISTICS s', 'post-data'],
    ['a schema', 'DROP SCHEMA other CASCADE', 'pre-data'],
    ['a sequence', 'DROP SEQUENCE numbers', 'sequence values'],
  ])(
    '%s that is dropped while it is read is an error, never a part of a schema',
    async (_, change, dataset) => {
      const url = await database(
        `CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t; CREATE SEQUENCE numbers;
       CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER g INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION g();
       CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n'; CREATE TYPE pair AS (a int, b int);
       CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE STATISTICS s ON a, b FROM t;
       CREATE SCHEMA other; CREATE FUNCTION other.g(n int) RETURNS int LANGUAGE sql AS 'SELECT n'`,
      );
      const view = await open(url);
      await server.query(new URL(url).pathname.slice(1), change);
      await expect(readAll(view, dataset)).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
    },
  );

  test('an enum whose value is renamed makes the whole view worthless; a value more does not', async () => {
    const url = await database(
      "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t AS SELECT 'sad'::mood AS mood",
    );
    const view = await open(url);
    const name = new URL(url).pathname.slice(1);
    await server.query(name, "ALTER TYPE mood ADD VALUE 'ok'");
    await view.check(never);
    await server.query(name, "ALTER TYPE mood RENAME VALUE 'sad' TO 'down'");
    expect(await readAll(view, 'public.t')).toBe('down\n');
    await expect(view.check(never)).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: expect.stringContaining('public.mood'),
    });
  });
});

describe('large tables', () => {
  const PAGES = 8;

  test('are cut into ranges of pages that stay as the table grows', async () => {
    const url = await database(
      "CREATE TABLE t AS SELECT i, repeat('x', 500) AS x FROM generate_series(1, 500) i; CREATE TABLE s AS SELECT 1",
    );
    const first = await open(url, PAGES);
    await server.query(
      new URL(url).pathname.slice(1),
      "INSERT INTO t SELECT i, repeat('y', 500) FROM generate_series(501, 900) i",
    );
    const second = await open(url, PAGES);
    const plan = (view: typeof first) => datasetOf(view, 'public.t').partitions.map(({ name }) => name);
    expect(plan(first).slice(0, 3)).toEqual(['0000', '0001', '0002']);
    expect(plan(second).slice(0, plan(first).length)).toEqual(plan(first));
    expect(plan(second).length).toBeGreaterThan(plan(first).length);
    expect(datasetOf(first, 'public.s').partitions).toHaveLength(1);
    const ids = (text: string) =>
      text
        .trimEnd()
        .split('\n')
        .map((line) => Number(line.split('\t')[0]));
    expect(ids(await readAll(first, 'public.t'))).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(ids(await readAll(second, 'public.t'))).toEqual(Array.from({ length: 900 }, (_, i) => i + 1));
    const bytes = async (view: typeof first, index: number) => {
      const dataset = datasetOf(view, 'public.t');
      const blocks = await Array.fromAsync(view.read(dataset, dataset.partitions[index]!, never), (block) =>
        Buffer.from(block),
      );
      return Buffer.concat(blocks).toString();
    };
    expect(await bytes(second, 1)).toBe(await bytes(first, 1));
    expect(await bytes(first, 1)).not.toBe(await bytes(first, 2));
  });

  test('are read by several sessions at once, more readers wait their turn', async () => {
    const url = await database('CREATE TABLE t AS SELECT i FROM generate_series(1, 20000) i');
    const view = await open(url, PAGES);
    const dataset = datasetOf(view, 'public.t');
    expect(dataset.partitions.length).toBeGreaterThan(6);
    const counts = await Promise.all(
      dataset.partitions.map(async (partition) => {
        let lines = 0;
        for await (const block of view.read(dataset, partition, never))
          lines += Buffer.from(block).toString().split('\n').length - 1;
        return lines;
      }),
    );
    expect(counts.reduce((a, b) => a + b)).toBe(20_000);
    const client = await session(url);
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast'",
    );
    expect(rows[0].n).toBe(5);
  });

  test('rows longer than a block arrive whole', async () => {
    const url = await database(
      'CREATE TABLE t AS SELECT i, repeat(chr(64 + i), 300000 + i) AS x FROM generate_series(1, 4) i',
    );
    const text = await readAll(await open(url), 'public.t');
    expect(text).toBe(
      [1, 2, 3, 4].map((i) => `${i}\t${String.fromCharCode(64 + i).repeat(300_000 + i)}\n`).join(''),
    );
  });
});

describe('tables of extensions', () => {
  test('are read only where the extension asks for it, with its condition', async () => {
    const url = await database(`CREATE EXTENSION hstore;
      CREATE TABLE config AS SELECT i AS id FROM generate_series(1, 4) i; CREATE TABLE internal AS SELECT 1 AS id;
      CREATE TABLE mine AS SELECT 1 AS id; CREATE SEQUENCE internal_seq;
      ALTER EXTENSION hstore ADD TABLE config; ALTER EXTENSION hstore ADD TABLE internal; ALTER EXTENSION hstore ADD SEQUENCE internal_seq;
      UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY['WHERE id > 2'] WHERE extname = 'hstore'`);
    const view = await open(url);
    expect(view.datasets.filter(({ kind }) => kind === 'data').map(({ name }) => name)).toEqual([
      'public.config',
      'public.mine',
    ]);
    expect(datasetOf(view, 'public.config').attributes).toMatchObject({
      extension: 'hstore',
      condition: 'WHERE id > 2',
    });
    expect(await readAll(view, 'public.config')).toBe('3\n4\n');
  });
});

describe('what a role may not read', () => {
  let url: string;
  const as = (role: string) => url.replace(/\/\/[^@]*@/, `//${role}:pw@`);

  beforeAll(async () => {
    url =
      await database(`CREATE TABLE open_table AS SELECT 1 AS x; CREATE TABLE closed_table AS SELECT 1 AS x; CREATE SEQUENCE closed_sequence;
      CREATE ROLE limited LOGIN PASSWORD 'pw'; GRANT SELECT ON open_table TO limited;
      CREATE ROLE reader LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data`);
  });

  test('fails the backup and is named', async () => {
    await expect(openPostgresSource(as('limited'), {}, {}).open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringMatching(/public\.closed_table \(no SELECT\).*public\.closed_sequence/),
    });
  });

  test('is nothing with pg_read_all_data, until row security hides rows', async () => {
    const view = await openPostgresSource(as('reader'), {}, {}).open(never);
    expect(await readAll(view, 'public.closed_table')).toBe('1\n');
    expect(await readAll(view, 'pre-data')).toContain('closed_table');
    await view[Symbol.asyncDispose]();
    await server.query(new URL(url).pathname.slice(1), 'ALTER TABLE closed_table ENABLE ROW LEVEL SECURITY');
    await expect(openPostgresSource(as('reader'), {}, {}).open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringContaining('public.closed_table (row security hides rows)'),
    });
  });
});

test('what can be looked at before a first backup is told, with what stands against one', async () => {
  const url = await database(
    "CREATE TABLE shown (a int); CREATE TABLE hidden (a int); CREATE ROLE looker LOGIN PASSWORD 'p'",
  );
  const look = async (at: string) => {
    const { checks, failure } = await testSource(openPostgresChecks(at, {}, {}), {
      mayWrite: false,
      signal: never,
    });
    return { failure, outcomes: Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome])) };
  };
  const plain = { reach: 'holds', tls: 'differs', version: 'holds' };
  expect(await look(url)).toEqual({ failure: undefined, outcomes: { ...plain, snapshot: 'holds' } });
  const as = new URL(url);
  [as.username, as.password] = ['looker', 'p'];
  expect(await look(as.href)).toEqual({
    failure: 'E_SOURCE_DENIED',
    outcomes: { ...plain, snapshot: 'differs' },
  });
  as.pathname = '/nowhere';
  expect(await look(as.href)).toEqual({
    failure: 'E_SOURCE_REFUSED',
    outcomes: { reach: 'differs', tls: 'skipped', version: 'skipped', snapshot: 'skipped' },
  });
});

test('a database with nothing in it is not a backup', async () => {
  const url = await database('SELECT 1');
  await expect(open(url)).rejects.toMatchObject({ code: 'E_EMPTY_READ' });
});

describe('a connection that breaks', () => {
  const BIG =
    'CREATE TABLE big AS SELECT i, repeat(md5(i::text), 10) AS x FROM generate_series(1, 100000) i; CREATE TABLE small AS SELECT 1 AS x';
  const terminate = (which: string) =>
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast' AND ${which}`;

  test('in the middle of a table is an error, never a short table', async () => {
    const url = await database(BIG);
    const view = await open(url);
    const other = await session(url);
    const dataset = datasetOf(view, 'public.big');
    const rows = view.read(dataset, dataset.partitions[0]!, never)[Symbol.asyncIterator]();
    await rows.next();
    expect((await other.query(terminate("query LIKE 'COPY%'"))).rowCount).toBe(1);
    const rest = (async () => {
      while (!(await rows.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'E_SOURCE_LOST', details: { object: 'public.big' } });
    expect(await readAll(view, 'public.small')).toBe('1\n');
  });

  test('without a word from the server is an error too', async () => {
    const url = new URL(await database(BIG));
    const proxy = await startProxy(server.port);
    url.port = String(proxy.port);
    const view = await open(url.href);
    const dataset = datasetOf(view, 'public.big');
    const rows = view.read(dataset, dataset.partitions[0]!, never)[Symbol.asyncIterator]();
    await rows.next();
    proxy.cut();
    const rest = (async () => {
      while (!(await rows.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  test('that held the snapshot fails every read and the check at the end', async () => {
    const url = await database(BIG);
    const view = await open(url);
    const other = await session(url);
    expect(await readAll(view, 'public.small')).toBe('1\n');
    await other.query(
      terminate(
        "state = 'idle in transaction' AND backend_xmin IS NOT NULL AND query NOT LIKE '%to_regclass%'",
      ),
    );
    await expect(readAll(view, 'public.small')).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    await expect(view.check(never)).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  test('under pg_dump is an error', async () => {
    const url = await database(BIG);
    const view = await open(url);
    const other = await session(url);
    const { rows } = await other.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast'",
    );
    const before = rows.map(({ pid }) => pid).join();
    let stopped = false;
    const killing = (async () => {
      const isPgDump = `application_name = 'holdfast' AND query <> '' AND pid NOT IN (${before})`;
      while (!stopped) if ((await other.query(terminate(isPgDump))).rowCount) return;
    })();
    await expect(readAll(view, 'pre-data')).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    stopped = true;
    await killing;
  });

  test('because we stopped it is a stop, at once, and the server is rid of it', async () => {
    const url = await database(BIG);
    const view = await open(url);
    const controller = new AbortController();
    const dataset = datasetOf(view, 'public.big');
    const rows = view.read(dataset, dataset.partitions[0]!, controller.signal)[Symbol.asyncIterator]();
    await rows.next();
    controller.abort();
    const rest = (async () => {
      while (!(await rows.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'E_ABORTED' });
    await until(
      await session(url),
      "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database())",
    );
    expect(await readAll(view, 'public.small')).toBe('1\n');
  });

  test('because we stopped pg_dump is a stop', async () => {
    const view = await open(await database(BIG));
    const controller = new AbortController();
    const dataset = datasetOf(view, 'pre-data');
    const reading = Array.fromAsync(view.read(dataset, dataset.partitions[0]!, controller.signal));
    setImmediate(() => controller.abort());
    await expect(reading).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

describe('one session', () => {
  async function connected(): Promise<pg.Client> {
    const client = await connect(optionsOf(server.url()), never);
    onTestFinished(() => client.end().catch(() => undefined));
    return client;
  }

  test('is free for queries after a COPY', async () => {
    const client = await connected();
    const blocks = await Array.fromAsync(
      copyOut(client, 'COPY (SELECT generate_series(1, 3)) TO STDOUT', never, { object: 'x' }),
      (b) => Buffer.from(b).toString(),
    );
    expect(blocks).toEqual(['1\n2\n3\n']);
    expect(await query(client, 'SELECT 1 AS one', never)).toEqual([{ one: 1 }]);
  });

  test('goes on after its blocks were given away to another thread', async () => {
    const client = await connected();
    const rows = copyOut(client, 'COPY (SELECT generate_series(1, 100000)) TO STDOUT', never, {
      object: 'x',
    });
    let bytes = 0;
    for await (const block of rows) {
      bytes += block.length;
      structuredClone(block, { transfer: [block.buffer as ArrayBuffer] });
    }
    expect(bytes).toBe(588_895);
  });

  test('reports an error in the middle of a COPY with its SQLSTATE', async () => {
    const client = await connected();
    const rows = copyOut(
      client,
      'COPY (SELECT 1 / (5000 - i) FROM generate_series(1, 10000) i) TO STDOUT',
      never,
      { object: 'x' },
    );
    await expect(Array.fromAsync(rows)).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      details: { sqlState: '22012' },
    });
  });

  test('that is cut off in the middle of a COPY fails it', async () => {
    const proxy = await startProxy(server.port);
    const url = new URL(server.url());
    url.port = String(proxy.port);
    const client = await connect(optionsOf(url.href), never);
    const rows = copyOut(
      client,
      'COPY (SELECT repeat(i::text, 100) FROM generate_series(1, 100000) i) TO STDOUT',
      never,
      { object: 'x' },
    );
    await rows.next();
    proxy.cut();
    await expect(Array.fromAsync(rows)).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  test('stops a running query when aborted, on the server too', async () => {
    const client = await connected();
    const controller = new AbortController();
    const sleeping = query(client, 'SELECT pg_sleep(600)', controller.signal);
    const other = await session(server.url());
    await until(
      other,
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND wait_event = 'PgSleep'",
    );
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: 'E_ABORTED' });
    await until(
      other,
      "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')",
    );
  });
});

test('a server newer than pg_dump is refused with both versions, an ancient one too', () => {
  expect(() => checkVersion(190_001, '19.1')).toThrowError(
    expect.objectContaining({ code: 'E_SOURCE_UNSUPPORTED', message: expect.stringMatching(/19\.1.*18/) }),
  );
  expect(() => checkVersion(90_300, '9.3')).toThrowError(
    expect.objectContaining({ code: 'E_SOURCE_UNSUPPORTED' }),
  );
  expect(() => checkVersion(180_004, '18.4')).not.toThrow();
});

import { describe, expect } from 'vitest';
import { takeInventory } from '../../../../../shared/sources/postgres/datasets/datasets.ts';
import { Snapshot } from '../../../../../shared/sources/postgres/snapshot/snapshot.ts';
import type { SourceView } from '../../../../../shared/sources/source.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { startDatabases } from './databases.ts';
import { datasetOf, never, readAll, session, until } from './reading.ts';

const test = turns(4);

const databases = startDatabases();

describe('one moment for everything', () => {
  test('transfers between tables are never seen half', async () => {
    const url =
      await databases.make(`CREATE TABLE l (id int PRIMARY KEY, n int); CREATE TABLE r (id int PRIMARY KEY, n int);
      INSERT INTO l SELECT i, 100 FROM generate_series(1, 500) i; INSERT INTO r SELECT i, 0 FROM generate_series(1, 500) i`);
    const writer = await session(url);
    let stop = false;
    let transfers = 0;
    const writing = (async () => {
      for (; !stop; transfers++)
        await writer.query(`BEGIN; UPDATE l SET n = n - 1 WHERE id = ${1 + (transfers % 500)};
          UPDATE r SET n = n + 1 WHERE id = ${500 - (transfers % 500)}; COMMIT`);
    })();
    const view = await databases.open(url);
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
    const url = await databases.make('CREATE TABLE t AS SELECT 1 AS x');
    const view = await databases.open(url);
    const other = await session(url);
    await other.query("SET lock_timeout = '50ms'");
    await expect(other.query('DROP TABLE t')).rejects.toMatchObject({ code: '55P03' });
    expect(await readAll(view, 'public.t')).toBe('1\n');
  });

  test.each([
    ['rows', (view: SourceView) => readAll(view, 'public.t')],
    ['the schema', (view: SourceView) => readAll(view, 'pre-data')],
  ])(
    'gives way to who waits to truncate a table, and does not wait for them in turn: %s',
    async (_, read) => {
      const url = await databases.make('CREATE TABLE t AS SELECT 1 AS x');
      const view = await databases.open(url);
      const application = await session(url);
      const truncating = application.query('TRUNCATE t');
      const watcher = await session(url);
      await until(watcher, 'SELECT 1 FROM pg_locks WHERE NOT granted');
      await expect(read(view)).rejects.toMatchObject({
        code: 'E_SOURCE_CHANGED',
        message: 'somebody waits to truncate or alter public.t, and this backup is in the way',
      });
      await view[Symbol.asyncDispose]();
      await truncating;
    },
  );

  test.each([
    ['dropped', 'DROP TABLE t', ['public.other']],
    ['truncated', 'TRUNCATE t', ['public.other', 'public.t']],
  ])('a table that is %s just before its lock makes the backup begin again', async (_, change, expected) => {
    const url = await databases.make('CREATE TABLE t AS SELECT 1 AS x; CREATE TABLE other AS SELECT 2 AS x');
    const migration = await session(url);
    const watcher = await session(url);
    await migration.query(`BEGIN; ${change}`);
    const opening = databases.open(url);
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
    const url = await databases.make('CREATE TABLE t AS SELECT 1 AS x');
    await using snapshot = await Snapshot.take(databases.optionsOf(url), never);
    await databases.server.query(new URL(url).pathname.slice(1), change);
    await expect(takeInventory(snapshot, { pagesPerPartition: 1 }, never)).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: expect.stringContaining('public.t'),
    });
  });

  test('a table whose schema was swapped for another is an error', async () => {
    const url = await databases.make(
      'CREATE SCHEMA a; CREATE TABLE a.t AS SELECT 1 AS x; CREATE SCHEMA b; CREATE TABLE b.t AS SELECT 2 AS x',
    );
    const view = await databases.open(url);
    await databases.server.query(
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
      const url = await databases.make(
        `CREATE TABLE t (a int, b int); CREATE VIEW v AS SELECT a FROM t; CREATE SEQUENCE numbers;
       CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       CREATE TRIGGER g INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION g();
       CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n'; CREATE TYPE pair AS (a int, b int);
       CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE STATISTICS s ON a, b FROM t;
       CREATE SCHEMA other; CREATE FUNCTION other.g(n int) RETURNS int LANGUAGE sql AS 'SELECT n'`,
      );
      const view = await databases.open(url);
      await databases.server.query(new URL(url).pathname.slice(1), change);
      await expect(readAll(view, dataset)).rejects.toMatchObject({ code: 'E_SOURCE_CHANGED' });
    },
  );

  test('an enum whose value is renamed makes the whole view worthless; a value more does not', async () => {
    const url = await databases.make(
      "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t AS SELECT 'sad'::mood AS mood",
    );
    const view = await databases.open(url);
    const name = new URL(url).pathname.slice(1);
    await databases.server.query(name, "ALTER TYPE mood ADD VALUE 'ok'");
    await view.check(never);
    await databases.server.query(name, "ALTER TYPE mood RENAME VALUE 'sad' TO 'down'");
    expect(await readAll(view, 'public.t')).toBe('down\n');
    await expect(view.check(never)).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
      message: expect.stringContaining('public.mood'),
    });
  });
});

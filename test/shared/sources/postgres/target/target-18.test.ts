import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ProgressEvent } from '../../../../../shared/core/progress.ts';
import { type BackupResult, runBackup } from '../../../../../shared/jobs/backup/backup.ts';
import { runDrill } from '../../../../../shared/jobs/drill/drill.ts';
import { exportBackup } from '../../../../../shared/jobs/restore/export.ts';
import { planRestore } from '../../../../../shared/jobs/restore/restore.ts';
import { openScratch, openTarget } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import type { Source } from '../../../../../shared/sources/source.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { everythingSql, readAll } from '../source/reading.ts';
import { backUpUrl, newRepository, restoreUrl } from './round-trip.ts';

const it = turnOfAll(5);

const SHOP = `
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'ok');
  CREATE TABLE orders (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer integer REFERENCES customer,
    total numeric(10,2), doubled numeric GENERATED ALWAYS AS (total * 2) STORED, info jsonb, note text);
  CREATE INDEX orders_by_customer ON orders (customer);
  CREATE VIEW totals AS SELECT customer, sum(total) FROM orders GROUP BY customer;
  INSERT INTO customer (name) SELECT 'c' || i FROM generate_series(1, 50) i;
  INSERT INTO orders (customer, total, info, note) SELECT 1 + i % 50, i / 7.0, jsonb_build_object('i', i),
    CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'\\\\N, "quoted"\\ttab\\nline' ELSE 'ünïcödé' END
    FROM generate_series(1, 5000) i;
`;

describe('restores on PostgreSQL 18', () => {
  let server: PostgresServer;
  let repository: Repository;
  let shop: BackupResult;

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shop');
    await server.query('shop', SHOP);
    shop = await backUpUrl(repository, server.url('shop'));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const count = async (database: string, table: string) =>
    Number((await server.query(database, `SELECT count(*) AS n FROM ${table}`)).rows[0].n);
  const schemaOf = async (database: string) => {
    await using view = await openPostgresSource(server.url(database), {}, {}).open(never);
    return [await readAll(view, 'pre-data'), await readAll(view, 'post-data')];
  };

  it('gives back a database with everything: schema and every row', async () => {
    await server.createDatabase('everything');
    await server.query('everything', await everythingSql());
    const { key } = await backUpUrl(repository, server.url('everything'));
    const url = await server.createDatabase('everything_back');
    const { comparison } = await restoreUrl(repository, key, url);
    expect(comparison.length).toBeGreaterThan(20);
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    expect(await schemaOf('everything_back')).toEqual(await schemaOf('everything'));
  });

  it('refuses a database that has any of the objects, names them, and changes nothing', async () => {
    const url = await server.createDatabase('taken');
    await server.query('taken', 'CREATE TABLE orders (mine text); CREATE TABLE other (mine text)');
    const refused = restoreUrl(repository, shop.key, url);
    await expect(refused).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringContaining('TABLE public.orders'),
    });
    const { rows } = await server.query(
      'taken',
      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    );
    expect(rows.map(({ relname }) => relname).toSorted()).toEqual(['orders', 'other']);
  });

  it('with --replace drops what is in the way and leaves the rest alone', async () => {
    const url = await server.createDatabase('replaced');
    await server.query(
      'replaced',
      "CREATE TABLE orders (mine text); CREATE TABLE other AS SELECT 'kept' AS mine",
    );
    await restoreUrl(repository, shop.key, url, { replace: true });
    await restoreUrl(repository, shop.key, url, { replace: true, jobs: 1 });
    expect(await count('replaced', 'orders')).toBe(5000);
    expect(await count('replaced', 'other')).toBe(1);
    await server.query('replaced', "INSERT INTO customer (name) VALUES ('next')");
    expect(await count('replaced', 'customer')).toBe(51);
  });

  it('plans without writing', async () => {
    const url = await server.createDatabase('planned');
    const target = await openTarget({ kind: 'postgres', url, options: {} }, {});
    const plan = await planRestore(repository, shop.key, target, { signal: never });
    expect(plan).toMatchObject({ conflicts: [], drops: [], warnings: [] });
    expect(plan.steps.join('\n')).toContain('5,050 rows into 2 tables');
    const { rows } = await server.query(
      'planned',
      "SELECT count(*) AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    );
    expect(Number(rows[0].n)).toBe(0);
  });

  it('restores one table with what it needs, and says what it leaves out', async () => {
    const url = await server.createDatabase('one');
    const { plan, comparison } = await restoreUrl(repository, shop.key, url, { datasets: ['public.orders'] });
    expect(plan.warnings.join()).toContain('public.customer is not there');
    expect(comparison).toMatchObject([{ dataset: 'public.orders', equal: true, targetRecords: 5000 }]);
    await server.query('one', 'INSERT INTO orders (total) VALUES (1)');
    const { rows } = await server.query('one', 'SELECT max(id) AS id FROM orders');
    expect(rows[0].id).toBe(5001);
    const more = await restoreUrl(repository, shop.key, await server.createDatabase('two'), {
      datasets: ['public.customer'],
    });
    expect(more.comparison).toMatchObject([{ dataset: 'public.customer', equal: true }]);
  });

  it('knows no such dataset, and says which are like it', async () => {
    const url = await server.createDatabase('unknown');
    const unknown = restoreUrl(repository, shop.key, url, { datasets: ['orders'] });
    await expect(unknown).rejects.toMatchObject({
      code: 'E_NO_DATASET',
      hint: expect.stringContaining('public.orders'),
    });
  });

  it('names roles that are missing, and does without them on request', async () => {
    await server.createDatabase('owned');
    await server.query(
      'owned',
      'CREATE ROLE passing; CREATE TABLE t (a int); ALTER TABLE t OWNER TO passing; GRANT SELECT ON t TO passing',
    );
    const { key } = await backUpUrl(repository, server.url('owned'));
    await server.query('owned', 'DROP TABLE t; DROP ROLE passing');
    const url = await server.createDatabase('unowned');
    await expect(restoreUrl(repository, key, url)).rejects.toMatchObject({
      code: 'E_MISSING_ROLES',
      message: expect.stringContaining('passing'),
    });
    await restoreUrl(repository, key, url, { noOwner: true, noPrivileges: true });
    expect(await count('unowned', 't')).toBe(0);
  });

  it('uses tablespaces that are there, and the default one with a warning', async () => {
    await server.query('postgres', 'ALTER SYSTEM SET allow_in_place_tablespaces = on');
    await server.query('postgres', 'SELECT pg_reload_conf()');
    await server.query('postgres', `CREATE TABLESPACE "fast one" LOCATION ''`);
    await server.createDatabase('spaced');
    await server.query(
      'spaced',
      `CREATE TABLE slow (a int); CREATE TABLE fast (a int) TABLESPACE "fast one";
       CREATE INDEX fast_slow ON fast (a); CREATE INDEX slow_fast ON slow (a) TABLESPACE "fast one"; CREATE INDEX slow_slow ON slow (a)`,
    );
    const { key } = await backUpUrl(repository, server.url('spaced'));
    const inSpace = async (database: string) => {
      const sql = `SELECT relname FROM pg_class c JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE spcname = 'fast one' ORDER BY 1`;
      return (await server.query(database, sql)).rows.map(({ relname }) => relname);
    };
    await restoreUrl(repository, key, await server.createDatabase('spaced_back'));
    expect(await inSpace('spaced_back')).toEqual(['fast', 'slow_fast']);
    for (const name of ['spaced', 'spaced_back']) await server.query('postgres', `DROP DATABASE ${name}`);
    await server.query('postgres', 'DROP TABLESPACE "fast one"');
    const { plan } = await restoreUrl(repository, key, await server.createDatabase('unspaced'));
    expect(plan.warnings).toEqual(['the target has no tablespace "fast one": its default one is used']);
  });

  it('says what differs when something else writes to the target', async () => {
    const url = await server.createDatabase('written');
    await server.query(
      'written',
      `CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN UPDATE public.customer SET name = 'spoiled' WHERE id = 7; END $$;
      CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION spoil()`,
    );
    const spoiled = restoreUrl(repository, shop.key, url);
    await expect(spoiled).rejects.toMatchObject({
      code: 'E_RESTORE_DIFFERS',
      message: expect.stringContaining('public.customer (1 records missing, 1 unexpected)'),
    });
  });

  it('stops when it is told to', async () => {
    const url = await server.createDatabase('stopped');
    const stop = new AbortController();
    const onProgress = ({ kind }: { readonly kind: string }) => (kind === 'done' ? stop.abort() : undefined);
    await expect(
      restoreUrl(repository, shop.key, url, { signal: stop.signal, onProgress }),
    ).rejects.toMatchObject({ code: 'E_ABORTED' });
    await restoreUrl(repository, shop.key, url, { replace: true });
  });

  it('begins again where something is dropped while it is read', async () => {
    const url = await server.createDatabase('moving');
    await server.query(
      'moving',
      "CREATE TABLE t AS SELECT 1 AS x; CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT n'",
    );
    const source = openPostgresSource(url, {}, {});
    let opened = 0;
    const moving: Source = {
      kind: source.kind,
      name: source.name,
      capabilities: source.capabilities,
      open: async (signal) => {
        const view = await source.open(signal);
        opened++;
        if (opened <= drops)
          await server.query(
            'moving',
            `DROP FUNCTION f; CREATE FUNCTION f(n int) RETURNS int LANGUAGE sql AS 'SELECT ${opened}'`,
          );
        return view;
      },
    };
    let drops = 2;
    const warnings: string[] = [];
    const onProgress = (event: ProgressEvent) =>
      void (event.kind === 'warning' && warnings.push(event.message));
    const { key } = await runBackup(repository, moving, { signal: never, onProgress });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain('function public.f');
    const copy = await server.createDatabase('moved');
    await restoreUrl(repository, key, copy);
    expect((await server.query('moved', 'SELECT f(7)')).rows).toEqual([{ f: 2 }]);
    drops = 99;
    await expect(runBackup(repository, moving, { signal: never })).rejects.toMatchObject({
      code: 'E_SOURCE_CHANGED',
    });
    expect(opened).toBe(6);
  });

  it('compares columns by name: a child has those of its parent first when it is made anew', async () => {
    await server.createDatabase('family');
    await server.query(
      'family',
      `CREATE TABLE a (x int); CREATE TABLE b (y int) INHERITS (a); ALTER TABLE a ADD z int;
       CREATE TABLE grandchild (w int, z int) INHERITS (b);
       INSERT INTO b VALUES (1, 2, 3), (4, 5, 6); INSERT INTO grandchild VALUES (1, 2, 3, 4)`,
    );
    const { key } = await backUpUrl(repository, server.url('family'));
    const { comparison } = await restoreUrl(repository, key, await server.createDatabase('family_back'));
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    const order = `SELECT string_agg(attname, ' ' ORDER BY attnum) AS names FROM pg_attribute
      WHERE attrelid = 'b'::regclass AND attnum > 0`;
    expect((await server.query('family', order)).rows).toEqual([{ names: 'x y z' }]);
    expect((await server.query('family_back', order)).rows).toEqual([{ names: 'x z y' }]);
    const rows = 'SELECT x, y, z FROM b ORDER BY x';
    expect((await server.query('family_back', rows)).rows).toEqual((await server.query('family', rows)).rows);
    const drill = await runDrill(
      repository,
      key,
      await openScratch({ kind: 'postgres', url: server.url(), options: {} }, {}),
      { signal: never },
    );
    expect(drill).toMatchObject({ outcome: 'equal', error: undefined });
  });

  it('exports CSV that PostgreSQL reads back equal', async () => {
    const csv = await exported(repository, shop, 'csv');
    await server.createDatabase('from_csv');
    await server.query(
      'from_csv',
      'CREATE TABLE orders (id int, customer int, total numeric(10,2), info jsonb, note text)',
    );
    expect(csv.split('\r\n')[0]).toBe('id,customer,total,info,note');
    const values = parseCsv(csv)
      .slice(1)
      .map(
        (row) =>
          `(${row.map((cell) => (cell === null ? 'NULL' : `'${cell.replaceAll("'", "''")}'`)).join(',')})`,
      );
    await server.query(
      'from_csv',
      `INSERT INTO orders SELECT a::int, b::int, c::numeric, d::jsonb, e FROM (VALUES ${values.join(',')}) v(a,b,c,d,e)`,
    );
    const md5 = (database: string) =>
      server.query(
        database,
        "SELECT md5(string_agg((id, customer, total, info, note)::text, '|' ORDER BY id)) AS sum FROM orders",
      );
    expect((await md5('from_csv')).rows).toEqual((await md5('shop')).rows);
  });

  it('exports NDJSON with types', async () => {
    const lines = (await exported(repository, shop, 'ndjson'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(5000);
    expect(lines[0]).toEqual({ id: 1, customer: 2, total: 0.14, info: { i: 1 }, note: '' });
    expect(lines[1].note).toBe('\\N, "quoted"\ttab\nline');
    expect(lines[3].note).toBeNull();
  });

  it('exports one table at a time', async () => {
    const blocks = exportBackup(repository, shop.key, { format: 'csv', signal: never });
    await expect(blocks.next()).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

async function exported(
  repository: Repository,
  { key }: BackupResult,
  format: 'csv' | 'ndjson',
): Promise<string> {
  const blocks: Buffer[] = [];
  for await (const block of exportBackup(repository, key, {
    format,
    datasets: ['public.orders'],
    signal: never,
  })) {
    blocks.push(Buffer.from(block));
  }
  return Buffer.concat(blocks).toString();
}

/** RFC 4180, an unquoted empty field being null. */
function parseCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = [[]];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r\n|$)/g)) {
    const row = rows.at(-1)!;
    row.push(quoted === undefined ? plain || null : quoted.replaceAll('""', '"'));
    if (end === '\r\n') rows.push([]);
  }
  return rows.filter((row) => row.length > 1);
}

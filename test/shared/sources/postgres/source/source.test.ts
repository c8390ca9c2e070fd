import { chmod, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import type { CopyAttributes } from '../../../../../shared/sources/postgres/datasets/attributes.ts';
import { checkVersion } from '../../../../../shared/sources/postgres/snapshot/session.ts';
import { quoteIdent, quoteQualified } from '../../../../../shared/sources/postgres/text/identifiers.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { startDatabases } from './databases.ts';
import { datasetOf, everythingSql, never, readAll, session } from './reading.ts';

const test = turns(3);

const databases = startDatabases();

describe('a database with everything', () => {
  let url: string;

  beforeAll(async () => {
    url = await databases.make(await everythingSql());
  });

  test('gives every table’s rows as COPY writes them', async () => {
    const view = await databases.open(url);
    const client = await session(url);
    await client.query("SET search_path = ''");
    const folder = path.join(databases.server.dataFolder, 'copies');
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
    const names = (await databases.open(url)).datasets.map(({ name }) => name);
    expect(names).toContain('public."sequence values"');
    expect(names).toContain('"Odd ""Schema"".x"."Table with "" quote, dot . and 漢字"');
    expect(names).toContain('shop.events_other');
    expect(names).not.toContain('shop.events');
    expect(names).not.toContain('shop.remote');
    expect(new Set(names).size).toBe(names.length);
  });

  test('leaves generated columns out and keeps rows of tables without columns', async () => {
    const view = await databases.open(url);
    const { columns } = datasetOf(view, 'shop.customers').attributes as CopyAttributes;
    expect(columns.map(({ name }) => name)).not.toContain('upper_name');
    expect(await readAll(view, 'shop.no_columns')).toBe('\n\n\n');
    expect(await readAll(view, 'shop.only_generated')).toBe('\n');
  });

  test('gives sequences’ values as they are, called or not', async () => {
    const values = (await readAll(await databases.open(url), 'sequence values')).split('\n');
    expect(values).toContain('shop\tuntouched\t5\tf');
    expect(values).toContain('shop\tused\t7\tt');
    expect(values).toContain('shop\tset_not_called\t99\tf');
    expect(values).toContain('Odd "Schema".x\tseq.with "dots"\t9223372036854775807\tt');
  });

  test('gives large objects with owner, privileges and comment, and their bytes piece by piece', async () => {
    const view = await databases.open(url);
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
    const view = await databases.open(url);
    const pre = await readAll(view, 'pre-data');
    expect(pre.split('\n').slice(0, 5).join('\n')).toBe(
      '--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;',
    );
    expect(pre).toContain('CREATE TABLE shop.virtual_columns');
    expect(pre).toContain('\n\\restrict not-a-command\n');
    expect(pre).not.toMatch(/^\\restrict [A-Za-z0-9]{20,}$/m);
    expect(pre).not.toContain('Dumped');
    expect(await readAll(await databases.open(url), 'pre-data')).toBe(pre);
    const post = await readAll(view, 'post-data');
    expect(post).toContain('REFRESH MATERIALIZED VIEW shop.totals;');
    expect(post).not.toContain('REFRESH MATERIALIZED VIEW shop.not_populated');
  });

  test('gives what belongs to the database itself', async () => {
    const name = new URL(url).pathname.slice(1);
    await databases.server.query(
      'postgres',
      `ALTER DATABASE ${name} SET work_mem = '7MB'; COMMENT ON DATABASE ${name} IS 'all'`,
    );
    const text = await readAll(await databases.open(url), 'database');
    expect(text).toContain(`CREATE DATABASE ${name} `);
    expect(text).toContain("SET work_mem TO '7MB'");
    expect(text).toContain("IS 'all'");
    expect(text).not.toContain('CREATE TABLE');
  });

  test('says what is left out', async () => {
    const { omitted } = await databases.open(url);
    expect(omitted.join('\n')).toMatch(/Passwords of roles/);
    expect(omitted.join('\n')).toContain('shop.remote');
    expect(omitted.join('\n')).toContain('shop.totals, shop.totals_of_totals');
  });
});

describe('large tables', () => {
  const PAGES = 8;

  test('are cut into ranges of pages that stay as the table grows', async () => {
    const url = await databases.make(
      "CREATE TABLE t AS SELECT i, repeat('x', 500) AS x FROM generate_series(1, 500) i; CREATE TABLE s AS SELECT 1",
    );
    const first = await databases.open(url, PAGES);
    await databases.server.query(
      new URL(url).pathname.slice(1),
      "INSERT INTO t SELECT i, repeat('y', 500) FROM generate_series(501, 900) i",
    );
    const second = await databases.open(url, PAGES);
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
    const url = await databases.make('CREATE TABLE t AS SELECT i FROM generate_series(1, 20000) i');
    const view = await databases.open(url, PAGES);
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
    const url = await databases.make(
      'CREATE TABLE t AS SELECT i, repeat(chr(64 + i), 300000 + i) AS x FROM generate_series(1, 4) i',
    );
    const text = await readAll(await databases.open(url), 'public.t');
    expect(text).toBe(
      [1, 2, 3, 4].map((i) => `${i}\t${String.fromCharCode(64 + i).repeat(300_000 + i)}\n`).join(''),
    );
  });
});

describe('tables of extensions', () => {
  test('are read only where the extension asks for it, with its condition', async () => {
    const url = await databases.make(`CREATE EXTENSION hstore;
      CREATE TABLE config AS SELECT i AS id FROM generate_series(1, 4) i; CREATE TABLE internal AS SELECT 1 AS id;
      CREATE TABLE mine AS SELECT 1 AS id; CREATE SEQUENCE internal_seq;
      ALTER EXTENSION hstore ADD TABLE config; ALTER EXTENSION hstore ADD TABLE internal; ALTER EXTENSION hstore ADD SEQUENCE internal_seq;
      UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY['WHERE id > 2'] WHERE extname = 'hstore'`);
    const view = await databases.open(url);
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

test('a database with nothing in it is not a backup', async () => {
  const url = await databases.make('SELECT 1');
  await expect(databases.open(url)).rejects.toMatchObject({ code: 'E_EMPTY_READ' });
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

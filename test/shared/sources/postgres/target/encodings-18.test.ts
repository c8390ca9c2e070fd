import { afterAll, beforeAll, describe, expect } from 'vitest';
import { runDrill } from '../../../../../shared/jobs/drill/drill.ts';
import { exportBackup } from '../../../../../shared/jobs/restore/export.ts';
import { openScratch } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { backUpUrl, newRepository, restoreUrl } from './round-trip.ts';

const it = turnOfAll(4);

/** Latin-1 in rows, a default, a function, a comment, a label of an enum and a large object's comment; UTF-8 in a name. */
const BYTES = `
  DO $$ DECLARE e text := convert_from('\\xe9', 'SQL_ASCII'); BEGIN
    EXECUTE 'CREATE TYPE mood AS ENUM (''tr' || e || 's'')';
    EXECUTE 'CREATE TABLE "café" (id int PRIMARY KEY, name text DEFAULT ''caf' || e || ''', mood mood)';
    EXECUTE 'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS ''SELECT ''''' || e || ''''' ''';
    EXECUTE 'COMMENT ON TABLE "café" IS ''' || e || '''';
    EXECUTE 'CREATE INDEX by_name ON "café" (name) WHERE name <> ''' || e || '''';
    INSERT INTO "café" SELECT i, 'caf' || e || i, NULL FROM generate_series(1, 99) i;
    EXECUTE 'INSERT INTO "café" VALUES (100, ''café 😀 '' || chr(9), ''tr' || e || 's'')';
    PERFORM lo_from_bytea(4711, '\\xe9');
    EXECUTE 'COMMENT ON LARGE OBJECT 4711 IS ''' || e || '''';
  END $$`;
const CONTENTS = `
  SELECT (SELECT md5(string_agg(id || name || coalesce(mood::text, ''), ',' ORDER BY id)) FROM "café") AS rows,
         encode(convert_to(f(), 'SQL_ASCII'), 'hex') AS f,
         (SELECT encode(convert_to(pg_get_expr(adbin, adrelid), 'SQL_ASCII'), 'hex') FROM pg_attrdef) AS value,
         encode(convert_to(obj_description('"café"'::regclass), 'SQL_ASCII'), 'hex') AS about,
         encode(convert_to(obj_description(4711, 'pg_largeobject'), 'SQL_ASCII'), 'hex') AS object,
         (SELECT encode(convert_to(enumlabel::text, 'SQL_ASCII'), 'hex') FROM pg_enum) AS label,
         (SELECT encode(convert_to(pg_get_indexdef('by_name'::regclass), 'SQL_ASCII'), 'hex')) AS index`;

describe('encodings', { timeout: 60_000 }, () => {
  let server: PostgresServer;
  let repository: Repository;
  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function create(name: string, encoding: string): Promise<string> {
    const locale = "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    await server.query('postgres', `CREATE DATABASE ${name} ENCODING '${encoding}' ${locale}`);
    return server.url(name);
  }
  const drill = async (key: Parameters<typeof runDrill>[1]) =>
    runDrill(repository, key, await openScratch({ kind: 'postgres', url: server.url(), options: {} }, {}), {
      signal: never,
    });
  async function exported(
    key: Parameters<typeof runDrill>[1],
    format: 'sql' | 'csv' | 'ndjson',
  ): Promise<Buffer> {
    const blocks: Uint8Array[] = [];
    const datasets = format === 'sql' ? undefined : ['public."café"'];
    for await (const block of exportBackup(repository, key, { format, datasets, signal: never }))
      blocks.push(Buffer.from(block));
    return Buffer.concat(blocks);
  }

  it('a database in SQL_ASCII keeps every byte, whatever it is', async () => {
    const url = await create('bytes', 'SQL_ASCII');
    await server.query('bytes', BYTES);
    const wanted = (await server.query('bytes', CONTENTS)).rows;
    expect(wanted).toMatchObject([{ f: 'e9', about: 'e9', object: 'e9', label: '7472e973' }]);
    const { key } = await backUpUrl(repository, url);
    const { comparison } = await restoreUrl(repository, key, await create('bytes_back', 'SQL_ASCII'));
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    expect((await server.query('bytes_back', CONTENTS)).rows).toEqual(wanted);
    await restoreUrl(repository, key, server.url('bytes_back'), { replace: true });
    expect((await server.query('bytes_back', CONTENTS)).rows).toEqual(wanted);
    expect(await drill(key)).toMatchObject({
      outcome: 'equal',
      schema: { outcome: 'equal' },
      error: undefined,
    });
    await expect(restoreUrl(repository, key, await create('bytes_utf8', 'UTF8'))).rejects.toMatchObject({
      details: { sqlState: '22021' },
      hint: expect.stringContaining("ENCODING 'SQL_ASCII'"),
    });
    expect((await exported(key, 'sql')).includes(Buffer.from([0x65, 0x66, 0xe9]))).toBe(false);
    expect((await exported(key, 'sql')).includes(Buffer.from('caf\u00e9', 'latin1'))).toBe(true);
    expect((await exported(key, 'csv')).includes(Buffer.from('\n7,caf\u00e97,', 'latin1'))).toBe(true);
    const lines = (await exported(key, 'ndjson')).toString().split('\n');
    expect(JSON.parse(lines[6] ?? '')).toEqual({ id: 7, name: 'caf\udce97', mood: null });
  });

  it('a table whose name is no UTF-8 is refused by name', async () => {
    const url = await create('named', 'SQL_ASCII');
    await server.query(
      'named',
      `DO $$ BEGIN EXECUTE 'CREATE TABLE caf' || convert_from('\\xe9', 'SQL_ASCII') || ' ()'; END $$`,
    );
    await expect(backUpUrl(repository, url)).rejects.toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringContaining('public."caf'),
    });
  });

  it('a role whose name another encoding lacks hinders nothing', async () => {
    await server.query('postgres', 'CREATE ROLE "😀"; CREATE ROLE "田中"');
    const url = await create('japanese', 'EUC_JP');
    await server.query(
      'japanese',
      `CREATE ROLE "鈴木"; CREATE TABLE "表" AS SELECT '鈴木'::text AS name; ALTER TABLE "表" OWNER TO "鈴木"`,
    );
    const { key } = await backUpUrl(repository, url);
    const { comparison } = await restoreUrl(repository, key, await create('japanese_back', 'EUC_JP'));
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    const owner = `SELECT pg_get_userbyid(relowner) AS owner, (SELECT name FROM "表") FROM pg_class WHERE relname = '表'`;
    expect((await server.query('japanese_back', owner)).rows).toEqual([{ owner: '鈴木', name: '鈴木' }]);
    expect(await drill(key)).toMatchObject({ outcome: 'equal', error: undefined });
  });
});

import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { runDrill } from '../../../../../shared/jobs/drill/drill.ts';
import { openScratch } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { backUpUrl, newRepository, restoreUrl } from './round-trip.ts';

const it = turnOfAll(3);

/** What holds in this database alone: an index and a check that fail in any other. */
const SQL = `
  CREATE FUNCTION only_here(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN IF current_database() <> 'original' THEN RAISE 'not here'; END IF; RETURN n; END $$;
  CREATE TABLE good (id serial PRIMARY KEY, a integer); INSERT INTO good (a) SELECT i FROM generate_series(1, 100) i;
  CREATE INDEX good_a ON good (a); CREATE INDEX broken ON good (public.only_here(a));
  CREATE TABLE checked (id integer PRIMARY KEY, CHECK (public.only_here(id) > 0)); INSERT INTO checked VALUES (1), (2);
  CREATE TABLE child (id integer REFERENCES checked); INSERT INTO child VALUES (1);
  CREATE MATERIALIZED VIEW fragile AS SELECT public.only_here(1);
  CREATE TABLE last (id integer); INSERT INTO last VALUES (7);
`;
/** Refuses two tables of it. */
const REFUSAL = `
  CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity IN ('public.checked', 'public.last'))
    THEN RAISE 'refused here'; END IF; END $$;
  CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION refuse();
`;

describe('objects that cannot be restored', () => {
  let server: PostgresServer;
  let repository: Repository;
  let key: BackupKey;

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('original');
    await server.query('original', SQL);
    ({ key } = await backUpUrl(repository, server.url('original')));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const relations = async (database: string) => {
    const sql = `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`;
    return (await server.query(database, sql)).rows.map(({ relname }) => relname);
  };
  const rows = async (database: string, table: string) =>
    (await server.query(database, `SELECT count(*)::int AS n FROM ${table}`)).rows[0].n;
  const warnings: string[] = [];
  const onProgress = (event: { readonly kind: string; readonly message?: string }) => {
    if (event.kind === 'warning') warnings.push(event.message ?? '');
  };

  it('before the rows: nothing is changed, and all of them are named at once', async () => {
    const url = await server.createDatabase('refusing');
    await server.query('refusing', REFUSAL);
    await expect(restoreUrl(repository, key, url)).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      message: expect.stringMatching(
        /^TABLE public\.checked in .*refused here .*; also TABLE public\.last; nothing was changed$/,
      ),
      hint: expect.stringContaining('--keep-going'),
    });
    expect(await relations('refusing')).toEqual([]);
  });

  it('with --keep-going are left out and named; all else is made and compared', async () => {
    const url = await server.createDatabase('going');
    await server.query('going', REFUSAL);
    warnings.length = 0;
    await expect(
      restoreUrl(repository, key, url, { keepGoing: true, onProgress, jobs: 1 }),
    ).rejects.toMatchObject({
      code: 'E_RESTORE_INCOMPLETE',
      details: { failures: 8, compared: 3 },
      message: expect.stringMatching(
        /could not be restored: TABLE public\.checked .*FK CONSTRAINT public\.child child_id_fkey/,
      ),
    });
    expect(warnings.filter((one) => one.includes('refused here'))).toHaveLength(2);
    expect(warnings.map((one) => one.split(' in postgres')[0])).toEqual([
      'TABLE public.checked',
      'TABLE public.last',
      'public.checked',
      'public.last',
      'CONSTRAINT public.checked checked_pkey',
      'INDEX public.broken',
      'FK CONSTRAINT public.child child_id_fkey',
      'MATERIALIZED VIEW DATA public.fragile',
    ]);
    expect(await relations('going')).toEqual([
      'child',
      'fragile',
      'good',
      'good_a',
      'good_id_seq',
      'good_pkey',
    ]);
    expect([await rows('going', 'good'), await rows('going', 'child')]).toEqual([100, 1]);
  });

  it('after the tables are made: all else is made and compared in any case', async () => {
    const url = await server.createDatabase('later');
    warnings.length = 0;
    await expect(restoreUrl(repository, key, url, { onProgress, jobs: 1 })).rejects.toMatchObject({
      code: 'E_RESTORE_INCOMPLETE',
      details: { failures: 4 },
    });
    expect(warnings.map((one) => one.split(' in postgres')[0]).toSorted()).toEqual([
      'FK CONSTRAINT public.child child_id_fkey',
      'INDEX public.broken',
      'MATERIALIZED VIEW DATA public.fragile',
      'public.checked',
    ]);
    expect(await relations('later')).toContain('good_a');
    expect([
      await rows('later', 'good'),
      await rows('later', 'last'),
      await rows('later', 'checked'),
    ]).toEqual([100, 1, 0]);
  });

  it('make a drill fail', async () => {
    const scratch = await openScratch({ kind: 'postgres', url: server.url(), options: {} }, {});
    const drill = await runDrill(repository, key, scratch, { signal: never });
    expect(drill).toMatchObject({ outcome: 'failed', error: { code: 'E_RESTORE_INCOMPLETE' } });
    expect(drill.comparison.map(({ dataset }) => dataset)).toContain('public.good');
  });
});

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { exportBackup } from '../../../../../shared/jobs/restore/export.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { POSTGRES_15_BIN } from '../../../../support/run/part-places.ts';
import { everythingSql } from '../source/reading.ts';
import { describeDatabase } from './catalog-judge.ts';
import { backUpUrl, nativeDump, newRepository, psql, restoreUrl } from './round-trip.ts';

const it = turnOfAll(5);

/** 10 is a million rows, and takes a quarter of a minute. */
const SCALE = process.env['HOLDFAST_PGBENCH_SCALE'] ?? '1';

describeWithPart('postgresql-15', 'restores, judged by native pg_dump 15', () => {
  let server: PostgresServer;
  let repository: Repository;
  /** Of the database `everything`. */
  let key: BackupKey;

  beforeAll(async () => {
    server = await ownPostgres(15);
    repository = await newRepository();
    await server.createDatabase('everything');
    await server.query('everything', await everythingSql());
    ({ key } = await backUpUrl(repository, server.url('everything')));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it('gives back a database with everything, equal to the last line of its dump', async () => {
    const url = await server.createDatabase('restored');
    const { comparison } = await restoreUrl(repository, key, url);
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('everything')));
  });

  it('replaces every object of a database that is there already', async () => {
    const url = await server.createDatabase('replaced');
    await server.query('replaced', await everythingSql());
    const refused = restoreUrl(repository, key, url);
    await expect(refused).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
      message: expect.stringMatching(/FUNCTION shop\..* and \d+ more already; nothing was changed/),
    });
    // What the target grants by default would come on top of what the backup grants.
    await server.query(
      'replaced',
      `ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC;
       ALTER DEFAULT PRIVILEGES IN SCHEMA shop REVOKE USAGE ON SEQUENCES FROM "everything reader"`,
    );
    await restoreUrl(repository, key, url, { replace: true });
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('everything')));
  });

  // Each with the tables that its foreign keys refer to; a partitioned table means its partitions.
  it.each([
    [['shop.customers', 'shop.orders']],
    [['shop.events']],
    [['shop.hashed', 'shop.secrets']],
    [['shop.capitals', 'shop.other_method']],
    [['shop.parts']],
  ])('gives back only %s, with all that belongs to it and all that it needs', async (datasets) => {
    const url = await server.createDatabase(`only_${datasets[0]}`);
    const { comparison, plan } = await restoreUrl(repository, key, url, { datasets });
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    expect(plan.warnings).toEqual(
      datasets.includes('shop.capitals') ? [expect.stringContaining('TABLE shop.cities is made')] : [],
    );
    const tables = [
      ...datasets.map((name) => `--table=${name}`),
      ...comparison.map(({ dataset }) => `--table=${dataset}`),
    ];
    expect(unordered(await nativeDump(url, ...tables))).toEqual(
      unordered(await nativeDump(server.url('everything'), ...tables)),
    );
    const methods = `SELECT relname, amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE amname = 'heap_again'`;
    expect((await server.query(`only_${datasets[0]}`, methods)).rows).toEqual(
      datasets.includes('shop.other_method') ? [{ relname: 'other_method', amname: 'heap_again' }] : [],
    );
    const about = `SELECT d.description FROM pg_description d JOIN pg_type t ON t.oid = d.objoid AND d.classoid = 'pg_type'::regclass
      JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'shop'`;
    const { rows } = await server.query(`only_${datasets[0]}`, about);
    if (datasets.includes('shop.customers')) expect(rows).toEqual([{ description: 'how it feels' }]);
  });

  it('goes into a newer server, and a backup of that into this one', async () => {
    const newer = await ownPostgres(18);
    try {
      await newer.query('postgres', 'CREATE ROLE everything_owner; CREATE ROLE "everything reader"');
      const { comparison } = await restoreUrl(repository, key, await newer.createDatabase('newer'));
      expect(comparison.length).toBeGreaterThan(30);
      expect(comparison.every(({ equal }) => equal)).toBe(true);
      await newer.createDatabase('original');
      await newer.query('original', await readFile('test/fixtures/postgres/since-10.sql', 'utf8'));
      const original = await backUpUrl(repository, newer.url('original'));
      const { plan } = await restoreUrl(repository, original.key, await server.createDatabase('older'));
      expect(plan.warnings).toEqual(['the privilege MAINTAIN is left out: PostgreSQL 15 lacks it']);
      const wanted = (await describeDatabase(newer, 'original')).filter((line) => !line.includes('MAINTAIN'));
      expect(await describeDatabase(server, 'older')).toEqual(wanted);
      await newer.createDatabase('plain');
      await newer.query(
        'plain',
        'CREATE TABLE t (a integer PRIMARY KEY, b text); INSERT INTO t VALUES (1, $$x$$)',
      );
      const plain = await backUpUrl(repository, newer.url('plain'));
      await newer.query(
        'plain',
        'CREATE ROLE newest; ALTER ROLE newest SET transaction_timeout = 5; ALTER ROLE newest SET work_mem = $$3MB$$',
      );
      const withRole = await backUpUrl(repository, newer.url('plain'));
      const made = await restoreUrl(repository, withRole.key, await server.createDatabase('older_roles'), {
        roles: true,
      });
      expect(made.plan.warnings).toContain(
        'the setting transaction_timeout of the role newest is left out: the target lacks it',
      );
      const { rows } = await server.query(
        'postgres',
        `SELECT rolconfig FROM pg_roles WHERE rolname = 'newest'`,
      );
      expect(rows).toEqual([{ rolconfig: ['work_mem=3MB'] }]);
      const url = await server.createDatabase('from_psql');
      await psql(url, await exportedSql(repository, plain.key));
      expect(await describeDatabase(server, 'from_psql')).toEqual(await describeDatabase(newer, 'plain'));
      expect(await nativeDump(url)).toContain('\n1\tx\n');
    } finally {
      await newer.stop();
    }
  });

  it('gives a partition back to its table', async () => {
    const url = await server.createDatabase('partition');
    await restoreUrl(repository, key, url, { datasets: ['shop.events'] });
    // An index that no partition has would get one from every partition that joins.
    await server.query('partition', 'DROP INDEX shop.events_not_valid');
    const before = await nativeDump(url);
    await server.query('partition', 'DROP TABLE shop.events_2023');
    await restoreUrl(repository, key, url, { datasets: ['shop.events_2023'] });
    expect(await nativeDump(url)).toBe(before);
  });

  it(`gives back pgbench at scale ${SCALE} after a run of it`, async () => {
    await server.createDatabase('bench');
    const pgbench = (...args: string[]) =>
      promisify(execFile)(path.join(POSTGRES_15_BIN, 'pgbench'), [...args, server.url('bench')]);
    await pgbench('-i', '-q', '-s', SCALE, '--foreign-keys');
    await pgbench('-t', '200', '-c', '2');
    const bench = await backUpUrl(repository, server.url('bench'));
    const url = await server.createDatabase('bench_restored');
    await restoreUrl(repository, bench.key, url, { jobs: 1 });
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('bench')));
  }, 180_000);

  it('exports SQL that psql restores to an equal database', async () => {
    const url = await server.createDatabase('exported');
    await psql(url, await exportedSql(repository, key));
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('everything')));
  });
});

async function exportedSql(repository: Repository, key: BackupKey): Promise<string> {
  const blocks: Uint8Array[] = [];
  for await (const block of exportBackup(repository, key, { format: 'sql', signal: never }))
    blocks.push(Buffer.from(block));
  return Buffer.concat(blocks).toString('utf8');
}

/** Entries of a dump; their order depends on all that is in the database. */
function unordered(dump: string): string[] {
  return dump
    .replaceAll(/^SET default_table_access_method = .*$/gm, '')
    .split(/^--\n(?=-- )/m)
    .map((entry) => entry.trim())
    .toSorted();
}

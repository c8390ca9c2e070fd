import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { type PostgresServer, startPostgres } from '../../../../../tools/embedded-postgres.ts';
import { POSTGRES_MAJORS, type PostgresMajor, postgresBin } from '../../../../../tools/embedded-versions.ts';
import { describeDatabase } from './catalog-judge.ts';
import { backUpUrl, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

const isLong = process.env['HOLDFAST_TEST_LONG'] === '1';
/** The newest that native pg_dump 15 reads. */
const NEWEST_JUDGED = 15;

describe.skipIf(!isLong)('every major version of PostgreSQL (HOLDFAST_TEST_LONG=1; npm fetches them)', () => {
  const servers = new Map<PostgresMajor, PostgresServer>();
  const keys = new Map<PostgresMajor, BackupKey>();
  let repository: Repository;

  const of = (major: PostgresMajor): PostgresServer => {
    const server = servers.get(major);
    if (!server) throw new Error(`no server ${major}`);
    return server;
  };
  beforeAll(async () => {
    repository = await newRepository();
    const sql = await readFile('test/fixtures/postgres/since-10.sql', 'utf8');
    for (const major of POSTGRES_MAJORS) {
      const server = await startPostgres({ bin: await postgresBin(major) });
      servers.set(major, server);
      await server.createDatabase('original');
      await server.query('original', sql);
    }
  }, 600_000);
  afterAll(async () => {
    for (const server of servers.values()) await server.stop();
    await repository?.[Symbol.asyncDispose]();
  });

  it.each(POSTGRES_MAJORS)('%i: a backup, restored to the same version, is equal', async (major) => {
    const server = of(major);
    const { key } = await backUpUrl(repository, server.url('original'));
    keys.set(major, key);
    const url = await server.createDatabase('restored');
    const { comparison } = await restoreUrl(repository, key, url);
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    expect(await describeDatabase(server, 'restored')).toEqual(await describeDatabase(server, 'original'));
    if (major <= NEWEST_JUDGED) expect(await nativeDump(url)).toBe(await nativeDump(server.url('original')));
  });

  it.each([
    [10, 18],
    [11, 18],
    [12, 17],
    [13, 16],
    [14, 17],
    [15, 18],
    [16, 14],
    [17, 13],
    [18, 15],
    [18, 17],
    [18, 12],
  ] as const)('%i restored to %i holds the same', async (from, to) => {
    const database = `from_${from}`;
    const key = keys.get(from);
    if (key === undefined) throw new Error(`there is no backup of ${from}`);
    const { comparison, plan } = await restoreUrl(repository, key, await of(to).createDatabase(database));
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    const original = await describeDatabase(of(from), 'original');
    const taken = original.filter((line) => to >= 17 || !line.includes('MAINTAIN'));
    expect(await describeDatabase(of(to), database)).toEqual(taken);
    expect(plan.warnings.some((warning) => warning.includes('MAINTAIN'))).toBe(
      taken.length < original.length,
    );
  });
});

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Repository } from '../../../shared/repository/repository.ts';
import { type PostgresServer, startPostgres } from '../../../tools/embedded-postgres.ts';
import { describeWithPart, POSTGRES_15_BIN } from '../../support/parts.ts';
import { isTorture, tortureTimeoutMs } from '../../support/torture.ts';
import { backUpUrl, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

describeWithPart('postgresql-15', 'every extension of the server, judged by native pg_dump 15', () => {
  let server: PostgresServer;
  let repository: Repository;
  beforeAll(async () => {
    server = await startPostgres({ bin: POSTGRES_15_BIN });
    repository = await newRepository();
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it.runIf(isTorture)(
    'is restored with its tables, with and without owners',
    async () => {
      await server.createDatabase('contrib');
      const { rows } = await server.query('contrib', 'SELECT name FROM pg_available_extensions ORDER BY 1');
      const left: string[] = [];
      for (const { name } of rows as { readonly name: string }[])
        await server
          .query('contrib', `CREATE EXTENSION IF NOT EXISTS "${name}" CASCADE`)
          .catch((error: unknown) => left.push(`${name}: ${String(error)}`));
      // Nearly all: some languages need packages of their own.
      expect(left.length, left.join('\n')).toBeLessThan(rows.length / 3);
      await server.query('contrib', 'CREATE TABLE t AS SELECT 1 AS x');
      const { key } = await backUpUrl(repository, server.url('contrib'));
      const wanted = await nativeDump(server.url('contrib'));
      for (const options of [{}, { noOwner: true }]) {
        const url = await server.createDatabase(`contrib_${Object.keys(options).join('') || 'whole'}`);
        const { comparison } = await restoreUrl(repository, key, url, options);
        expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
        expect(await nativeDump(url)).toBe(wanted);
      }
    },
    tortureTimeoutMs,
  );
});

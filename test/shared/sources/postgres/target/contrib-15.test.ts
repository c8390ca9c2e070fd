import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { isTorture, tortureTimeoutMs } from '../../../../support/repository/torture.ts';
import { backUpUrl, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

/** Those of Debian's server package: all must be there, and be made. */
const CONTRIB =
  `adminpack amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance
  file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime old_snapshot pageinspect
  pg_buffercache pg_freespacemap pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto
  pgrowlocks pgstattuple plpgsql postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent
  uuid-ossp xml2`.split(/\s+/);

/**
 * What Debian's package of PostGIS lists and no statement makes: a name that databases of older releases may have, to
 * be updated to the one without the number.
 */
const RENAMED = [
  'address_standardizer-3',
  'address_standardizer_data_us-3',
  'postgis-3',
  'postgis_raster-3',
  'postgis_sfcgal-3',
  'postgis_tiger_geocoder-3',
  'postgis_topology-3',
];

describeWithPart('postgresql-15', 'every extension of the server, judged by native pg_dump 15', () => {
  let server: PostgresServer;
  let repository: Repository;
  beforeAll(async () => {
    server = await ownPostgres(15);
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
      const available = (rows as { readonly name: string }[]).map(({ name }) => name);
      expect(CONTRIB.filter((name) => !available.includes(name))).toEqual([]);
      const left: { readonly name: string; readonly why: string }[] = [];
      for (const name of available)
        await server
          .query('contrib', `CREATE EXTENSION IF NOT EXISTS "${name}" CASCADE`)
          .catch((error: unknown) => left.push({ name, why: String(error) }));
      expect(left).toEqual(
        RENAMED.filter((name) => available.includes(name)).map((name) => ({
          name,
          why: expect.stringContaining('has no installation script'),
        })),
      );
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

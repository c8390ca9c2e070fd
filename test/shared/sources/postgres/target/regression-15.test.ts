import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { runDrill } from '../../../../../shared/jobs/drill/drill.ts';
import { openScratch } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { makeRegressionDatabase, type RegressionTests, withSortedRows } from './regression-database.ts';
import { backUpUrl, nativeDump, newRepository, psql, restoreUrl } from './round-trip.ts';

/**
 * Minutes, and a download of PostgreSQL's source: not for every run, also not for one that requires all parts. In the
 * long form a missing part is told, or fails with REQUIRE_ALL_PARTS=1, as everywhere.
 */
const isLong = process.env['HOLDFAST_TEST_LONG'] === '1';
const describeLong = (title: string, suite: () => void) =>
  isLong
    ? describeWithPart('postgresql-15', title, suite)
    : describe.skip(`${title} (HOLDFAST_TEST_LONG=1)`, suite);

/** Needs `regress.so`, a module of C functions that is made with the tests only, or what another test makes with it. */
const WITHOUT_MODULE = `alter_generic compression_pglz conversion create_function_c create_type create_view encoding
  foreign_data indirect_toast lock misc misc_functions opr_sanity sanity_check select_views test_setup triggers`;
/** Differs where server and psql are of a later minor release than the tests: how psql goes on after a COPY that is refused. */
const OTHER_RELEASE = 'alter_table copy copy2 copyselect generated privileges rowsecurity rules';
const MAY_FAIL = `${WITHOUT_MODULE} ${OTHER_RELEASE}`.split(/\s+/);
/**
 * Judged by what pg_dump and psql make of the same database: the order of columns and rows is not that of the original there either,
 * where tables inherit.
 */
describeLong("PostgreSQL's own regression database", () => {
  let server: PostgresServer;
  let folder: string;
  let repository: Repository;
  let key: BackupKey;
  let tests: RegressionTests;

  beforeAll(async () => {
    server = await ownPostgres(15, { settings: { max_prepared_transactions: '2' } });
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-regression-'));
    tests = await makeRegressionDatabase(server, folder);
    repository = await newRepository();
    ({ key } = await backUpUrl(repository, server.url('regression')));
  }, 600_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is what all of its tests made, but those that need a module or another release', () => {
    expect(tests.failed.filter((name) => !MAY_FAIL.includes(name))).toEqual([]);
    expect(tests.passed.length).toBeGreaterThanOrEqual(192);
  });

  it.each([[[]], [['--no-owner']]])(
    'is restored to what pg_dump and psql make of it: %s',
    async (flags) => {
      const noOwner = flags.length > 0;
      const [ours, theirs] = [
        await server.createDatabase(`ours_${noOwner}`),
        await server.createDatabase(`theirs_${noOwner}`),
      ];
      await psql(theirs, await nativeDump(server.url('regression'), ...flags));
      const { comparison } = await restoreUrl(repository, key, ours, { noOwner });
      expect(comparison.length).toBeGreaterThan(500);
      expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
      expect(withSortedRows(await nativeDump(ours))).toBe(withSortedRows(await nativeDump(theirs)));
    },
    600_000,
  );

  it('is equal in a drill', async () => {
    const scratch = await openScratch({ kind: 'postgres', url: server.url(), options: {} }, {});
    const { outcome, schema, comparison } = await runDrill(repository, key, scratch, { signal: never });
    const unequal = comparison?.filter(({ equal }) => !equal);
    const { missing, unexpected, changed } = schema ?? {};
    expect({ outcome, missing, unexpected, changed, unequal }).toEqual({
      outcome: 'equal',
      missing: [],
      unexpected: [],
      changed: [],
      unequal: [],
    });
  }, 600_000);
});

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

/** Each role is named by one thing only. */
const NAMED = `
  CREATE ROLE in_policy; CREATE ROLE "second, in policy"; CREATE ROLE granter; CREATE ROLE granted; CREATE ROLE "by default";
  CREATE ROLE defaulter; CREATE ROLE mapped; CREATE ROLE publisher SUPERUSER; CREATE ROLE large_owner; CREATE ROLE large_reader; CREATE ROLE labelled;
  GRANT granter TO mapped WITH INHERIT FALSE, SET FALSE, ADMIN TRUE; GRANT pg_monitor TO granted;
  SET ROLE mapped; GRANT granter TO "by default" WITH ADMIN OPTION; SET ROLE "by default"; GRANT granter TO granted; RESET ROLE;
  GRANT large_owner TO large_reader WITH INHERIT TRUE, SET FALSE;
  CREATE TABLE t (a integer); INSERT INTO t VALUES (1), (2);
  CREATE TABLE "go TO bed FROM here" (a integer); GRANT SELECT ON "go TO bed FROM here" TO PUBLIC;
  ALTER TABLE t ENABLE ROW LEVEL SECURITY;
  CREATE POLICY p ON t AS RESTRICTIVE FOR SELECT TO in_policy, "second, in policy" USING (a::text <> ' TO nobody');
  COMMENT ON POLICY p ON t IS 'a policy';
  CREATE POLICY open ON t FOR SELECT USING (true);
  GRANT SELECT ON t TO granter WITH GRANT OPTION;
  SET ROLE granter; GRANT SELECT ON t TO granted; RESET ROLE;
  ALTER DEFAULT PRIVILEGES FOR ROLE defaulter GRANT SELECT ON TABLES TO "by default";
  CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE USER MAPPING FOR mapped SERVER s;
  CREATE PUBLICATION pub FOR TABLE t; ALTER PUBLICATION pub OWNER TO publisher;
  SELECT lo_from_bytea(4242, 'x'); ALTER LARGE OBJECT 4242 OWNER TO large_owner; GRANT SELECT ON LARGE OBJECT 4242 TO large_reader;
`;
const ROLES = [
  '"by default"',
  'defaulter',
  'granted',
  'granter',
  'in_policy',
  'large_owner',
  'large_reader',
  'mapped',
  'publisher',
  '"second, in policy"',
];

describe('roles that a backup names', () => {
  let server: PostgresServer;
  let fresh: PostgresServer;
  let repository: Repository;
  let key: BackupKey;

  beforeAll(async () => {
    server = await ownPostgres(18);
    fresh = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('named');
    await server.query('named', NAMED);
    ({ key } = await backUpUrl(repository, server.url('named')));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await fresh?.stop();
    await server?.stop();
  });

  it('are all looked for before anything is changed, whatever names them', async () => {
    const url = await fresh.createDatabase('missing');
    await expect(restoreUrl(repository, key, url)).rejects.toMatchObject({
      code: 'E_MISSING_ROLES',
      message: `the target has no roles ${ROLES.join(', ')}; nothing was changed`,
    });
  });

  it('are not needed without owners and privileges; policies and mappings of them are left out and named', async () => {
    const url = await fresh.createDatabase('without');
    const { plan, comparison } = await restoreUrl(repository, key, url, {
      noOwner: true,
      noPrivileges: true,
    });
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    expect(plan.warnings).toEqual([
      'USER MAPPING mapped SERVER s is left out: it names roles that the target lacks: mapped',
      'POLICY public.t p is left out: it names roles that the target lacks: in_policy, "second, in policy"',
    ]);
    const { rows } = await fresh.query('without', 'SELECT polname FROM pg_policy');
    expect(rows).toEqual([{ polname: 'open' }]);
  });

  it('do not make a drill differ that leaves them out', async () => {
    const scratch = await openScratch({ kind: 'postgres', url: fresh.url(), options: {} }, {});
    const drill = await runDrill(repository, key, scratch, { signal: never });
    expect(drill).toMatchObject({ outcome: 'equal' });
    expect(drill.leftOut.join()).toContain('POLICY public.t p');
  });

  it('are made by a restore that is told to, with the options of their memberships', async () => {
    const url = await fresh.createDatabase('with_roles');
    const { comparison } = await restoreUrl(repository, key, url, { roles: true });
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    const MEMBERSHIPS = `SELECT g.rolname AS of, m.rolname AS member, grantor::regrole::text, admin_option, inherit_option, set_option
      FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
      WHERE m.rolname !~ '^pg_' ORDER BY 1, 2, 3`;
    const made = (await fresh.query('with_roles', MEMBERSHIPS)).rows;
    expect(made).toHaveLength(5);
    expect(made).toEqual((await server.query('named', MEMBERSHIPS)).rows);
    const POLICIES = 'SELECT polname, polroles::regrole[]::text AS roles FROM pg_policy ORDER BY 1';
    expect((await fresh.query('with_roles', POLICIES)).rows).toEqual(
      (await server.query('named', POLICIES)).rows,
    );
  });
});

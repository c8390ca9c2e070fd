import { beforeAll, describe, expect } from 'vitest';
import { testSource } from '../../../../../shared/jobs/source/test-source.ts';
import { openPostgresChecks } from '../../../../../shared/sources/postgres/checks.ts';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { startDatabases } from './databases.ts';
import { never, readAll } from './reading.ts';

const test = turnOfAll(3);

const databases = startDatabases();

describe('what a role may not read', () => {
  let url: string;
  const as = (role: string) => url.replace(/\/\/[^@]*@/, `//${role}:pw@`);

  beforeAll(async () => {
    url =
      await databases.make(`CREATE TABLE open_table AS SELECT 1 AS x; CREATE TABLE closed_table AS SELECT 1 AS x; CREATE SEQUENCE closed_sequence;
      CREATE ROLE limited LOGIN PASSWORD 'pw'; GRANT SELECT ON open_table TO limited;
      CREATE ROLE reader LOGIN PASSWORD 'pw' IN ROLE pg_read_all_data`);
  });

  test('fails the backup and is named', async () => {
    await expect(openPostgresSource(as('limited'), {}, {}).open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringMatching(/public\.closed_table \(no SELECT\).*public\.closed_sequence/),
    });
  });

  test('is nothing with pg_read_all_data, until row security hides rows', async () => {
    const view = await openPostgresSource(as('reader'), {}, {}).open(never);
    expect(await readAll(view, 'public.closed_table')).toBe('1\n');
    expect(await readAll(view, 'pre-data')).toContain('closed_table');
    await view[Symbol.asyncDispose]();
    await databases.server.query(
      new URL(url).pathname.slice(1),
      'ALTER TABLE closed_table ENABLE ROW LEVEL SECURITY',
    );
    await expect(openPostgresSource(as('reader'), {}, {}).open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringContaining('public.closed_table (row security hides rows)'),
    });
  });
});

test('roles are left out with a notice where their catalogs may not be read', async () => {
  const url =
    await databases.make(`CREATE TABLE mine AS SELECT 1 AS x; REVOKE SELECT ON pg_auth_members, pg_parameter_acl FROM PUBLIC;
    CREATE ROLE shy LOGIN PASSWORD 'pw'; GRANT SELECT ON mine TO shy`);
  const as = url.replace(/\/\/[^@]*@/, '//shy:pw@');
  await using view = await openPostgresSource(as, {}, {}).open(never);
  expect(view.datasets.map(({ name }) => name)).not.toContain('roles');
  expect(view.omitted).toContain(
    'Roles are not in the backup: the login may not read pg_auth_members, pg_parameter_acl.',
  );
  for (const { name } of view.datasets) await readAll(view, name);
  await view.check(never);
  const all = await databases.open(url);
  expect(all.datasets.map(({ name }) => name)).toContain('roles');
  expect(all.omitted.join()).not.toContain('Roles are not in the backup');
});

test('what can be looked at before a first backup is told, with what stands against one', async () => {
  const url = await databases.make(
    "CREATE TABLE shown (a int); CREATE TABLE hidden (a int); CREATE ROLE looker LOGIN PASSWORD 'p'",
  );
  const look = async (at: string) => {
    const { checks, failure } = await testSource(openPostgresChecks(at, {}, {}), {
      mayWrite: false,
      signal: never,
    });
    return { failure, outcomes: Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome])) };
  };
  const reached = { name: 'holds', route: 'holds', tls: 'holds' };
  const plain = { ...reached, login: 'holds', version: 'holds', connections: 'holds', snapshot: 'holds' };
  expect(await look(url)).toEqual({ failure: undefined, outcomes: { ...plain, rights: 'holds' } });
  const as = new URL(url);
  [as.username, as.password] = ['looker', 'p'];
  expect(await look(as.href)).toEqual({
    failure: 'E_SOURCE_DENIED',
    outcomes: { ...plain, rights: 'differs' },
  });
  as.pathname = '/nowhere';
  expect(await look(as.href)).toEqual({
    failure: 'E_SOURCE_REFUSED',
    outcomes: {
      ...reached,
      login: 'differs',
      version: 'skipped',
      connections: 'skipped',
      snapshot: 'skipped',
      rights: 'skipped',
    },
  });
});

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { runBackup } from '../../../../../shared/jobs/backup/backup.ts';
import { exportBackup } from '../../../../../shared/jobs/restore/export.ts';
import { planRestore, restoreBackup } from '../../../../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../../../../shared/jobs/source/adapters.ts';
import { openSource } from '../../../../../shared/jobs/source/open-source.ts';
import type { BackupContents } from '../../../../../shared/sources/contents.ts';
import { planGlobals } from '../../../../../shared/sources/postgres/roles/restore-globals.ts';
import { MemoryStore } from '../../../../../shared/store/memory-store.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { initRepository, never, openCheaply } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { POSTGRES_15_BIN } from '../../../../support/run/part-places.ts';
import { psql } from './round-trip.ts';

const it = turnOfAll(3);

const ROLES = `
create role admins nologin createrole createdb;
create role "Ana ""quoted"" 😀" login connection limit 3 valid until '2031-02-03 04:05:06+00' in role admins;
create role "go TO bed" noinherit;
create role "user" login;
create role keeper login valid until 'infinity' password 'a secret';
create role replica replication login bypassrls;
comment on role keeper is 'keeps what isn''t lost \\ at all';
grant admins to keeper with admin option;
set role keeper; grant admins to "user"; reset role;
grant pg_read_all_data to keeper;
grant admins to pg_monitor;
grant set on parameter log_statement to keeper with grant option;
grant set, alter system on parameter my.custom to "go TO bed";
alter role keeper set search_path = "$user", public, "a, b";
alter role "go TO bed" set search_path = '';
set role replica; select set_config('search_path', 'public;create/**/role/**/smuggled/**/superuser', false);
alter role replica set search_path from current; reset role; reset search_path;
alter role keeper set work_mem = '11MB';
alter role "go TO bed" in database shop set timezone = 'Asia/Kathmandu';
alter role "user" set my.custom = 'it''s';
create table t (id int primary key);
alter table t owner to "go TO bed";
grant select on t to "Ana ""quoted"" 😀";
insert into t values (1), (2);
`;

/** All that pg_dumpall says of roles. */
function globalsOf(server: PostgresServer): string {
  const text = execFileSync(
    path.join(POSTGRES_15_BIN, 'pg_dumpall'),
    ['--globals-only', '--no-role-passwords', '-d', server.url('postgres')],
    { encoding: 'utf8' },
  );
  return text.replace(/^--.*\n|^\\.*\n/gm, '');
}

describeWithPart('postgresql-15', 'the roles of a backup', () => {
  let from: PostgresServer;
  let to: PostgresServer;
  const store = new MemoryStore();
  let key: BackupKey;

  const backUp = async (options: Readonly<Record<string, boolean>>) => {
    await using repository = await openCheaply(store);
    const source = await openSource({ kind: 'postgres', url: from.url('shop'), options }, {});
    return (await runBackup(repository, source, { type: 'daily', signal: never })).key;
  };
  const targetOf = async (name: string) =>
    openTarget({ kind: 'postgres', url: await to.createDatabase(name), options: {} }, {});

  const dropRoles = async (database = 'postgres') => {
    for (const role of ['keeper', '"user"', 'replica', '"go TO bed"', '"Ana ""quoted"" 😀"', 'admins'])
      await to.query(database, `drop owned by ${role}; drop role ${role}`);
  };

  beforeAll(async () => {
    [from, to] = await Promise.all([ownPostgres(15), ownPostgres(15)]);
    await from.createDatabase('shop');
    await from.query('shop', ROLES);
    await initRepository(store);
    key = await backUp({});
  });
  afterAll(async () => {
    await Promise.all([from?.stop(), to?.stop()]);
  });

  it('are not restored unless that is asked for, and are named where they are missing', async () => {
    await using repository = await openCheaply(store);
    const refused = restoreBackup(repository, key, await targetOf('a'), { signal: never });
    await expect(refused).rejects.toMatchObject({
      code: 'E_MISSING_ROLES',
      hint: expect.stringContaining('--roles'),
    });
    expect(globalsOf(to)).not.toContain('keeper');
  });

  it('hold no passwords unless these are asked for, and say so', async () => {
    const reads = async (backup: BackupKey) => {
      await using repository = await openCheaply(store);
      const reader = await repository.openBackup(backup, never);
      const blocks: Uint8Array[] = [];
      for await (const block of reader.read(reader.root('roles', '0000'), { signal: never }))
        blocks.push(Buffer.from(block));
      return { text: Buffer.concat(blocks).toString(), omitted: reader.catalog.omitted.join('\n') };
    };
    const without = await reads(key);
    expect(without.text).toContain('keeper');
    expect(without.text).not.toContain('SCRAM');
    expect(without.omitted).toContain('Passwords of roles are not in the backup');
    const withThem = await reads(await backUp({ rolePasswords: true }));
    expect(withThem.text).toContain('SCRAM-SHA-256');
    expect(withThem.omitted).not.toContain('Passwords of roles');
  });

  it('are refused, and nothing is changed, where the login may not make any', async () => {
    await to.query('postgres', "create role weak login password 'weak'");
    const url = new URL(await to.createDatabase('weaks'));
    await to.query('postgres', 'alter database weaks owner to weak');
    [url.username, url.password] = ['weak', 'weak'];
    const target = await openTarget({ kind: 'postgres', url: url.href, options: {} }, {});
    await using repository = await openCheaply(store);
    await expect(
      restoreBackup(repository, key, target, { roles: true, signal: never }),
    ).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: expect.stringContaining('keeper'),
    });
    await to.query('postgres', 'drop database weaks');
    await to.query('postgres', 'drop role weak');
  });

  it('come back as pg_dumpall has them, with what they own and may do; those that are there stay', async () => {
    const target = await targetOf('shop');
    await using repository = await openCheaply(store);
    await to.query('postgres', 'create role "user" createdb');
    const odd = await planRestore(repository, key, target, { roles: true, signal: never });
    expect(odd.warnings).toContain('the existing role user differs from the backup: createDb, login');
    await to.query('postgres', 'drop role "user"');
    const plan = await planRestore(repository, key, target, { roles: true, signal: never });
    expect(plan.steps[1]).toContain('admins to keeper');
    expect(plan.steps[0]).toMatch(/^make the roles .*"go TO bed"/);
    expect(plan.warnings.join('\n')).toMatch(/already and stay as they are: postgres/);
    expect(plan.warnings.join('\n')).toMatch(/no passwords: set one for .*keeper/);
    expect(globalsOf(to)).not.toContain('keeper');
    // A server that makes something else of what it is told; the answer says so.
    const meddler = `create function meddle() returns event_trigger language plpgsql as $$ begin
        update pg_authid set rolconnlimit = 7 where rolname = 'replica';
        update pg_db_role_setting set setconfig = '{work_mem=1MB}' where setrole in (select oid from pg_authid where rolname = 'keeper');
        delete from pg_auth_members where member in (select oid from pg_authid where rolname = 'user');
      end $$; create event trigger meddler on ddl_command_end when tag in ('CREATE TABLE') execute function meddle()`;
    const meddled = await targetOf('meddled');
    await to.query('meddled', meddler);
    await expect(
      restoreBackup(repository, key, meddled, { roles: true, signal: never }),
    ).rejects.toMatchObject({
      code: 'E_RESTORE_INCOMPLETE',
      message: expect.stringMatching(
        /role replica is not as in the backup: connectionLimit; .*keeper is not as in the backup: its settings; .*user is not as in the backup: its membership in admins/s,
      ),
    });
    await dropRoles('meddled');
    const { comparison } = await restoreBackup(repository, key, target, { roles: true, signal: never });
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    expect(globalsOf(to)).toBe(globalsOf(from));
    const { rows } = await to.query('shop', 'select tableowner from pg_tables where tablename = $$t$$');
    expect(rows).toEqual([{ tableowner: 'go TO bed' }]);
  });

  it('are exported as SQL where they are named, and only then', async () => {
    await using repository = await openCheaply(store);
    const exported = async (datasets?: readonly string[]) => {
      const blocks: Uint8Array[] = [];
      for await (const block of exportBackup(repository, key, { format: 'sql', datasets, signal: never }))
        blocks.push(Buffer.from(block));
      return Buffer.concat(blocks).toString();
    };
    expect(await exported()).not.toContain('CREATE ROLE');
    await dropRoles('shop');
    const script = await exported(['roles']);
    await psql(to.url('shop'), script.replace('CREATE ROLE "postgres"', '-- '));
    const inOne = /^--.*\n|^ALTER ROLE .* IN DATABASE .*\n/gm;
    expect(globalsOf(to).replace(inOne, '')).toBe(globalsOf(from).replace(inOne, ''));
  });

  it('let people log in where their passwords were backed up', async () => {
    await dropRoles('shop');
    const newest = await backUp({ rolePasswords: true });
    await using repository = await openCheaply(store);
    await restoreBackup(repository, newest, await targetOf('again'), { roles: true, signal: never });
    const url = new URL(to.url('again'));
    [url.username, url.password] = ['keeper', 'a secret'];
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    const { rows } = await client.query('select current_user as me, current_setting($$work_mem$$) as memory');
    expect(rows).toEqual([{ me: 'keeper', memory: '11MB' }]);
    await client.end();
  });
});

it('a backup without roles has none to restore', async () => {
  const contents = { datasets: [] } as unknown as BackupContents;
  const planned = planGlobals(new pg.Client(), contents, new Set(), never);
  await expect(planned).rejects.toMatchObject({
    code: 'E_NO_DATASET',
    hint: expect.stringContaining('--roles'),
  });
});

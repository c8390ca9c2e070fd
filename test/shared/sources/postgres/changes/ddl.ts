import { expect } from 'vitest';
import type { ChangeFacts } from '../../../../../shared/sources/changes.ts';
import { openPostgresReplay } from '../../../../../shared/sources/postgres/changes/replay.ts';
import type { PostgresVersion } from '../../../../support/postgres.ts';
import { sample, tortureTimeoutMs, turns } from '../../../../support/repository/torture.ts';
import { never } from '../source/reading.ts';
import { backUpUrl, newRepository, restoreUrl } from '../target/round-trip.ts';
import { contents, type Story, startStories } from './stories.ts';
import { openSetup, replay, storedChanges } from './world.ts';

/** All that the tests change, as the server describes it. */
const DEFINITIONS = `
  select 'column ' || c.oid::regclass || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull
         || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || a.attidentity::text || a.attgenerated::text as what
    from pg_class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
   where c.relnamespace in (select oid from pg_namespace where nspname in ('public', 'later')) and c.relkind in ('r', 'p', 'v', 'm')
     and a.attnum > 0 and not a.attisdropped
  union all select 'index ' || indexdef from pg_indexes where schemaname in ('public', 'later')
  union all select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated
    from pg_constraint where conrelid <> 0 and connamespace in (select oid from pg_namespace where nspname in ('public', 'later'))
  union all select 'trigger ' || pg_get_triggerdef(oid) || tgenabled::text from pg_trigger where not tgisinternal
  union all select 'function ' || pg_get_functiondef(oid) from pg_proc where pronamespace in (select oid from pg_namespace where nspname in ('public', 'later'))
  union all select 'view ' || definition from pg_views where schemaname in ('public', 'later')
  union all select 'enum ' || enumtypid::regtype || ' ' || enumlabel || ' ' || row_number() over (partition by enumtypid order by enumsortorder) from pg_enum
  union all select 'comment ' || description from pg_description where objoid >= 16384
  order by 1`;

/** What a test runs, each in a transaction of its own. */
const HISTORY: readonly string[] = [
  "insert into items values (1, 'one', 1.5), (2, 'two', 2.5)",
  "alter table items add column state text not null default 'new'",
  "insert into items (id, name) values (3, 'three'); update items set state = 'old' where id = 1",
  'create index concurrently items_name on items (name)',
  'alter table items rename column name to title',
  "update items set title = title || '!'",
  "begin; insert into items (id, title) values (4, 'four'); alter table items alter column price type numeric(8,3); update items set price = 9.125 where id = 4; alter table items add column n int; update items set n = id; commit",
  'begin; savepoint a; alter table items add column s int; release a; update items set s = id; insert into items (id, s) values (100, 1); commit',
  'delete from items where id = 100; alter table items drop s',
  'create table orders (id bigint generated always as identity primary key, item int references items, at timestamptz default now())',
  'insert into orders (item) values (1), (2); delete from orders where id = 1',
  "do $do$ begin alter table items add column extra jsonb default '{}'; execute 'create function twice(int) returns int language sql as ''select $1 * 2'''; end $do$",
  'update items set extra = \'{"a": 1}\' where id < 3',
  "set search_path = later, public; create table items (key text primary key, v int); insert into items values ('k', 1); alter table items add check (v > 0)",
  "insert into later.items values ('l', 2); update items set n = 0",
  "create type mood as enum ('sad', 'ok'); create table moods (id int primary key, m mood); insert into moods values (1, 'sad')",
  "alter type mood add value 'happy' before 'ok'",
  "insert into moods values (2, 'happy'); alter type mood rename value 'sad' to 'blue'",
  "create function stamp() returns trigger language plpgsql as $f$ begin new.state := 'stamped'; return new; end $f$; create trigger stamp before insert or update on items for each row execute function stamp()",
  "insert into items (id, title) values (5, 'five')",
  'alter table items enable always trigger stamp',
  "update items set title = 'six' where id = 5",
  "set timezone = 'Asia/Tokyo'; alter table items add column stamp timestamptz default '2026-01-01 00:00'",
  "create view titles as select id, title from items; comment on view titles is 'what they are called'",
  'alter table orders drop constraint orders_item_fkey; delete from items where id = 2',
  'create temp table scratch (id int); alter table scratch add v int; drop table scratch',
  'begin; alter table items add column never int; rollback',
  "begin; savepoint a; alter table items add column neither int; rollback to a; insert into items (id, title) values (7, 'seven'); commit",
  'drop table moods; drop type mood',
  'alter table items drop column extra, drop column price',
  "insert into items (id, title, n) values (8, 'eight', 8)",
  "create table parts (id int, d date, primary key (id, d)) partition by range (d); create table parts_1 partition of parts for values from ('2026-01-01') to ('2026-02-01'); insert into parts values (1, '2026-01-02')",
  "insert into parts values (2, '2026-01-03'); alter table parts add column v text default 'p'",
  'alter table items set schema later2; alter table later2.items set schema public',
];

/** The same for each version. */
export function ddlStories(version: PostgresVersion): void {
  const it = turns(3, 2);
  const stories = startStories(version);
  const server = () => stories.server;

  const SCHEMA =
    'create schema later; create schema later2; create table items (id int primary key, name text, price numeric(6,2));';

  async function tell(sql = SCHEMA): Promise<Story> {
    const story = await stories.tell(sql, { definitions: true });
    // A base would not have them.
    await server().query(
      story.target,
      `drop event trigger holdfast_${story.name}; drop event trigger holdfast_${story.name}_drop; drop schema holdfast_ddl cascade`,
    );
    return story;
  }

  /** What the stretch says that has a statement; without any, the last one. */
  async function factsAfter(story: Story, sql: string): Promise<ChangeFacts | undefined> {
    const from = story.chain.segments.length;
    await story.run(sql);
    await story.poll();
    const all = story.chain.segments.slice(from).map(({ facts }) => facts);
    const isTold = ({ definitions }: ChangeFacts) =>
      definitions?.problem !== undefined || definitions?.statements !== 0;
    return all.find(isTold) ?? all.at(-1);
  }

  async function stateOf(database: string): Promise<unknown> {
    const { rows } = await server().query(database, DEFINITIONS);
    const { rows: tables } = await server().query(
      database,
      "select c.oid::regclass::text as t from pg_class c where relkind = 'r' and relnamespace in (select oid from pg_namespace where nspname in ('public', 'later')) order by 1",
    );
    const held: Record<string, readonly string[]> = {};
    for (const { t } of tables) held[t] = await contents(server(), database, t);
    return { definitions: rows.map(({ what }) => what), held };
  }

  async function lastCommit(): Promise<string> {
    const { rows } = await server().query(
      'postgres',
      `select to_char(timestamp at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from pg_last_committed_xact()`,
    );
    return rows[0].at;
  }

  it('each moment has what the source had then, rows and definitions', {
    timeout: tortureTimeoutMs,
  }, async () => {
    const story = await tell();
    const moments: { sql: string; at: string; state: unknown }[] = [];
    for (const sql of HISTORY) {
      await story.run(sql);
      moments.push({ sql, at: await lastCommit(), state: await stateOf(story.name) });
      if (moments.length % 7 === 0) await story.poll();
    }
    await story.poll();
    for (const { facts } of story.chain.segments) {
      expect(facts.definitions?.problem).toBeUndefined();
      expect(facts.carriesDefinitions).toBe(true);
    }
    // Any but the last few look the same if statements are run at the wrong place, so take some of all.
    const tried = [...sample(moments.slice(0, -1), 4), ...moments.slice(-1)];
    for (const [i, { sql, at, state }] of tried.entries()) {
      const target = `${story.target}_${i}`;
      await server().query('postgres', `create database ${target} template ${story.target}`);
      const { warnings } = await replay(story.chain, story, server().url(target), { at });
      expect(await stateOf(target), `after: ${sql}`).toEqual(state);
      expect(warnings).toEqual([]);
      await server().query('postgres', `drop database ${target}`);
    }
  });

  it('a replay goes on after it broke off, also where triggers are switched off', async () => {
    const story = await tell(
      `${SCHEMA} create function no() returns trigger language plpgsql as $f$ begin raise 'no'; end $f$;`,
    );
    for (const sql of [
      "insert into items values (1, 'one', 1)",
      'create trigger no before insert on items for each row execute function no(); alter table items enable always trigger no',
      'alter table items disable trigger no',
      "insert into items values (2, 'two', 2)",
      'alter table items enable always trigger no; alter table items add v int',
    ]) {
      await story.run(sql);
      await story.poll();
    }
    const { join, targetUrl } = story;
    for (const [i, segment] of story.chain.segments.entries()) {
      await using run = openPostgresReplay(targetUrl, {}, {}, { join, until: {}, base: 'base' });
      expect((await run.resumes(never)) !== undefined).toBe(i > 0);
      if (i === 0) await run.begin(never);
      await run.apply(storedChanges(segment), never);
    }
    await using last = openPostgresReplay(targetUrl, {}, {}, { join, until: {}, base: 'base' });
    await last.resumes(never);
    await last.finish(never);
    expect(await stateOf(story.target)).toEqual(await stateOf(story.name));
  });

  it('new tables with a key are in the stream; what the stream cannot have is named', async () => {
    const story = await tell();
    const problemOf = async (sql: string) => (await factsAfter(story, sql))?.definitions?.problem;
    expect(
      await problemOf('create table keyed (id int primary key); insert into keyed values (1)'),
    ).toBeUndefined();
    expect(story.chain.segments.at(-1)?.facts.datasets).toContain('public.keyed');
    expect(await problemOf('create table bare (id int)')).toContain('public.bare');
    expect(await problemOf('create table late (id int primary key deferrable)')).toContain('public.late');
    expect(await problemOf('create unlogged table fast (id int primary key)')).toContain('public.fast');
    expect(await problemOf('create table copied as select 1 as id')).toContain('CREATE TABLE AS');
    expect(await problemOf('alter table keyed add at timestamptz default now()')).toContain(
      'a default that is computed',
    );
    expect(await problemOf('alter table items add n serial')).toContain('it numbered rows');
    expect(
      await problemOf(
        "create domain day as date default 'today'; create table dated (id int primary key); alter table dated add d day",
      ),
    ).toContain('default of its type');
    expect(await problemOf(`alter publication holdfast_${story.name} drop table keyed`)).toContain(
      'publication was changed',
    );
    expect(
      await problemOf(
        'create function f() returns void language sql as $$ alter table items add w int $$; select f()',
      ),
    ).toContain('text is not known');
    expect(
      await problemOf('alter table items add z int; select pg_sleep(0); insert into items (id) values (9)'),
    ).toBeUndefined();
    // The application's statements work on all of them.
    await story.run(
      'update bare set id = 1; delete from late; update fast set id = 2; update copied set id = 2',
    );
  });

  it('the application never fails because of it, and what was not noted is known', async () => {
    const story = await tell();
    const facts = (sql: string) => factsAfter(story, sql);
    const { definitions: before } = (await facts('alter table items add a int')) ?? {};
    expect(before).toMatchObject({ statements: 1 });
    const place = `holdfast_ddl.holdfast_${story.name}`;
    // The key is gone: the statement says that it was not noted.
    await story.run(`alter table ${place} rename to gone`);
    expect(await facts('alter table items add b int')).toMatchObject({
      carriesDefinitions: false,
      warnings: [expect.stringContaining('the key of its messages is missing')],
    });
    await story.run(`alter table holdfast_ddl.gone rename to holdfast_${story.name}; delete from ${place}`);
    expect((await facts('alter table items add c int'))?.definitions).toMatchObject({
      statements: 0,
      problem: expect.stringContaining('could not be noted'),
    });
    // Somebody replaced the function.
    await story.run(
      `insert into ${place} values ('x'); create or replace function ${place}() returns event_trigger language plpgsql security definer as $f$ begin raise exception 'broken'; exception when others then null; end $f$`,
    );
    expect(await facts('alter table items add d int')).toMatchObject({ carriesDefinitions: false });
    await using setup = openSetup(story.url);
    const check = async () =>
      (await Array.fromAsync(setup.check(never))).find(({ name }) => name === 'definitions');
    expect(await check()).toMatchObject({ outcome: 'differs', isMinor: true });
    await setup.setUp({ definitions: true }, never);
    expect(await check()).toMatchObject({ outcome: 'holds', seen: 'event triggers note them' });
    const { definitions: after } = (await facts('alter table items add e int')) ?? {};
    expect(after).toMatchObject({ statements: 1 });
    expect(after?.by).not.toBe(before?.by);
    // Switched off and on again: some may be missing.
    await story.run(
      `alter event trigger holdfast_${story.name} disable; alter table items add f int; alter event trigger holdfast_${story.name} enable always`,
    );
    expect((await facts('alter table items add g int'))?.definitions?.by).not.toBe(after?.by);
    // A session that plays the replica fires it too.
    expect(
      (await facts("set session_replication_role = 'replica'; alter table items add h int"))?.definitions,
    ).toMatchObject({
      statements: 1,
    });
  });

  it('nobody gets rights by it: not by names in the way, not by messages', async () => {
    const story = await tell();
    const role = `plain_${story.name}`;
    await story.run(`
      create role ${role} login password 'x'; create schema evil authorization ${role}; grant create on schema public to ${role};
      create table evil.log (who text); alter table evil.log owner to ${role};
      create function evil.note(text) returns boolean language plpgsql as $f$ begin insert into evil.log values (current_user); return true; end $f$;
      create function evil.same(text, text) returns boolean language sql as $f$ select evil.note('') $f$;
      create function evil.current_setting(text) returns text language sql as $f$ select evil.note('')::text $f$;
      create function evil.set_config(text, text, boolean) returns text language sql as $f$ select evil.note('')::text $f$;
      create function evil.current_query() returns text language sql as $f$ select evil.note('')::text $f$;
      create operator evil.= (leftarg = text, rightarg = text, function = evil.same);
      create operator evil.~~ (leftarg = text, rightarg = text, function = evil.same);
      create operator evil.!~~ (leftarg = text, rightarg = text, function = evil.same);`);
    await story.poll();
    await story
      .run(`set role ${role}; set search_path = evil, pg_catalog; create table pg_catalog.x (id int)`)
      .catch(() => undefined);
    await story.run(
      `set role ${role}; set search_path = evil, pg_catalog; create table mine (id int primary key); drop table mine; create function evil.g() returns int language sql as 'select 1'; select pg_catalog.set_config('x.path', pg_catalog.current_setting('search_path'), false)`,
    );
    expect((await server().query(story.name, 'select * from evil.log')).rows).toEqual([]);
    expect(
      await server()
        .query(
          story.name,
          `set role ${role}; select has_table_privilege('holdfast_ddl.holdfast_${story.name}', 'select')`,
        )
        .catch((error) => error.message),
    ).toContain('permission denied');
    await story.poll();
    const note = JSON.stringify({
      xid: '0',
      tag: 'ALTER TABLE',
      publication: `holdfast_${story.name}`,
      sql: 'alter table items add column hacked int',
      stack: '',
      objects: [],
      settings: {},
    });
    await story.run(
      `set role ${role}; select pg_logical_emit_message(true, 'holdfast.ddl', repeat('0', 64) || '${note}')`,
      `set role ${role}; select pg_logical_emit_message(true, 'holdfast.ddl', '${note}'); select pg_logical_emit_message(true, 'holdfast.ddl', repeat('x', 3000000))`,
    );
    await story.poll();
    const last = story.chain.segments.findLast(({ facts }) => facts.transactions > 0);
    expect(last?.facts).toMatchObject({ transactions: 2, definitions: { statements: 0 } });
    expect(last?.facts.definitions?.problem).toBeUndefined();
    expect(last?.bytes.includes('hacked')).toBe(false);
    expect(last?.bytes.length).toBeLessThan(1000);
  });

  it('a session keeps its search_path, whatever it was', async () => {
    const story = await tell();
    const { rows } = await server()
      .query(
        story.name,
        `select set_config('x.before', current_setting('search_path'), false);
       set search_path = later, "odd, name", public; create table seen (id int primary key); select set_config('x.after', current_setting('search_path'), false);
       create table seen2 (id int)`,
      )
      .then(() =>
        server().query(
          story.name,
          "select to_regclass('later.seen')::text as a, to_regclass('later.seen2')::text as b",
        ),
      );
    expect(rows).toEqual([{ a: 'later.seen', b: 'later.seen2' }]);
  });

  it('backups leave it out, and take those of others; remove takes it down', async () => {
    const story = await tell();
    await story.run(
      'create function public.theirs() returns event_trigger language plpgsql as $f$ begin end $f$; create event trigger theirs on ddl_command_start execute function public.theirs()',
    );
    const repository = await newRepository();
    const { key } = await backUpUrl(repository, story.url);
    const target = `${story.name}_restored`;
    await restoreUrl(repository, key, await server().createDatabase(target));
    const left = async (database: string) =>
      (
        await server().query(
          database,
          `select evtname as name from pg_event_trigger union all select nspname from pg_namespace where nspname like 'holdfast%'
           union all select proname from pg_proc where proname like 'holdfast%' order by 1`,
        )
      ).rows.map(({ name }) => name);
    expect(await left(target)).toEqual(['theirs']);
    expect((await left(story.name)).length).toBe(5);
    await using setup = openSetup(story.url);
    await setup.remove(never);
    expect(await left(story.name)).toEqual(['theirs']);
    await story.run('alter table items add after_all int');
  });
}

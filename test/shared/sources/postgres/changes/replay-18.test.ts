import { describe, expect } from 'vitest';
import { openPostgresReplay } from '../../../../../shared/sources/postgres/changes/replay.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { never } from '../source/reading.ts';
import { contents, startStories } from './stories.ts';
import { replay, storedChanges } from './world.ts';

const it = turns(3, 2);

describe('changes of PostgreSQL 18, replayed', () => {
  const stories = startStories(18);

  it('values that did not change are kept, also where keys and unique values move', async () => {
    const big = "(select string_agg(md5(i::text), '') from generate_series(1, 2000) i)";
    const story = await stories.tell(`
      create table notes (id text primary key, title text, body text, code int unique);
      alter table notes alter body set storage external;
      insert into notes select 'n' || i, 'old', ${big} || i, i from generate_series(1, 20) i;
      create table identity (id int generated always as identity primary key, n int generated always as identity, body text);
      alter table identity alter body set storage external;
      insert into identity (body) select ${big} || i from generate_series(1, 5) i;`);
    await story.run(
      "update notes set title = 'new' where code <= 5",
      "update notes set id = 'moved' || id where code between 4 and 8",
      "insert into notes values ('n4', 'again', 'small', 104); delete from notes where code = 7",
      'update notes set code = -code; update notes set code = 1000 where code = -1; update notes set code = -1 where code = -2; update notes set code = -2 where code = 1000',
      'update notes set code = code + 500 where code between -12 and -9; update notes set code = case code when 491 then -12 else code - 499 end where code > 400',
      "update identity set body = 'x' where id = 1; update identity set n = default where id = 2",
    );
    await story.replay();
    await story.expectSame('notes', 'identity');
  });

  it('rows without a key are as many as there were, whatever their types', async () => {
    const story = await stories.tell(
      `create table bag (n int, j json, p point, c char(5), b bytea); alter table bag replica identity full;
       insert into bag select i % 3, '{"a": 1}', '(1,2)', 'ab', '\\x00ff' from generate_series(1, 30) i;
       create table nothing (); insert into nothing default values;`,
      { allDatasets: true },
    );
    await story.run(
      'delete from bag where ctid in (select ctid from bag where n = 1 limit 4)',
      "update bag set c = 'cd' where ctid in (select ctid from bag where n = 2 limit 3)",
      'insert into bag select * from bag limit 7; insert into bag values (null, null, null, null, null); update bag set n = 9 where n is null',
      'insert into nothing default values; insert into nothing default values',
    );
    await story.replay();
    await story.expectSame('bag', 'nothing');
  });

  it('tables that are emptied are empty, also if others refer to them that have no stream', async () => {
    const story = await stories.tell(`
      create table parents (id int primary key); insert into parents select generate_series(1, 5);
      create table children (parent int references parents);
      create table other (id int primary key); insert into other values (1);`);
    await story.run(
      'insert into parents values (6)',
      'truncate parents, children; insert into parents values (7)',
      'truncate other',
    );
    await story.replay();
    await story.expectSame('parents', 'other');
  });

  it('partitions take their rows, and one that came later is named', async () => {
    const story = await stories.tell(`
      create table days (d date, id int, note text, primary key (d, id)) partition by range (d);
      create table days_1 partition of days for values from ('2026-01-01') to ('2026-02-01');
      create table days_2 partition of days for values from ('2026-02-01') to ('2026-03-01');
      insert into days values ('2026-01-05', 1, 'a'), ('2026-02-05', 2, 'b');`);
    await story.run(
      "update days set d = '2026-02-06' where id = 1",
      "create table days_3 partition of days for values from ('2026-03-01') to ('2026-04-01')",
      "insert into days values ('2026-03-05', 3, 'c'), ('2026-01-01', 4, 'd')",
    );
    const { warnings } = await story.replay();
    await story.expectSame('days_1', 'days_2');
    expect(warnings).toContain('Changes of public.days_3 were left out: the backup has no such table.');
  });

  it('columns that came, went or changed are followed and named', async () => {
    const story = await stories.tell(`
      create type colour as enum ('red', 'blue');
      create table things (id int primary key, gone text not null, n int, v varchar(5)); insert into things values (1, 'x', 1, 'a'), (2, 'y', 2, 'b');`);
    await story.run(
      'alter table things add column "New one" colour, add column price numeric(8,2) default 5, drop column gone, alter n type bigint, alter v type varchar(50)',
      "insert into things values (3, 9000000000, 'more than five', 'blue', 1.25)",
      'update things set price = 7 where id = 1',
    );
    const { warnings } = await story.replay();
    const rows = (database: string) =>
      stories.server
        .query(database, 'select id, n, v, "New one", price from things where id <> 2 order by id')
        .then((result) => result.rows);
    expect(await rows(story.target)).toEqual(await rows(story.name));
    expect(warnings.map((warning) => warning.split(' after the backup')[0])).toEqual([
      'The column n of public.things got another type',
      'The column v of public.things got another type',
      'public.things got the column New one',
      'public.things got the column price',
      'public.things lost the column gone',
    ]);
  });

  it('sequences give no value twice', async () => {
    const story = await stories.tell(`
      create table serials (id bigserial primary key, other int generated by default as identity);
      create sequence plain; create sequence down increment -1;`);
    await story.run(
      "insert into serials default values; select nextval('plain'); select nextval('plain'); select nextval('down')",
    );
    await story.run('begin; insert into serials default values; rollback');
    await story.replay();
    const values = (database: string) =>
      stories.server
        .query(database, 'select sequencename, last_value from pg_sequences order by 1')
        .then((result) => result.rows);
    expect(await values(story.target)).toEqual(await values(story.name));
  });

  it('stops after a moment to the microsecond, and before a transaction', async () => {
    const story = await stories.tell('create table steps (id int primary key)');
    const steps: { xid: string; at: string }[] = [];
    for (let i = 1; i <= 3; i++) {
      const { rows } = await stories.server.query(
        story.name,
        `insert into steps values (${i}) returning pg_current_xact_id()::text as xid`,
      );
      const [{ at }] = (
        await stories.server.query(
          story.name,
          `select to_char(pg_xact_commit_timestamp('${rows[0].xid}'::xid8::xid) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
        )
      ).rows as [{ at: string }];
      steps.push({ xid: rows[0].xid, at });
    }
    const [, second] = steps as [{ at: string }, { xid: string; at: string }];
    const justBefore = (at: string) =>
      at.replace(/\d{6}Z$/, (us) => `${String(Number(us.slice(0, 6)) - 1).padStart(6, '0')}Z`);
    expect(await story.replay({ at: second.at })).toMatchObject({ transactions: 2, isReached: true });
    expect(await contents(stories.server, story.target, 'steps')).toEqual(['(1)', '(2)']);
    for (const until of [{ at: justBefore(second.at) }, { beforeTransaction: second.xid }]) {
      await stories.server.query(story.target, 'truncate steps');
      await replay(story.chain, story, story.targetUrl, until);
      expect(await contents(stories.server, story.target, 'steps'), JSON.stringify(until)).toEqual(['(1)']);
    }
  });

  it('goes on where it broke off, and doubles nothing', async () => {
    const story = await stories.tell(
      'create table many (id serial primary key, v text); create table counts (n int); alter table counts replica identity full',
      { allDatasets: true },
    );
    for (let i = 0; i < 8; i++)
      await story.run(
        `insert into many (v) select md5(i::text) from generate_series(1, 1500) i; insert into counts values (1)`,
      );
    await story.poll();
    const segment = story.chain.segments.at(-1);
    if (!segment) throw new Error('there is no segment');
    const given = { join: story.join, until: {}, base: 'b' };
    let isBegun = false;
    for (let cut = 0.1; ; cut += 0.13) {
      await using run = openPostgresReplay(story.targetUrl, {}, {}, given);
      const resumed = await run.resumes(never);
      expect(resumed !== undefined).toBe(isBegun);
      if (!resumed) await run.begin(never);
      isBegun = true;
      const stored = storedChanges(segment, 5000);
      if (cut > 1) {
        await run.apply(stored, never);
        await run.finish(never);
        break;
      }
      const broken = {
        ...stored,
        async *bytes() {
          let done = 0;
          for await (const block of stored.bytes()) {
            done += block.length;
            if (done > segment.bytes.length * cut) throw new Error('gone');
            yield block;
          }
        },
      };
      await expect(run.apply(broken, never)).rejects.toThrow('gone');
      await using other = openPostgresReplay(story.targetUrl, {}, {}, { ...given, base: 'another' });
      await expect(other.resumes(never)).rejects.toMatchObject({ code: 'E_TARGET_NOT_EMPTY' });
    }
    await story.expectSame('many', 'counts');
    const { rows } = await stories.server.query(
      story.target,
      "select 1 from pg_namespace where nspname = 'holdfast_replay'",
    );
    expect(rows).toEqual([]);
  });

  it('fires no trigger and no foreign key, as a superuser and as an owner', async () => {
    const sql = `
      create table log (id serial primary key, what text);
      create table p (id int primary key); create table c (id int primary key, p int references p on delete cascade);
      create function noted() returns trigger language plpgsql as $$ begin insert into public.log (what) values (tg_op || tg_name); return new; end $$;
      create trigger plain after insert or update on p for each row execute function noted();
      create trigger always after insert on c for each row execute function noted();
      alter table c enable always trigger always;
      insert into p values (1), (2); insert into c values (1, 1), (2, 1);`;
    for (const isOwner of [false, true]) {
      const story = await stories.tell(sql);
      await story.run(
        'update c set p = 2 where id = 1; delete from p where id = 1',
        'insert into p values (3); insert into c values (3, 3); update p set id = 4 where id = 2 and false',
      );
      await story.poll();
      let url = story.targetUrl;
      if (isOwner) {
        await stories.server.query(
          story.target,
          `create role owner_${story.name} login password 'x'; alter database ${story.target} owner to owner_${story.name};
          alter table log owner to owner_${story.name}; alter table p owner to owner_${story.name}; alter table c owner to owner_${story.name}`,
        );
        const login = new URL(url);
        login.username = `owner_${story.name}`;
        login.password = 'x';
        url = login.href;
      }
      await replay(story.chain, story, url);
      await story.expectSame('log', 'p', 'c');
      const definitions = (database: string) =>
        stories.server
          .query(
            database,
            `select tgname, tgenabled from pg_trigger where not tgisinternal union all
          select conname, pg_get_constraintdef(oid)::"char" from pg_constraint where contype = 'f' order by 1`,
          )
          .then(({ rows }) => rows);
      expect(await definitions(story.target)).toEqual(await definitions(story.name));
    }
  });

  it('says what no stream carries', async () => {
    const story = await stories.tell(`
      create table rows (id int primary key, twice int generated always as (id * 2) stored); create unlogged table fast (id int primary key);
      create materialized view counted as select count(*) from rows; select lo_from_bytea(0, 'old');`);
    await story.run(
      "insert into rows values (1); insert into fast values (1); select lo_from_bytea(0, 'new'); refresh materialized view counted",
    );
    const { warnings } = await story.replay();
    await story.expectSame('rows');
    expect(warnings).toEqual([
      'Large objects are those of the base: the stream does not carry their changes.',
      'Unlogged tables hold the rows of the base: public.fast.',
      'Materialised views hold what the base made of them; refresh them: public.counted.',
    ]);
    expect(await contents(stories.server, story.target, 'fast')).toEqual([]);
    expect(await contents(stories.server, story.target, 'counted')).toEqual(['(0)']);
  });

  it('refuses a target that the stream does not fit', async () => {
    const story = await stories.tell(
      'create table rows (id int primary key, v text); insert into rows values (1), (2)',
    );
    await story.run("update rows set v = 'x'", 'insert into rows values (3)');
    await story.poll();
    await stories.server.query(story.target, 'delete from rows where id = 2');
    await expect(replay(story.chain, story, story.targetUrl)).rejects.toMatchObject({
      code: 'E_RESTORE_DIFFERS',
      message: expect.stringContaining('public.rows: the stream changes 2 rows, and the target has 1'),
    });
    await stories.server.query(
      story.target,
      'drop schema holdfast_replay cascade; insert into rows values (2), (3)',
    );
    await expect(replay(story.chain, story, story.targetUrl)).rejects.toMatchObject({
      code: 'E_RESTORE_DIFFERS',
    });
  });

  it('messages of others in the stream do no harm', async () => {
    const story = await stories.tell('create table rows (id int primary key)');
    await story.run(
      "select pg_logical_emit_message(false, 'x', 'y')",
      "insert into rows values (1); select pg_logical_emit_message(true, 'x', repeat('y', 99999))",
      "select pg_logical_emit_message(true, 'x', 'y')",
    );
    await story.replay();
    await story.expectSame('rows');
  });
});

import pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import { postgresChangeDecoder } from '../../../../../shared/sources/postgres/changes/decoder.ts';
import { findOldTransactions } from '../../../../../shared/sources/postgres/changes/facts.ts';
import { formatPlace, parsePlace } from '../../../../../shared/sources/postgres/changes/position.ts';
import { openPostgresChanges } from '../../../../../shared/sources/postgres/changes/stream.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { never, session } from '../source/reading.ts';
import { joinNow, type Stories, type Story } from './stories.ts';
import { openChanges, openSetup, readStretch, replay, storedChanges } from './world.ts';

/** What a poll promises, on servers of any version. */
export function pollTests(stories: Stories): void {
  const it = turns(3, 2);

  it('a stretch has what was committed before it, though nobody waited for its disk', async () => {
    const story = await stories.tell('create table t (id int primary key)');
    await stories.server.query('postgres', "alter system set wal_writer_delay = '3s'");
    await stories.server.query('postgres', 'select pg_reload_conf()');
    await story.run('set synchronous_commit = off; insert into t values (1)');
    const segment = await readStretch(openChanges(story.url), story.chain.at);
    expect(segment.facts.transactions).toBe(1);
    expect((segment.facts.lastCommit ?? 'z') <= segment.facts.readAt).toBe(true);
    await stories.server.query('postgres', "alter system set wal_writer_delay = '10ms'");
    await stories.server.query('postgres', 'select pg_reload_conf()');
  });

  it('stretches of any size have each transaction once', async () => {
    const story = await stories.tell('create table t (id serial primary key, v text)');
    for (let i = 0; i < 12; i++)
      await story.run(`insert into t (v) select repeat(md5(i::text), 20) from generate_series(1, 300) i`);
    await story.poll(1);
    expect(story.chain.segments.length).toBeGreaterThan(1);
    expect(await replay(story.chain, story, story.targetUrl)).toMatchObject({ transactions: 12, rows: 3600 });
    await story.expectSame('t');
  });

  it('a transaction that was open meanwhile comes whole when it ends', async () => {
    const story = await stories.tell('create table t (id int primary key)');
    const open = await session(story.url);
    await open.query('begin; insert into t values (1)');
    await story.run('insert into t values (2)');
    await story.poll();
    await open.query('insert into t values (3); commit');
    await story.run('insert into t values (4)');
    await story.replay();
    await story.expectSame('t');
  });

  it('whoever comes second is told that another one reads', async () => {
    const story = await stories.tell('create table t (id int primary key)');
    const reader = new pg.Client({ connectionString: story.url, replication: 'database' } as pg.ClientConfig);
    reader.on('error', () => undefined);
    await reader.connect();
    onTestFinished(() => reader.end().catch(() => undefined));
    reader
      .query(
        `START_REPLICATION SLOT holdfast_${story.name} LOGICAL 0/0 (proto_version '1', publication_names 'holdfast_${story.name}')`,
      )
      .catch(() => undefined);
    const slotIs = async (active: boolean) => {
      const sql = `select 1 from pg_replication_slots where slot_name = 'holdfast_${story.name}' and active = ${active}`;
      while ((await stories.server.query('postgres', sql)).rowCount === 0);
    };
    await slotIs(true);
    await story.run('insert into t values (1)');
    await expect(story.poll()).rejects.toMatchObject({ code: 'E_CHANGES_BUSY' });
    // The watchdog gets past it all the same.
    expect(await openSetup(story.url).letGo({ mostHeldBytes: 0, mostIdleMs: 1e9 }, never)).toBe(true);
  });

  it('what the server no longer has is a gap, which a new beginning heals', async () => {
    const story = await stories.tell('create table t (id serial primary key, v text)');
    await story.poll();
    const { server } = stories;
    await server.query('postgres', "alter system set max_slot_wal_keep_size = '1MB'");
    await server.query('postgres', 'select pg_reload_conf()');
    for (let i = 0; i < 3; i++) {
      await story.run('insert into t (v) select repeat(md5(i::text), 30) from generate_series(1, 3000) i');
      await server.query('postgres', 'select pg_switch_wal()');
      await server.query('postgres', 'checkpoint');
    }
    await server.query('postgres', "alter system set max_slot_wal_keep_size = '4GB'");
    await server.query('postgres', 'select pg_reload_conf()');
    expect(await openSetup(story.url).state(never)).toMatchObject({
      problem: expect.stringContaining('lost'),
    });
    await goesOn(story);
  });

  it('a slot that the server gave up because nobody read it is a gap, which a new beginning heals', async () => {
    const { server } = stories;
    const setting = "select 1 from pg_settings where name = 'idle_replication_slot_timeout'";
    // Since 18.
    if ((await server.query('postgres', setting)).rowCount === 0) return;
    const story = await stories.tell('create table t (id serial primary key, v text)');
    await story.poll();
    await server.query('postgres', "alter system set idle_replication_slot_timeout = '1s'");
    await server.query('postgres', 'select pg_reload_conf()');
    const lost = `select 1 from pg_replication_slots where slot_name = 'holdfast_${story.name}' and invalidation_reason = 'idle_timeout'`;
    while ((await server.query('postgres', lost)).rowCount === 0) {
      await story.run('insert into t (v) values (1)');
      await server.query('postgres', 'select pg_switch_wal()');
      await server.query('postgres', 'checkpoint');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    await server.query('postgres', 'alter system reset idle_replication_slot_timeout');
    await server.query('postgres', 'select pg_reload_conf()');
    expect(await openSetup(story.url).state(never)).toMatchObject({
      problem: expect.stringContaining('idle_timeout'),
    });
    await goesOn(story);
  });

  it('a transaction that has been open for long is named', async () => {
    const story = await stories.tell('create table t (id int primary key)');
    const open = await session(story.url);
    const { rows } = await open
      .query('begin; insert into t values (1)')
      .then(() => open.query('select pg_backend_pid() as pid'));
    const prepared = await session(story.url);
    await prepared.query("begin; insert into t values (2); prepare transaction 'two'");
    const client = await session(story.url);
    const since = async (ms: number) =>
      (await findOldTransactions(client, never, ms)).map((warning) => warning.split(' has been open for')[0]);
    expect(await since(60_000)).toEqual([]);
    expect((await since(0)).toSorted()).toEqual([
      "The transaction of prepared transaction 'two'",
      `The transaction of session ${rows[0].pid}`,
    ]);
    await story.run("commit prepared 'two'");
    await open.query('commit');
    expect(await since(0)).toEqual([]);
  });

  it('a publication that is younger than its slot is a gap, which a new beginning heals', async () => {
    const story = await stories.tell('create table t (id serial primary key, v text)');
    const name = `holdfast_${story.name}`;
    await story.run(`drop publication ${name}`, 'insert into t (v) values (1)');
    await expect(story.poll()).rejects.toMatchObject({ code: 'E_CHANGES_NOT_SET_UP' });
    await story.run(`create publication ${name} for table t`);
    await goesOn(story);
  });

  it('a slot that somebody else moved on, another server and a server that went back are gaps', async () => {
    const story = await stories.tell('create table t (id int primary key)');
    const { at } = story.chain;
    await story.run(
      'insert into t values (1)',
      `select pg_replication_slot_advance('holdfast_${story.name}', pg_current_wal_flush_lsn())`,
    );
    const source = openChanges(story.url);
    const read = (from: string) => source.read(from, { mostBytes: 1, signal: never });
    await expect(read(at)).rejects.toMatchObject({
      code: 'E_CHANGES_GAP',
      message: expect.stringContaining('its slot begins at'),
    });
    const place = parsePlace(await source.begins(never));
    for (const other of [
      { ...place, system: '1' },
      { ...place, timeline: 9 },
    ])
      await expect(read(formatPlace(other))).rejects.toMatchObject({
        code: 'E_CHANGES_GAP',
        message: expect.stringContaining('not the same server as before'),
      });
    await expect(read(formatPlace({ ...place, lsn: place.lsn + 2n ** 33n }))).rejects.toMatchObject({
      code: 'E_CHANGES_GAP',
      message: expect.stringContaining('went back in time'),
    });
  });

  it('definitions have a fingerprint that differs after what a replay would miss, and only then', async () => {
    const story = await stories.tell(
      'create table t (id int primary key, v text); create table u (id int primary key); create view w as select 1 as one',
    );
    const source = openChanges(story.url);
    const fingerprint = async () => (await readStretch(source, story.chain.at)).facts.schema;
    let last = await fingerprint();
    const publication = `holdfast_${story.name}`;
    for (const sql of [
      "insert into t values (1, 'x')",
      'analyze',
      'vacuum full t',
      'truncate u',
      'create temp table x (id serial primary key, v text default 1)',
      'create unlogged table gone (id int); drop table gone',
    ]) {
      await story.run(sql);
      expect(await fingerprint(), sql).toBe(last);
    }
    for (const sql of [
      'alter table t alter v type text using upper(v)',
      'alter table t add n int default 7',
      'drop table u; create table u (id int primary key)',
      `alter publication ${publication} drop table t; alter publication ${publication} add table t`,
      'create or replace view w as select 2 as one',
      'create function f() returns int language sql as $$ select 1 $$',
      'create index on t (v)',
      "create type e as enum ('a')",
      'alter table t replica identity full',
      `alter publication ${publication} set (publish = 'insert')`,
    ]) {
      await story.run(sql);
      const now = await fingerprint();
      expect(now, sql).not.toBe(last);
      last = now;
    }
  });

  it('a base waits for commits that are in the log and cannot be seen yet', async () => {
    const story = await stories.tell('create table t (id int primary key)');
    const { server } = stories;
    await server.query('postgres', "alter system set synchronous_standby_names = 'nobody'");
    await server.query('postgres', 'select pg_reload_conf()');
    const writer = await session(story.url);
    const committing = writer.query('insert into t values (1)');
    const waits = "select 1 from pg_stat_activity where wait_event = 'SyncRep'";
    while ((await server.query('postgres', waits)).rowCount === 0);
    let isJoined = false;
    const joining = joinNow(story.url).then((join) => {
      isJoined = true;
      return join;
    });
    // Longer than a commit that waits for nobody is given.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(isJoined).toBe(false);
    await server.query('postgres', 'alter system reset synchronous_standby_names');
    await server.query('postgres', 'select pg_reload_conf()');
    await committing;
    const join = await joining;
    await story.poll();
    // The base has it, though its record may lie behind the beginning of the stream.
    await server.query(story.target, 'insert into t values (1)');
    await replay(story.chain, { join }, story.targetUrl);
    await story.expectSame('t');
  });

  it('is read as rows by the decoder', async () => {
    const story = await stories.tell(
      "create table t (id int primary key, v text); alter table t alter v set storage external; insert into t values (1, repeat('x', 5000))",
    );
    await story.run('update t set id = 2; delete from t', "insert into t values (3, 'a\tb')", 'truncate t');
    await story.poll();
    const found: unknown[] = [];
    for (const segment of story.chain.segments)
      for await (const { changes } of postgresChangeDecoder.transactions(storedChanges(segment, 100), never))
        for await (const { kind, before, after } of changes) found.push([kind, before, after]);
    expect(found).toEqual([
      ['update', ['1', undefined], ['2', undefined]],
      ['delete', ['2', undefined], undefined],
      ['insert', undefined, ['3', 'a\tb']],
      ['truncate', undefined, undefined],
    ]);
  });

  /** What is not there is named, and a poller that begins anew has what comes then. */
  async function goesOn({ url, chain, run }: Story): Promise<void> {
    await using source = openPostgresChanges(url, {}, {});
    await expect(readStretch(source, chain.at)).rejects.toMatchObject({ code: 'E_CHANGES_GAP' });
    const from = await source.begins(never);
    await run("insert into t (v) values ('after')");
    const segment = await readStretch(source, from);
    expect(segment.facts.transactions).toBe(1);
    await source.release(segment.to, never);
  }
}

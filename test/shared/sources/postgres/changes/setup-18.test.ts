import { afterAll, beforeAll, describe, expect } from 'vitest';
import { openPostgresSetup } from '../../../../../shared/sources/postgres/changes/setup.ts';
import type { SourceCheck } from '../../../../../shared/sources/source-checks.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { never } from '../source/reading.ts';
import { Chain, openChanges, openSetup, STREAMING } from './world.ts';

const it = turns(2);
const GiB = 2 ** 30;

describe('setting continuous backup up', () => {
  let server: PostgresServer;
  let count = 0;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: { ...STREAMING, max_slot_wal_keep_size: '-1' } });
  });
  afterAll(() => server?.stop());

  async function make(sql: string): Promise<{ name: string; url: string }> {
    const name = `setup${++count}`;
    const url = await server.createDatabase(name);
    await server.query(name, sql);
    return { name, url };
  }

  const KEYED = 'create table keyed (id int primary key, v text); insert into keyed values (1);';

  it('refuses a server whose slots have no limit, unless one is agreed', async () => {
    const { name, url } = await make(KEYED);
    const setup = openSetup(url);
    const { refusals, statements } = await setup.plan({}, never);
    expect(refusals).toEqual([expect.stringContaining('max_slot_wal_keep_size is -1')]);
    expect(statements.map(({ sql }) => sql.split(' ', 2).join(' '))).toEqual([
      'CREATE PUBLICATION',
      `SELECT pg_catalog.pg_create_logical_replication_slot('holdfast_${name}',`,
    ]);
    await expect(setup.setUp({}, never)).rejects.toMatchObject({ code: 'E_CHANGES_UNSAFE' });
    expect(await setup.state(never)).toEqual({ isSetUp: false });
    await setup.setUp({ mostHeldBytes: GiB }, never);
    expect(await setup.state(never)).toMatchObject({ isSetUp: true, problem: undefined });
    // Again, it has nothing to do.
    expect((await setup.plan({ mostHeldBytes: GiB }, never)).statements).toEqual([]);
    await setup.remove(never);
    await setup.remove(never);
    expect(await setup.state(never)).toEqual({ isSetUp: false });
  });

  it('leaves tables out whose updates would fail, and the application goes on', async () => {
    const { name, url } = await make(`${KEYED}
      create table bare (v text); insert into bare values ('x');
      create table late (id int primary key deferrable, v text); insert into late values (1, 'x');
      create table none (id int primary key); alter table none replica identity nothing; insert into none values (1);
      create unlogged table fast (id int primary key);
      create table unique_only (id int not null unique); insert into unique_only values (1);
      create table day (d date, id int, primary key (d, id)) partition by range (d);
      create table day_1 partition of day for values from ('2026-01-01') to ('2026-02-01');
      create table loose (d date, id int) partition by range (d);
      create table loose_1 partition of loose for values from ('2026-01-01') to ('2026-02-01');
      create table loose_2 partition of loose (primary key (id)) for values from ('2026-02-01') to ('2026-03-01');`);
    const setup = openSetup(url);
    const { warnings } = await setup.plan({ mostHeldBytes: GiB }, never);
    expect(warnings.join('\n')).toContain(
      'public.bare (no primary key, or one that is DEFERRABLE), public.late (no primary key, or one that is DEFERRABLE), public.loose_1 (no primary key, or one that is DEFERRABLE), public.none (REPLICA IDENTITY NOTHING), public.unique_only (no primary key',
    );
    expect(warnings.join('\n')).toContain('public.fast');
    await setup.setUp({ mostHeldBytes: GiB }, never);
    const { rows } = await server.query(
      name,
      `select tablename from pg_publication_tables where pubname = 'holdfast_${name}' order by 1`,
    );
    expect(rows.map(({ tablename }) => tablename)).toEqual(['day_1', 'keyed', 'loose_2']);
    // The judge is the server: every table takes every statement.
    await server.query(
      name,
      `update keyed set v = 'y'; update bare set v = 'y'; delete from bare; update late set v = 'y'; update none set id = 2;
      delete from none; update unique_only set id = 2; insert into loose values ('2026-01-02', 1), ('2026-02-02', 1); update loose set id = 3; delete from loose;
      create table day_2 partition of day for values from ('2026-02-01') to ('2026-03-01');
      insert into day values ('2026-02-02', 1); update day set id = 2; delete from day`,
    );
    expect((await facts(url)).datasets).toEqual([
      'public.day_1',
      'public.day_2',
      'public.keyed',
      'public.loose_2',
    ]);
  });

  it('covers tables without a key on request, by their whole rows', async () => {
    const { name, url } = await make(`${KEYED} create table bare (v text); insert into bare values ('x');`);
    const setup = openSetup(url);
    const plan = await setup.plan({ mostHeldBytes: GiB, allDatasets: true }, never);
    expect(plan.statements[0]).toEqual({
      sql: 'ALTER TABLE "public"."bare" REPLICA IDENTITY FULL',
      why: expect.any(String),
    });
    expect(plan.warnings.join()).toContain('whole old row');
    await setup.setUp({ mostHeldBytes: GiB, allDatasets: true }, never);
    await server.query(name, "update bare set v = 'y'; delete from bare");
    expect((await facts(url)).datasets).toEqual(['public.bare', 'public.keyed']);
  });

  it('adds tables that came later, and takes out what became unsafe', async () => {
    const { name, url } = await make(KEYED);
    const setup = openSetup(url);
    await setup.setUp({ mostHeldBytes: GiB }, never);
    const before = await facts(url);
    await server.query(
      name,
      'create table more (id int primary key); alter table keyed drop constraint keyed_pkey',
    );
    const after = await facts(url);
    expect(after.schema).not.toBe(before.schema);
    expect(after.warnings.join()).toContain('public.more');
    expect(await named(setup.check(never), 'identities')).toMatchObject({
      outcome: 'differs',
      seen: expect.stringContaining('public.keyed'),
    });
    await setup.setUp({ mostHeldBytes: GiB }, never);
    expect((await facts(url)).datasets).toEqual(['public.more']);
    await server.query(name, "update keyed set v = 'y'");
  });

  it('names what it does not know, and refuses what belongs to others', async () => {
    const { name, url } = await make(KEYED);
    const setup = openSetup(url);
    const refusalsOf = async (options = {}) =>
      (await setup.plan({ mostHeldBytes: GiB, ...options }, never)).refusals;
    expect(await refusalsOf({ datasets: ['public.keyed', 'public.typo'] })).toEqual([
      expect.stringContaining('public.typo'),
    ]);
    await server.query(name, `create publication holdfast_${name} for all tables`);
    expect(await refusalsOf()).toEqual([expect.stringContaining('all tables, including later ones')]);
    await server.query(
      name,
      `drop publication holdfast_${name}; create publication holdfast_${name} for table keyed (id) with (publish = 'insert')`,
    );
    expect(await refusalsOf()).toEqual([expect.stringContaining('leaves changes out')]);
    await server.query(name, `drop publication holdfast_${name}`);
    await server.query(name, `select pg_create_logical_replication_slot('holdfast_${name}', 'pgoutput')`);
    expect(await refusalsOf()).toEqual([expect.stringContaining('older than its publication')]);
    await setup.remove(never);
    await server.query(
      'postgres',
      `select pg_create_logical_replication_slot('holdfast_${name}', 'pgoutput')`,
    );
    expect(await refusalsOf()).toEqual([expect.stringContaining('belongs to the database postgres')]);
    // What is not ours stays.
    await setup.remove(never);
    expect(
      (
        await server.query(
          'postgres',
          `select 1 from pg_replication_slots where slot_name = 'holdfast_${name}'`,
        )
      ).rowCount,
    ).toBe(1);
    await server.query('postgres', `select pg_drop_replication_slot('holdfast_${name}')`);
  });

  it('is read by a login that may read no table', async () => {
    const { name, url } = await make(`${KEYED} create sequence hidden; select nextval('hidden');`);
    await server.query(name, `create role poller${count} login replication password 'x'`);
    await openSetup(url).setUp({ mostHeldBytes: GiB }, never);
    const poller = new URL(url);
    poller.username = `poller${count}`;
    poller.password = 'x';
    const source = openChanges(poller.href);
    const chain = new Chain(url);
    await chain.begin(source);
    await server.query(name, "update keyed set v = 'y'");
    await chain.poll(source);
    expect(chain.segments.map(({ facts: { transactions } }) => transactions)).toEqual([1]);
    expect(chain.segments[0]?.facts.warnings.join()).toContain('Values of these sequences cannot be read');
    const plain = new URL(url);
    plain.username = `plain${count}`;
    plain.password = 'x';
    await server.query(name, `create role plain${count} login password 'x'`);
    const setup = openSetup(plain.href);
    expect((await setup.plan({ mostHeldBytes: GiB }, never)).statements[0]?.sql).toBe(
      `ALTER ROLE "plain${count}" REPLICATION`,
    );
    expect(await named(setup.check(never), 'replication-right')).toMatchObject({ outcome: 'differs' });
  });

  it('the watchdog lets go of a slot that holds too much or that nobody reads, and the next poll begins anew', async () => {
    const { name, url } = await make(KEYED);
    const setup = openSetup(url);
    await setup.setUp({ mostHeldBytes: GiB }, never);
    const source = openChanges(url);
    const chain = new Chain(url);
    await chain.begin(source);
    const never_ = { mostHeldBytes: GiB, mostIdleMs: 3_600_000 };
    expect(await setup.letGo(never_, never)).toBe(false);
    await server.query(
      name,
      'insert into keyed select i, repeat(md5(i::text), 30) from generate_series(2, 5000) i',
    );
    expect((await setup.state(never)).heldBytes).toBeGreaterThan(2 ** 20);
    expect(await setup.letGo({ ...never_, mostHeldBytes: 2 ** 20 }, never)).toBe(true);
    expect(await setup.state(never)).toMatchObject({
      isSetUp: false,
      problem: expect.stringContaining('slot'),
    });
    await expect(chain.poll(source)).rejects.toMatchObject({ code: 'E_CHANGES_GAP' });
    await chain.begin(source);
    expect(await setup.state(never)).toMatchObject({ isSetUp: true });
    await server.query(name, 'delete from keyed where id = 1');
    await chain.poll(source);
    expect(chain.segments).toMatchObject([{ facts: { transactions: 1 } }]);
    expect(await setup.letGo({ ...never_, mostIdleMs: -1 }, never)).toBe(true);
    expect(await setup.letGo({ ...never_, mostIdleMs: -1 }, never)).toBe(false);
  });

  it('its checks look at everything, and say what to do', async () => {
    const { url } = await make(KEYED);
    const setup = openSetup(url);
    const before = await all(setup.check(never));
    expect(before.filter(({ outcome }) => outcome === 'differs').map(({ name }) => name)).toEqual([
      'log-limit',
      'slot',
      'publication',
    ]);
    for (const { outcome, fix } of before) if (outcome === 'differs') expect(fix).toBeTruthy();
    await setup.setUp({ mostHeldBytes: GiB }, never);
    const after = await all(setup.check(never));
    expect(after.filter(({ outcome, isMinor }) => outcome !== 'holds' && !isMinor)).toEqual([]);
    expect(after).toHaveLength(before.length);
  });

  async function facts(url: string) {
    const source = openChanges(url);
    const batch = await source.read(await source.begins(never), { mostBytes: 2 ** 28, signal: never });
    for await (const _ of batch.bytes());
    return batch.facts();
  }
});

describe('a server that is not fit', () => {
  it('is refused with what to do', async () => {
    const server = await ownPostgres(18);
    try {
      const url = await server.createDatabase('shop');
      await server.query('shop', 'create table keyed (id int primary key)');
      await using setup = openPostgresSetup(url, {}, {});
      expect((await setup.plan({ mostHeldBytes: GiB }, never)).refusals).toEqual([
        expect.stringContaining("wal_level is 'replica'"),
      ]);
      await expect(setup.setUp({ mostHeldBytes: GiB }, never)).rejects.toMatchObject({
        code: 'E_CHANGES_UNSAFE',
      });
    } finally {
      await server.stop();
    }
  });
});

async function all(checks: AsyncIterable<SourceCheck>): Promise<readonly SourceCheck[]> {
  const found: SourceCheck[] = [];
  for await (const check of checks) found.push(check);
  return found;
}

async function named(checks: AsyncIterable<SourceCheck>, name: string): Promise<SourceCheck | undefined> {
  return (await all(checks)).find((check) => check.name === name);
}

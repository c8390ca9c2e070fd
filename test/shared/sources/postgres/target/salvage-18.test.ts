import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { packKey } from '../../../../../shared/format/pack.ts';
import { OpenSalvage } from '../../../../../shared/jobs/repair/salvage.ts';
import { openTarget } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../../shared/store/memory-store.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { flipped, harmed } from '../../../../support/repository/damage.ts';
import { initRepository, never, openRepository } from '../../../../support/repository/engine.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { newFolder } from '../../../../support/temporary.ts';
import { backUpUrl } from './round-trip.ts';

const it = turnOfAll(3);

const CUSTOMERS = 3000;
const SMALL_PACKS = { packBytes: 32 * 1024, workers: 1 };
const SCHEMA = `
  create table customers (id int primary key, name text not null);
  create table orders (id int primary key, customer int not null references customers (id), what text);
  create index on orders (what);
  create sequence numbers start 7;
  insert into customers select n, md5(n::text) || ' ' || md5((n + 1)::text) from generate_series(1, ${CUSTOMERS}) n;
  insert into orders select n, n, md5((-n)::text) from generate_series(1, ${CUSTOMERS}) n;
  select nextval('numbers');
  select lo_from_bytea(4711, convert_to((select string_agg(md5(n::text), '') from generate_series(1, 4000) n), 'UTF8'));
`;

let server: PostgresServer;
let store: MemoryStore;
let key: BackupKey;

beforeAll(async () => {
  server = await ownPostgres(18);
  const url = await server.createDatabase('shop');
  await server.query('shop', SCHEMA);
  store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, SMALL_PACKS);
  ({ key } = await backUpUrl(repository, url));
});

afterAll(() => server.stop());

/** A store where the chunk at that place (0: the first) of a dataset cannot be read. */
async function withoutChunk(dataset: string, index: number) {
  await using repository = await openRepository(store, SMALL_PACKS);
  const reader = await repository.openBackup(key, never);
  const root = reader.catalog.datasets.find(({ name }) => name === dataset)?.partitions[0]?.root ?? null;
  const refs = [];
  for await (const leaf of reader.leaves(root, { signal: never })) refs.push(...leaf.refs);
  const { pack, offset } = refs[index]!.chain[0]!;
  return harmed(store, { [packKey(pack.id!)]: (body) => flipped(body, offset + 1) });
}

async function salvage(
  broken: MemoryStore,
  to: { readonly kind: 'postgres' | 'files'; readonly url: string },
) {
  await using repository: Repository = await openRepository(broken, SMALL_PACKS);
  const warnings: string[] = [];
  const options = {
    signal: never,
    onProgress: (event: { readonly kind: string; readonly message?: string }) =>
      void (event.kind === 'warning' && warnings.push(event.message ?? '')),
  };
  const open = await OpenSalvage.open(repository, key, await openTarget({ ...to, options: {} }, {}), options);
  const result = await open.restore(options);
  return { ...result, warnings: [...result.plan.warnings, ...warnings] };
}

const rowsOf = async (database: string, sql: string) => (await server.query(database, sql)).rows;

describe('a salvage into PostgreSQL', { timeout: 60_000 }, () => {
  it('writes every row but those that it names, and keeps foreign keys for what comes', async () => {
    const broken = await withoutChunk('public.customers', 1);
    const url = await server.createDatabase('salvaged');
    const { missing, warnings, comparison } = await salvage(broken, { kind: 'postgres', url });
    expect(missing).toMatchObject([{ dataset: 'public.customers', partition: expect.any(String) }]);
    const [{ fromRecord, records }] = missing as [(typeof missing)[number]];
    expect(records).toBeGreaterThan(10);
    const there = (await rowsOf('salvaged', 'select id, name from customers order by id')) as {
      id: number;
    }[];
    const wanted = await rowsOf(
      'shop',
      `select id, name from customers where id not between ${fromRecord} and ${fromRecord + records - 1} order by id`,
    );
    expect(there).toEqual(wanted);
    const orders = 'select * from orders order by id';
    expect(await rowsOf('salvaged', orders)).toEqual(await rowsOf('shop', orders));
    expect(comparison.every(({ equal }) => equal)).toBe(true);
    expect(warnings.join()).toMatch(/orders_customer_fkey.* NOT VALID/);
    expect(await rowsOf('salvaged', "select convalidated from pg_constraint where contype = 'f'")).toEqual([
      { convalidated: false },
    ]);
    expect(
      await rowsOf('salvaged', "select indexname from pg_indexes where tablename = 'orders'"),
    ).toHaveLength(2);
    expect(await rowsOf('salvaged', "select nextval('numbers')")).toEqual([{ nextval: '8' }]);
    await expect(server.query('salvaged', 'insert into orders values (-1, -1)')).rejects.toThrow(
      /foreign key/,
    );
  });

  it('writes no large object of which a piece is missing, and says so', async () => {
    const broken = await withoutChunk('large object data', 1);
    const url = await server.createDatabase('objects');
    const { missing, warnings } = await salvage(broken, { kind: 'postgres', url });
    expect(missing).toMatchObject([{ dataset: 'large object data' }]);
    expect(warnings.join()).toContain('no large objects are written');
    expect(await rowsOf('objects', 'select 1 from pg_largeobject_metadata')).toEqual([]);
    expect(await rowsOf('objects', 'select count(*)::int from customers')).toEqual([{ count: CUSTOMERS }]);
  });

  it('makes no database of a damaged schema; a folder gets the rows', async () => {
    const broken = await withoutChunk('pre-data', 0);
    const url = await server.createDatabase('nothing');
    await expect(salvage(broken, { kind: 'postgres', url })).rejects.toMatchObject({
      code: 'E_DAMAGED',
      message: expect.stringContaining('schema (pre-data) is damaged'),
      hint: expect.stringContaining('into a folder'),
    });
    expect(await rowsOf('nothing', "select 1 from pg_tables where schemaname = 'public'")).toEqual([]);
    const folder = await newFolder();
    const { missing } = await salvage(broken, { kind: 'files', url: folder });
    expect(missing).toMatchObject([{ dataset: 'pre-data' }]);
    expect(await readdir(folder)).toContain('public.customers');
    const text = await readFile(path.join(folder, 'public.orders'), 'utf8');
    expect(text.split('\n')).toHaveLength(CUSTOMERS + 1);
  });
});

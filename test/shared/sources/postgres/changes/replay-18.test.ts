import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import {
  type Base,
  Chain,
  newRepository,
  openChanges,
  restoreTo,
  STREAMING,
  setUp,
  takeBase,
} from './world.ts';

describe('changes of PostgreSQL 18, replayed', () => {
  let server: PostgresServer;
  let count = 0;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: STREAMING });
  });
  afterAll(() => server?.stop());

  it('a first', async () => {
    const name = `first${++count}`;
    const url = await server.createDatabase(name);
    await server.query(
      name,
      `create table items (id int primary key, name text, body text);
      insert into items select i, 'n' || i, repeat(md5(i::text), 200) from generate_series(1, 100) i;`,
    );
    await setUp(url);
    const source = openChanges(url);
    const chain = new Chain(url);
    await chain.begin(source);
    const repository = await newRepository();
    await server.query(name, "update items set name = 'before' where id = 1");
    const base: Base = await takeBase(repository, url);
    await server.query(
      name,
      "update items set name = 'after' where id <= 10; delete from items where id > 90; insert into items values (1000, 'new', null)",
    );
    await chain.poll(source);
    const target = await server.createDatabase(`${name}_target`);
    const result = await restoreTo(repository, base, { chain, target });
    expect(result).toMatchObject({ transactions: 1, rows: 21 });
    const sums = await Promise.all(
      [name, `${name}_target`].map(
        async (one) =>
          (
            await server.query(
              one,
              'select count(*), md5(string_agg(items::text, chr(10) order by id)) from items',
            )
          ).rows,
      ),
    );
    expect(sums[1]).toEqual(sums[0]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseSubset } from '../../../../../shared/jobs/inside/subset/choose-subset.ts';
import { restoreSubset } from '../../../../../shared/jobs/inside/subset/restore-subset.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { openMysqlTarget } from '../../../../../shared/sources/mysql/target.ts';
import { openPostgresTarget } from '../../../../../shared/sources/postgres/target.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { type MariadbServer, startMariadb } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from '../../../../support/repository/engine.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../../support/repository/torture.ts';
import * as mysql from '../../../sources/mysql/round-trip.ts';
import * as postgres from '../../../sources/postgres/target/round-trip.ts';
import { closureSql, type RandomTables, randomTables } from './random-references.ts';

/** A server, as these tests use it. */
interface Server {
  readonly schema: string;
  readonly isCaseless: boolean;
  make(database: string): Promise<void>;
  rows(database: string, sql: string): Promise<readonly object[]>;
  backUp(repository: Repository, database: string): Promise<Parameters<typeof chooseSubset>[1]>;
  target(database: string): Parameters<typeof restoreSubset>[2];
}

async function addsUp(server: Server, random: () => number, number: number): Promise<void> {
  const [shop, copy] = [`shop_${number}`, `copy_${number}`];
  const made = randomTables(random, server.isCaseless);
  const isFollowing = random() < 0.5;
  await server.make(shop);
  await server.make(copy);
  await server.rows(shop, made.sql.join(';\n'));
  await using repository = await postgres.newRepository();
  const key = await server.backUp(repository, shop);
  const choice = {
    rows: made.seeds.map(({ table, below }) => `${server.schema}${table}: rid >= 0 and rid < ${below}`),
    follow: isFollowing ? ('children' as const) : ('parents' as const),
    references: made.references.flatMap(({ isVirtual, from, columns, to, others }) =>
      isVirtual ? [`${server.schema}${from}(${columns.join(', ')}) -> ${to}(${others.join(',')})`] : [],
    ),
  };
  // With no room for keys, tables are read again in each round.
  const keptBytes = random() < 0.5 ? 0 : undefined;
  const subset = await chooseSubset(repository, key, choice, {
    ...(keptBytes === undefined ? {} : { keptBytes }),
    signal: never,
  });
  const result = await restoreSubset(repository, subset, server.target(copy), { signal: never });
  expect(result.comparison.every(({ equal }) => equal)).toBe(true);
  await judge(server, [shop, copy], made, isFollowing);
  // The restore adds the keys of PostgreSQL; MariaDB takes rows unseen, so here it looks at all of them.
  const again = made.references.map(({ sql }, i) =>
    sql.replace(/ADD CONSTRAINT \w+/, `ADD CONSTRAINT again_${i}`),
  );
  if (again.length > 0) await server.rows(copy, again.join(';\n'));
}

/** The server itself says which rows belong to the subset. */
async function judge(
  server: Server,
  [shop, copy]: readonly [string, string],
  made: RandomTables,
  isFollowing: boolean,
): Promise<void> {
  const begin = [
    ...made.names.map((name) => `CREATE TABLE j_${name} (rid int PRIMARY KEY, f int NOT NULL)`),
    ...made.seeds.map(
      ({ table, below }) => `INSERT INTO j_${table} SELECT rid, 1 FROM ${table} WHERE rid < ${below}`,
    ),
  ];
  await server.rows(shop, begin.join(';\n'));
  const size = async () => {
    const counts = made.names.map((name) => `SELECT count(*) + coalesce(sum(f), 0) AS n FROM j_${name}`);
    return JSON.stringify(await server.rows(shop, counts.join(' UNION ALL ')));
  };
  const more = closureSql(made, isFollowing).join(';\n');
  for (
    let [before, now] = ['', await size()];
    before !== now && more !== '';
    [before, now] = [now, await size()]
  )
    await server.rows(shop, more);
  for (const name of made.names) {
    const wanted = await server.rows(
      shop,
      `SELECT t.* FROM ${name} t JOIN j_${name} j ON j.rid = t.rid ORDER BY t.rid`,
    );
    const found = await server.rows(copy, `SELECT * FROM ${name} ORDER BY rid`);
    expect(found, `${name} of ${made.sql.join(';\n')}`).toEqual(wanted);
  }
}

describe('subsets of random databases of PostgreSQL', () => {
  let own: PostgresServer;
  beforeAll(async () => {
    own = await ownPostgres(18);
  });
  afterAll(() => own?.stop());

  it(
    'have what the server says belongs to them, and hold every foreign key',
    async () => {
      const server: Server = {
        schema: 'public.',
        isCaseless: false,
        make: async (database) => {
          await own.createDatabase(database);
        },
        rows: async (database, sql) => (await own.query(database, sql)).rows,
        backUp: async (repository, database) => (await postgres.backUpUrl(repository, own.url(database))).key,
        target: (database) => openPostgresTarget(own.url(database), {}, {}),
      };
      const random = seededRandom(testSeed);
      const count = cases(2, 4, 200);
      for (let i = 0; i < count; i++) await addsUp(server, random, i);
    },
    tortureTimeoutMs,
  );
});

describeWithPart('mariadb', 'subsets of random databases of MariaDB', () => {
  let own: MariadbServer;
  beforeAll(async () => {
    own = await startMariadb();
  });
  afterAll(() => own?.stop());

  it(
    'have what the server says belongs to them, and hold every foreign key',
    async () => {
      const server: Server = {
        schema: '',
        isCaseless: true,
        make: async (database) => {
          await own.query(undefined, `CREATE DATABASE ${database}`);
        },
        rows: (database, sql) => own.query(database, sql),
        backUp: (repository, database) => mysql.backUpUrl(repository, own.url(database)),
        target: (database) => openMysqlTarget(own.url(database), {}, {}),
      };
      const random = seededRandom(testSeed);
      const count = cases(2, 4, 200);
      for (let i = 0; i < count; i++) await addsUp(server, random, i);
    },
    tortureTimeoutMs,
  );
});

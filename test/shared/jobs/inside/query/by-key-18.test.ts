import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { ask, postgresTexts } from '../../../../support/query/ask.ts';
import { type KeyColumn, type KeyedTable, keyedQuery } from '../../../../support/query/keyed-queries.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../../sources/postgres/target/round-trip.ts';

const ROWS = 3000;
const TABLES: Readonly<
  Record<
    string,
    { readonly sql: string; readonly fill: string; readonly key: readonly [string, KeyColumn['kind']][] }
  >
> = {
  by_id: {
    sql: 'v text, id bigint PRIMARY KEY',
    fill: `repeat('v', i % 60), i - 700`,
    key: [['id', 'number']],
  },
  shuffled: {
    sql: 'id bigint PRIMARY KEY, v text',
    fill: `('x' || substr(md5(i::text), 1, 16))::bit(64)::bigint, md5(i::text)`,
    key: [['id', 'number']],
  },
  by_text: {
    sql: 'id text COLLATE "C" PRIMARY KEY, v text',
    fill: `(ARRAY['', 'Key ', 'it''s ', E'a\\\\b\\t', 'ü', '42'])[1 + i % 6] || i * 7 % 5003, md5(i::text)`,
    key: [['id', 'text']],
  },
  by_two: {
    sql: 'v text, "select" int, "odd ""Key" varchar(40) COLLATE "C", PRIMARY KEY ("odd ""Key", "select")',
    fill: `md5(i::text), i % 10 - 4, 'it''s ' || i / 10`,
    key: [
      ['"odd ""Key"', 'text'],
      ['"select"', 'number'],
    ],
  },
  by_numbers: {
    sql: 'a smallint, b int, v text, PRIMARY KEY (a, b)',
    fill: `i / 100 - 9, i, repeat('v', i % 60)`,
    key: [
      ['a', 'number'],
      ['b', 'number'],
    ],
  },
  by_uuid: {
    sql: 'id uuid PRIMARY KEY, v text',
    fill: `md5(i::text)::uuid, md5(i::text)`,
    key: [['id', 'uuid']],
  },
};

describe('a query with conditions on keys, judged by PostgreSQL', () => {
  let server: PostgresServer;
  let repository: Repository;
  let key: BackupKey;
  const tables: KeyedTable[] = [];
  const random = seededRandom(testSeed);
  const judged = (sql: string) => postgresTexts(server.url('keys'), sql);

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('keys');
    for (const [name, { sql, fill, key: columns }] of Object.entries(TABLES)) {
      await server.query('keys', `CREATE TABLE ${name} (${sql})`);
      await server.query('keys', `INSERT INTO ${name} SELECT ${fill} FROM generate_series(1, ${ROWS}) i`);
      const rows = await judged(`SELECT ${columns.map(([column]) => column).join(', ')} FROM ${name}`);
      const columnOf = ([column, kind]: readonly [string, KeyColumn['kind']], i: number): KeyColumn => ({
        name: column,
        kind,
        value: () => nearValue(rows[Math.floor(random() * rows.length)]?.[i] ?? '', kind),
      });
      tables.push({ name, key: columns.map(columnOf) });
    }
    ({ key } = await backUpUrl(repository, server.url('keys')));
  }, 120_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** One that a row has, or one beside it. */
  function nearValue(value: string, kind: KeyColumn['kind']): string {
    const step = Math.floor(random() * 7);
    if (kind === 'number')
      return step < 3 ? String(BigInt.asIntN(64, BigInt(value) + BigInt(step - 1))) : value;
    return kind === 'text' && step === 0 ? value.slice(0, -1) : value;
  }

  it(
    'gives the same rows',
    async () => {
      let found = 0;
      for (let n = 0; n < cases(12, 60, 6000); n++) {
        const sql = keyedQuery(tables[n % tables.length] as KeyedTable, random);
        const mine = (await ask(repository, [key], sql)).texts;
        const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).toSorted();
        expect([sql, sorted(mine)]).toEqual([sql, sorted(await judged(sql))]);
        found += mine.length;
      }
      expect(found).toBeGreaterThan(0);
    },
    tortureTimeoutMs,
  );

  it('has the same answer where a name or a type is not what it seems', async () => {
    for (const sql of [
      `SELECT v FROM by_text WHERE id = '421'`,
      `SELECT v FROM by_id AS x(id, v) WHERE v = 5`,
      `SELECT count(*) FROM (SELECT length(v) AS id, id AS v FROM by_id) AS x WHERE id = 5`,
      `SELECT (SELECT count(*) FROM by_id WHERE by_id.id = shuffled.id) FROM shuffled LIMIT 1`,
      `SELECT count(*) FROM by_numbers WHERE (a, b) = (3, 1234)`,
      `SELECT count(*), min(b) FROM by_numbers AS x(b, a) WHERE a = 1234`,
      `SELECT count(*) FROM by_id WHERE id = (SELECT max(id) FROM by_id WHERE id < 5)`,
      `SELECT count(*) FROM by_id WHERE id = 99999999999999999999`,
      `SELECT count(*) FROM by_id WHERE id < 99999999999999999999`,
      `SELECT count(*) FROM by_id WHERE id > 5 OR v = 'vv'`,
      `SELECT max(id) FROM by_id WHERE id <= 9223372036854775807 AND id > -9223372036854775807`,
      `SELECT id FROM by_id ORDER BY id DESC LIMIT 3`,
    ])
      expect([sql, (await ask(repository, [key], sql)).texts]).toEqual([sql, await judged(sql)]);
  });
});

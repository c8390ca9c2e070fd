import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyFieldsOf } from '../../../../shared/core/key-fields.ts';
import type { BackupReader } from '../../../../shared/repository/reading/backup-reader.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/postgres/target/round-trip.ts';
import { type Asked, chunksNear, numberForm, numbersOfChunks, rowsWhere } from './rows-by-key.ts';

/** Tables of all kinds of keys, how they are filled by `i`, and the fields of the key that bounds are of. */
const TABLES: Readonly<
  Record<string, { readonly sql: string; readonly fill: string; readonly form: string }>
> = {
  by_id: { sql: 'v text, id bigint PRIMARY KEY', fill: `repeat('v', (i % 90)::int), i`, form: 'id integer' },
  shuffled: {
    sql: 'id bigint PRIMARY KEY, v text',
    fill: `('x' || substr(md5(i::text), 1, 16))::bit(64)::bigint, repeat('v', (i % 90)::int)`,
    form: 'id integer',
  },
  by_text: {
    sql: 'id text PRIMARY KEY, v text',
    fill: `'key ' || i * 7 % 5003, md5(i::text)`,
    form: 'id text',
  },
  by_two: {
    sql: 'v text, part int, "odd ""key" varchar(40), PRIMARY KEY ("odd ""key", part)',
    fill: `md5(i::text), i % 10, E'ü\\t\\\\' || i / 10`,
    form: 'odd "key text, part integer',
  },
  by_uuid: { sql: 'id uuid PRIMARY KEY, v text', fill: `md5(i::text)::uuid, md5(i::text)`, form: 'id text' },
  by_time: {
    sql: 'at timestamptz, n int, PRIMARY KEY (at, n)',
    fill: `to_timestamp(i / 3), i`,
    form: 'at text, n integer',
  },
  by_money: { sql: 'n int, id numeric, PRIMARY KEY (n, id)', fill: 'i / 50, i / 8.0', form: 'n integer' },
  no_form: { sql: 'id numeric PRIMARY KEY, v text', fill: `i / 8.0, md5(i::text)`, form: '' },
};
const ROWS = 5000;

describe('rows of PostgreSQL by their keys', () => {
  let server: PostgresServer;
  let repository: Repository;
  let reader: BackupReader;
  const random = seededRandom(testSeed);
  const query = (sql: string) => server.query('keys', sql);

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('keys');
    await query("ALTER DATABASE keys SET timezone TO 'UTC'");
    for (const [table, { sql, fill }] of Object.entries(TABLES)) {
      await query(`CREATE TABLE ${table} (${sql})`);
      await query(`INSERT INTO ${table} SELECT ${fill} FROM generate_series(1, ${ROWS}) i`);
    }
    reader = await repository.openBackup((await backUpUrl(repository, server.url('keys'))).key, never);
  }, 600_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function sameAsServer(table: string, { where, sql }: Asked): Promise<number> {
    const { fields } = await query(`SELECT * FROM ${table} LIMIT 0`);
    const columns = fields.map(({ name }) => `"${name.replaceAll('"', '""')}"::text`).join(', ');
    const { rows } = await query(
      `SELECT json_build_array(${columns})::text AS row FROM ${table} WHERE ${sql}`,
    );
    const wanted = rows.map(({ row }) => JSON.stringify(JSON.parse(row as string))).toSorted();
    expect([where, await rowsWhere(reader, `public.${table}`, where)]).toEqual([where, wanted]);
    return wanted.length;
  }

  it('have the fields of the primary key, as far as they have a form', () => {
    for (const [table, { form }] of Object.entries(TABLES)) {
      const found = reader.catalog.datasets.find(({ name }) => name === `public.${table}`);
      const fields = keyFieldsOf(found?.attributes ?? {});
      expect([table, fields.map((field) => `${field.name} ${field.form}`).join(', ')]).toEqual([table, form]);
    }
  });

  it.each(Object.keys(TABLES))('of %s are those that the server finds', async (table) => {
    const { fields } = await query(
      `SELECT a.attname::text AS name FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY k(n, i)
         JOIN pg_attribute a ON a.attnum = k.n AND a.attrelid = '${table}'::regclass
        WHERE c.conrelid = '${table}'::regclass AND c.contype = 'p' ORDER BY k.i`,
    ).then(({ rows }) => ({ fields: rows.map(({ name }) => String(name)) }));
    let found = 0;
    for (let n = 0; n < cases(8, 40, 400); n++) {
      const at = Math.floor(random() * ROWS);
      const quoted = fields.map((name) => `"${name.replaceAll('"', '""')}"`);
      const { rows } = await query(
        `SELECT ${quoted.map((name, i) => `${name}::text AS k${i}`).join(', ')} FROM ${table} OFFSET ${at} LIMIT 1`,
      );
      const values = quoted.map((_, i) => String(rows[0]?.[`k${i}`]));
      const parts = n % 4 === 3 ? quoted.slice(0, 1) : quoted;
      const literal = (i: number) => `'${(values[i] ?? '').replaceAll("'", "''")}'`;
      const asked = {
        where: parts.map((name, i) => `${name} = ${literal(i)}`),
        sql: parts.map((name, i) => `${name}::text = ${literal(i)}`).join(' AND '),
      };
      found += await sameAsServer(table, asked);
    }
    expect(found).toBeGreaterThan(0);
  });

  it('in ranges are those that the server finds', async () => {
    for (const [from, to] of [
      [-5, 3],
      [ROWS - 3, ROWS + 9],
      [ROWS + 1, ROWS + 2],
    ] as const)
      for (const table of ['by_id', 'shuffled', 'by_money']) {
        const name = table === 'by_money' ? 'n' : 'id';
        const asked = {
          where: [`${name} >= ${from}`, `${name} < ${to}`],
          sql: `${name} >= ${from} AND ${name} < ${to}`,
        };
        await sameAsServer(table, asked);
        await sameAsServer(table, { where: [`${name} <= ${from}`], sql: `${name} <= ${from}` });
      }
  }, 600_000);

  it('are looked for in the few chunks that may hold them if they lie in the order of the key', async () => {
    const { all, near } = await chunksNear(reader, 'public.by_id', ['2500']);
    // Mostly one: the server may fill a page that it has skipped, and chunks then overlap.
    const chunks = await Array.fromAsync(numbersOfChunks(reader, 'public.by_id'));
    const around = chunks.filter(({ numbers }) => {
      const sorted = numbers.map(Number).toSorted((a, b) => a - b);
      return (sorted[0] ?? 0) <= 2500 && (sorted.at(-1) ?? 0) >= 2500;
    });
    expect(all).toBeGreaterThan(10);
    expect(near).toBe(around.length);
    expect(near).toBeLessThan(all / 4);
  });

  it.each(['by_id', 'shuffled'])(
    'have, in chunks of %s, the least and greatest that the server says',
    async (table) => {
      let count = 0;
      for await (const { numbers, bounds } of numbersOfChunks(reader, `public.${table}`)) {
        const list = numbers.map((one) => `(${one})`).join(', ');
        const { rows } = await query(`WITH k(id) AS (VALUES ${list})
        SELECT (SELECT id FROM k ORDER BY id::bigint LIMIT 1)::text AS least,
               (SELECT id FROM k ORDER BY id::bigint DESC LIMIT 1)::text AS greatest`);
        expect(bounds?.least).toEqual(numberForm(String(rows[0]?.['least'])));
        expect(bounds?.greatest).toEqual(numberForm(String(rows[0]?.['greatest'])));
        count += numbers.length;
      }
      expect(count).toBe(ROWS);
    },
  );
});

import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';

/*
 * A shop in PostgreSQL: keys of all kinds, rows that refer to others and to their like, tables without a key, values of many types.
 * The judge of what is done to it is the server: copies of its tables, compared by EXCEPT ALL.
 */

export const SHOP = `
  CREATE TYPE mood AS ENUM ('sad', 'it''s fine');
  CREATE TYPE pair AS (a int, b text);
  CREATE TABLE customer (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE, name text NOT NULL,
    shout text GENERATED ALWAYS AS (upper(name)) STORED);
  CREATE TABLE orders (
    id bigint PRIMARY KEY, customer int REFERENCES customer ON UPDATE CASCADE ON DELETE CASCADE,
    total numeric(14,4), at timestamptz, tags text[], raw bytea, doc jsonb, note text);
  CREATE TABLE "Odd ""line" (
    order_id bigint REFERENCES orders ON DELETE CASCADE, "n ""o" text, price float8, r real, span interval, m mood,
    p pair, flag boolean, PRIMARY KEY (order_id, "n ""o"));
  CREATE TABLE tree (id int PRIMARY KEY, parent int REFERENCES tree, label char(6));
  CREATE TABLE loose (note text, n int, j json, place point, net inet, c "char", bits varbit, day date, cash money);
  CREATE TABLE nothing ();
  CREATE SEQUENCE tickets;`;

/** By their datasets' names. */
export const TABLES: Readonly<Record<string, string>> = {
  'public.customer': 'customer',
  'public.orders': 'orders',
  'public."Odd ""line"': '"Odd ""line"',
  'public.tree': 'tree',
  'public.loose': 'loose',
  'public.nothing': 'nothing',
};

const ORDER = `i, 1 + i % 40, i / 7.0, to_timestamp(i / 3.0), ARRAY['a' || i, NULL, E'"\\\\,{'],
  decode(md5(i::text), 'hex'), jsonb_build_object('i', i, 't', E'\\n'''),
  CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'line\\r\\nline\\ttab \\\\ it''s :x' ELSE 'note ' || i END`;
const LINE = `i, 'n' || n, i / 3.0::float8, i / 3.0::real, i % 1000 * interval '1 day 2 hours', 'it''s fine', (n::int, 'b')::pair, n = 1`;
const LOOSE = `CASE i % 5 WHEN 0 THEN NULL ELSE 'same' || i % 3 END, i % 4, '{"a": 1}', point(i % 2, 1), '10.0.0.1',
  'x', B'101', CASE i % 7 WHEN 0 THEN 'infinity' ELSE date '2020-01-01' + i % 3 END, 12.5`;

/** Fills the tables of a new shop. */
export async function fillShop(query: (sql: string) => Promise<unknown>): Promise<void> {
  await query(`
    INSERT INTO customer (email, name) SELECT 'c' || i || '@example.org', 'Ada ' || i FROM generate_series(1, 60) i;
    INSERT INTO orders SELECT ${ORDER} FROM generate_series(1, 200) i;
    INSERT INTO "Odd ""line" SELECT ${LINE} FROM generate_series(1, 200) i, generate_series(1, 2) n;
    INSERT INTO tree SELECT i, NULLIF(i / 3, 0), 'l' || i FROM generate_series(1, 60) i;
    INSERT INTO loose SELECT ${LOOSE} FROM generate_series(1, 90) i;
    INSERT INTO nothing DEFAULT VALUES; INSERT INTO nothing DEFAULT VALUES`);
}

/** A few random changes, as an application or an accident makes them. */
export async function changeShop(
  query: (sql: string) => Promise<unknown>,
  pick: (most: number) => number,
): Promise<void> {
  const base = 1000 + 1000 * pick(1_000_000);
  const changes = [
    `UPDATE customer SET name = name || '!', email = NULL WHERE id % 17 = ${pick(17)}`,
    `DELETE FROM customer WHERE id % 23 = ${pick(23)}`,
    // A user's address goes to another one.
    `WITH gone AS (DELETE FROM customer WHERE id = (SELECT min(id) FROM customer WHERE id > ${pick(40)}) RETURNING email)
     INSERT INTO customer (email, name) SELECT 'again-' || ${base} || coalesce(email, ''), 'Bo' FROM gone`,
    `UPDATE orders SET customer = NULL, total = -total, tags = NULL WHERE id % 31 = ${pick(31)}`,
    `UPDATE orders SET customer = (SELECT max(id) FROM customer) WHERE customer = ${1 + pick(40)}`,
    `INSERT INTO orders SELECT ${ORDER.replace('1 + i % 40', '(SELECT min(id) FROM customer)')}
       FROM generate_series(${base}, ${base + 7}) i`,
    `INSERT INTO "Odd ""line" SELECT ${LINE} FROM generate_series(${base}, ${base + 7}) i, generate_series(3, 4) n
      WHERE EXISTS (SELECT 1 FROM orders WHERE id = i)`,
    `UPDATE "Odd ""line" SET price = 'NaN', r = '-0', m = NULL, p = NULL WHERE order_id % 29 = ${pick(29)}`,
    `DELETE FROM "Odd ""line" WHERE order_id % 37 = ${pick(37)}`,
    `UPDATE tree SET parent = NULLIF(${pick(10)}, 0), label = E'é''\\\\' WHERE id % 13 = ${pick(13)} AND id > 30`,
    `DELETE FROM tree t WHERE NOT EXISTS (SELECT 1 FROM tree c WHERE c.parent = t.id) AND id % 5 = ${pick(5)}`,
    `INSERT INTO tree SELECT ${base} + i, CASE i WHEN 0 THEN NULL ELSE ${base} + i - 1 END, 'new' FROM generate_series(0, 3) i`,
    `INSERT INTO loose SELECT ${LOOSE} FROM generate_series(${pick(50)}, ${50 + pick(9)}) i`,
    `DELETE FROM loose WHERE ctid IN (SELECT ctid FROM loose WHERE n = ${pick(4)} LIMIT 5)`,
    `UPDATE loose SET note = 'x', cash = -1 WHERE ctid IN (SELECT ctid FROM loose WHERE n = ${pick(4)} LIMIT 2)`,
    `UPDATE customer SET id = DEFAULT WHERE id = (SELECT max(id) FROM customer)`,
    `INSERT INTO nothing DEFAULT VALUES`,
    `SELECT nextval('tickets')`,
  ];
  for (const sql of changes) if (pick(3) > 0) await query(sql);
}

/** Keeps the tables as they are, for the judge. */
export async function keepTables(
  server: PostgresServer,
  database: string,
  schema: string,
  tables: readonly string[] = Object.values(TABLES),
): Promise<void> {
  await server.query(database, `DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`);
  for (const table of tables)
    await server.query(database, `CREATE TABLE ${schema}.${table} AS TABLE public.${table}`);
}

/** Rows, as text, that are more often in the tables than in what was kept (+), or less often (-). */
export async function differences(
  server: PostgresServer,
  database: string,
  schema: string,
  tables: readonly string[] = Object.values(TABLES),
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const table of tables) {
    const rows = (of: string) => `SELECT t::text AS row FROM ${of}.${table} t`;
    for (const [sign, one, other] of [
      ['+', 'public', schema],
      ['-', schema, 'public'],
    ] as const) {
      const { rows: more } = await server.query(database, `${rows(one)} EXCEPT ALL ${rows(other)}`);
      found.push(...more.map(({ row }) => `${sign} ${table} ${String(row)}`));
    }
  }
  return found;
}

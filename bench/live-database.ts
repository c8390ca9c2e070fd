import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type PostgresServer, startPostgres } from '../tools/embedded-postgres.ts';
import { writeLines } from './data/lines.ts';
import { tableRow } from './data/table.ts';
import { run, shell } from './tools.ts';

/** Debian's, as npm has no pg_dump; one server for all, of the version that its pg_dump can read. */
export const POSTGRES_BIN = '/usr/lib/postgresql/15/bin';

const CUSTOMERS = `CREATE TABLE customer (
  id integer PRIMARY KEY,
  email text NOT NULL,
  name text NOT NULL,
  seen_at timestamptz NOT NULL,
  amount numeric(9, 2) NOT NULL,
  is_member boolean NOT NULL,
  note text NOT NULL
)`;

export function hasPostgres(): boolean {
  return existsSync(path.join(POSTGRES_BIN, 'postgres'));
}

export function startServer(): Promise<PostgresServer> {
  return startPostgres({ bin: POSTGRES_BIN });
}

/** Makes a database with a table of varied text and, at a scale above 0, pgbench's tables. */
export async function makeDatabase(
  server: PostgresServer,
  name: string,
  options: { readonly rows: number; readonly pgbenchScale: number; readonly folder: string },
): Promise<void> {
  const { rows, pgbenchScale, folder } = options;
  const url = await server.createDatabase(name);
  await server.query(name, CUSTOMERS);
  const file = path.join(folder, 'customer.txt');
  await writeLines(file, rows, (id) => tableRow(id));
  run({ argv: [path.join(POSTGRES_BIN, 'psql'), url, '-c', `\\copy customer from '${file}'`] });
  await rm(file);
  if (pgbenchScale > 0)
    run({ argv: shell(`${POSTGRES_BIN}/pgbench -i -q -s ${pgbenchScale} '${url}' 2>&1`) });
  await server.query(name, 'VACUUM ANALYZE');
}

/** Changes 1 % of the customers, spread evenly; others each time. */
export async function changeSome(server: PostgresServer, name: string, round: number): Promise<void> {
  await server.query(
    name,
    `UPDATE customer SET amount = amount + 1, seen_at = seen_at + interval '1 day', note = note || ' again'
     WHERE abs(hashint4(id)) % 100 = ${round % 100}`,
  );
  await server.query(name, 'VACUUM');
}

export async function remakeDatabase(server: PostgresServer, name: string): Promise<void> {
  await server.query('postgres', `DROP DATABASE IF EXISTS ${name}`);
  await server.createDatabase(name);
}

/** The same for databases whose tables hold the same rows, in whatever order. */
export async function fingerprint(server: PostgresServer, name: string): Promise<string> {
  const tables = await server.query(
    name,
    `SELECT quote_ident(relname) AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`,
  );
  const parts = [];
  for (const { name: table } of tables.rows as readonly { readonly name: string }[]) {
    const sum = 'count(*) AS rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) AS hash';
    const { rows } = await server.query(name, `SELECT ${sum} FROM ${table} t`);
    parts.push(`${table}: ${JSON.stringify(rows)}`);
  }
  return parts.join('\n');
}

export async function databaseBytes(server: PostgresServer, name: string): Promise<number> {
  const { rows } = await server.query(name, `SELECT pg_database_size('${name}')::float8 AS bytes`);
  return Number(rows[0]?.bytes);
}

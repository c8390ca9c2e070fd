import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type PostgresServer, startPostgres } from '../../tools/embedded-postgres.ts';
import { writeLines } from '../data/lines.ts';
import { tableRow } from '../data/table.ts';
import { run, shell } from '../tools.ts';
import { postgresBars } from './live-bars.ts';
import { COPY_PIPELINE, LOADING_BIN, PG_DUMP_CUSTOM, postgresTools } from './postgres-tools.ts';
import type { LiveServer } from './server.ts';

const ROWS = 1_000_000;
const PGBENCH_SCALE = 10;

const CUSTOMERS = `CREATE TABLE customer (
  id integer PRIMARY KEY,
  email text NOT NULL,
  name text NOT NULL,
  seen_at timestamptz NOT NULL,
  amount numeric(9, 2) NOT NULL,
  is_member boolean NOT NULL,
  note text NOT NULL
)`;

/** What of PostgreSQL is measured. */
export interface LivePostgres extends LiveServer {
  /** A database with that many customers and nothing else. */
  makeSmall(database: string, options: { readonly rows: number; readonly folder: string }): Promise<void>;
}

/** @param major 15: Debian's; 18: that of npm. @throws Error if it is not installed */
export async function startLivePostgres(major: 15 | 18): Promise<LivePostgres> {
  if (!existsSync(path.join(LOADING_BIN, 'postgres')))
    throw new Error(
      'PostgreSQL 15, whose psql and pgbench load the data, is not installed: apt-get install postgresql-15',
    );
  const server = await startPostgres(major === 15 ? { bin: LOADING_BIN } : {});
  const peers = postgresTools(major);
  const isDumped = peers.some(({ name }) => name === PG_DUMP_CUSTOM);
  const makeSmall = (database: string, options: { readonly rows: number; readonly folder: string }) =>
    makeDatabase(server, database, options);
  return {
    title: `PostgreSQL ${major}`,
    peers,
    gaps: isDumped
      ? []
      : [
          `pg_dump: none of version ${major} or later is installed, and older ones refuse this server. ${COPY_PIPELINE} stores the rows alone, in one transaction, and brings nothing back.`,
        ],
    by: isDumped
      ? { name: PG_DUMP_CUSTOM, title: 'BY PG_DUMP -FC' }
      : { name: COPY_PIPELINE, title: 'BY COPY' },
    url: (database) => server.url(database),
    makeSmall,
    make: async (database, { size, folder }) => {
      const rows = Math.ceil(ROWS * size);
      const pgbenchScale = Math.ceil(PGBENCH_SCALE * size);
      await makeSmall(database, { rows, folder });
      run({ argv: shell(`${LOADING_BIN}/pgbench -i -q -s ${pgbenchScale} '${server.url(database)}' 2>&1`) });
      await server.query(database, 'VACUUM ANALYZE');
      return `a table of ${rows.toLocaleString('en-US')} rows of varied text and pgbench's tables at scale ${pgbenchScale}`;
    },
    change: (database, round) => changeSome(server, database, round),
    remake: async (database) => {
      await server.query('postgres', `DROP DATABASE IF EXISTS ${database}`);
      await server.createDatabase(database);
    },
    fingerprint: (database) => fingerprint(server, database),
    bytes: async (database) => {
      const { rows } = await server.query(
        database,
        `SELECT pg_database_size('${database}')::float8 AS bytes`,
      );
      return Number(rows[0]?.bytes);
    },
    bars: postgresBars,
    stop: () => server.stop(),
  };
}

async function makeDatabase(
  server: PostgresServer,
  name: string,
  { rows, folder }: { readonly rows: number; readonly folder: string },
): Promise<void> {
  const url = await server.createDatabase(name);
  await server.query(name, CUSTOMERS);
  const file = path.join(folder, 'customer.txt');
  await writeLines(file, rows, (id) => tableRow(id));
  run({ argv: [path.join(LOADING_BIN, 'psql'), url, '-c', `\\copy customer from '${file}'`] });
  await rm(file);
  await server.query(name, 'VACUUM ANALYZE');
}

async function changeSome(server: PostgresServer, name: string, round: number): Promise<void> {
  await server.query(
    name,
    `UPDATE customer SET amount = amount + 1, seen_at = seen_at + interval '1 day', note = note || ' again'
     WHERE abs(hashint4(id)) % 100 = ${round % 100}`,
  );
  await server.query(name, 'VACUUM');
}

async function fingerprint(server: PostgresServer, name: string): Promise<string> {
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

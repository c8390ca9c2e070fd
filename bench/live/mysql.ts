import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type MariadbServer, startMariadb } from '../../tools/mariadb-server.ts';
import { writeLines } from '../data/lines.ts';
import { numberRow } from '../data/numbers.ts';
import { tableRow } from '../data/table.ts';
import { mysqlBars } from './live-bars.ts';
import { MARIADB_DUMP_PIPELINE, mysqlTools } from './mysql-tools.ts';
import type { LiveServer } from './server.ts';

/** Rows of text take 1.5 GB, those of numbers 0.7. */
const CUSTOMERS = 8_000_000;
const ORDER_LINES = 7_000_000;
const PROGRAMS = ['/usr/sbin/mariadbd', '/usr/bin/mariadb-dump', '/usr/bin/mariadb'];

const TABLES = `CREATE TABLE customer (
  id int PRIMARY KEY,
  email varchar(200) NOT NULL,
  name varchar(100) NOT NULL,
  seen_at datetime NOT NULL,
  amount decimal(9, 2) NOT NULL,
  is_member tinyint NOT NULL,
  note text NOT NULL
);
CREATE TABLE order_line (
  id bigint PRIMARY KEY,
  order_id int NOT NULL,
  product_id int NOT NULL,
  quantity smallint NOT NULL,
  price decimal(9, 2) NOT NULL,
  discount tinyint NOT NULL,
  total decimal(11, 2) NOT NULL,
  at datetime NOT NULL,
  warehouse tinyint NOT NULL,
  latitude decimal(9, 6) NOT NULL,
  longitude decimal(9, 6) NOT NULL,
  weight double NOT NULL
)`;

/** As a small server has them rather than as tests want them: tables in files of their own, some memory. */
const SETTINGS = {
  'innodb-file-per-table': '1',
  'innodb-buffer-pool-size': '512M',
  'innodb-log-file-size': '256M',
};

/** @throws Error if MariaDB is not installed */
export async function startLiveMysql(): Promise<LiveServer> {
  if (!PROGRAMS.every((program) => existsSync(program)))
    throw new Error('MariaDB is not installed: apt-get install mariadb-server');
  const server = await startMariadb({ settings: SETTINGS });
  const [{ version } = { version: 'of unknown version' }] = await server.query(
    undefined,
    'SELECT version() AS version',
  );
  return {
    title: `MariaDB ${String(version).split('-')[0]}`,
    peers: mysqlTools(server),
    gaps: [],
    by: { name: MARIADB_DUMP_PIPELINE, title: 'BY MARIADB-DUMP' },
    url: (database) => server.url(database),
    make: (database, options) => makeDatabase(server, database, options),
    change: async (database, round) => {
      await server.query(
        database,
        `UPDATE customer SET amount = amount + 1, seen_at = seen_at + interval 1 day, note = concat(note, ' again')
         WHERE crc32(id) % 100 = ${round % 100};
         UPDATE order_line SET quantity = quantity + 1, total = total + price WHERE crc32(id) % 100 = ${round % 100}`,
      );
    },
    remake: async (database) => {
      // What was restored before is in the binary log too.
      await server.query(
        undefined,
        `DROP DATABASE IF EXISTS ${database}; CREATE DATABASE ${database}; RESET MASTER`,
      );
    },
    fingerprint: async (database) => {
      const tables = await server.query(database, 'SHOW TABLES');
      const names = tables.map((row) => `\`${Object.values(row)[0]}\``);
      const sums = await server.query(database, `CHECKSUM TABLE ${names.join(', ')}`);
      return sums.map(({ Table, Checksum }) => `${String(Table).split('.')[1]}: ${Checksum}`).join('\n');
    },
    bytes: async (database) => {
      const [row] = await server.query(
        undefined,
        `SELECT sum(data_length + index_length) AS bytes FROM information_schema.tables WHERE table_schema = '${database}'`,
      );
      return Number(row?.['bytes']);
    },
    bars: mysqlBars,
    stop: () => server.stop(),
  };
}

async function makeDatabase(
  server: MariadbServer,
  name: string,
  { size, folder }: { readonly size: number; readonly folder: string },
): Promise<string> {
  const [customers, lines] = [Math.ceil(CUSTOMERS * size), Math.ceil(ORDER_LINES * size)];
  await server.query(undefined, `CREATE DATABASE ${name}`);
  await server.query(name, TABLES);
  const load = async (into: string, rows: number, rowOf: (id: number) => string) => {
    const file = path.join(folder, 'rows.txt');
    await writeLines(file, rows, rowOf);
    await server.query(name, `SET sql_log_bin = 0; LOAD DATA INFILE '${file}' INTO TABLE ${into}`);
    await rm(file);
  };
  // The time without its zone, the flag as a number.
  const columns = '(id, email, name, @at, amount, @flag, note)';
  const values = `SET seen_at = left(@at, 19), is_member = @flag = 't'`;
  await load(`customer ${columns} ${values}`, customers, (id) => tableRow(id));
  await load('order_line', lines, (id) => numberRow(id));
  await server.query(name, 'ANALYZE TABLE customer, order_line');
  const count = (rows: number) => rows.toLocaleString('en-US');
  return `a table of ${count(customers)} rows of varied text and one of ${count(lines)} rows of numbers`;
}

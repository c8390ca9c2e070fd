import { execFile } from 'node:child_process';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';

/*
 * The same shop in MariaDB, with what its values have of their own: character sets, bytes, bits, dates that are none. The judge is
 * the server: copies of its tables in a database beside, compared by EXCEPT ALL.
 */

export const SHOP = [
  `CREATE TABLE customer (id int AUTO_INCREMENT PRIMARY KEY, email varchar(80) CHARACTER SET latin1 UNIQUE,
     name varchar(80) NOT NULL, shout varchar(80) AS (upper(name)) STORED)`,
  `CREATE TABLE orders (id bigint PRIMARY KEY, customer int, total decimal(30,8), at timestamp(6) NULL DEFAULT NULL,
     seen timestamp DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, raw blob, note text CHARACTER SET utf8mb4,
     CONSTRAINT \`the customer\` FOREIGN KEY (customer) REFERENCES customer (id) ON UPDATE CASCADE ON DELETE CASCADE)`,
  `CREATE TABLE \`Odd \`\`line\` (order_id bigint, \`n \`\`o\` varchar(20) COLLATE utf8mb4_bin, price double, r float, flag bit(3), mood enum('sad', 'it''s'),
     PRIMARY KEY (order_id, \`n \`\`o\`), FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE)`,
  `CREATE TABLE tree (id int PRIMARY KEY, parent int, label char(6), FOREIGN KEY (parent) REFERENCES tree (id))`,
  `CREATE TABLE loose (note text CHARACTER SET ucs2, n int, r float, day date, b binary(4), t text, y year, u uuid)`,
];

export const TABLES = ['customer', 'orders', 'Odd `line', 'tree', 'loose'] as const;
/** As their datasets are called. */
export const DATASETS = ['customer', 'orders', '`Odd ``line`', 'tree', 'loose'];
const quoted = (table: string) => `\`${table.replaceAll('`', '``')}\``;

/** Columns whose text is not all of them. */
const JUDGED: Readonly<Record<string, readonly string[]>> = {
  customer: ['id', 'hex(email)', 'hex(name)', 'shout'],
  orders: ['id', 'customer', 'total', 'at', 'seen', 'hex(raw)', 'hex(note)'],
  'Odd `line': ['order_id', 'hex(`n ``o`)', 'price', 'r * 1e0', 'flag + 0', 'mood'],
  tree: ['id', 'parent', 'hex(label)'],
  loose: ['hex(note)', 'n', 'r * 1e0', 'day', 'hex(b)', 'hex(t)', 'y', 'u'],
};

const ORDER = `seq, 1 + seq % 40, seq / 7, from_unixtime(1000 + seq + 0.25), '2020-01-01', unhex(md5(seq)),
  CASE seq % 6 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'line\\r\\nline\\ttab \\\\ it''s \\0 \\Z é' ELSE concat('note ', seq) END`;
const LOOSE = `if(seq % 5, concat('sameé', seq % 3), NULL), seq % 4, 1 / (1 + seq % 3),
  if(seq % 4, '2020-01-01', '0000-00-00'), unhex('00ff'), if(seq DIV 60 % 2, 'A', 'a'), 2000 + seq % 2, '6ccd780c-baba-1026-9564-5b8c656024db'`;

export async function fillShop(query: (sql: string) => Promise<unknown>): Promise<void> {
  for (const sql of [
    `INSERT INTO customer (email, name) SELECT concat('cé', seq, '@example.org'), concat('Ada ', seq) FROM seq_1_to_60`,
    `INSERT INTO orders SELECT ${ORDER} FROM seq_1_to_200`,
    `INSERT INTO \`Odd \`\`line\` SELECT o.id, concat('n', s.seq), o.id / 3e0, o.id / 3e0, s.seq, 'it''s' FROM orders o, seq_1_to_2 s`,
    `INSERT INTO tree SELECT seq, NULLIF(seq DIV 3, 0), concat('l', seq) FROM seq_1_to_60`,
    `INSERT INTO loose SELECT ${LOOSE} FROM seq_1_to_90`,
  ])
    await query(sql);
}

/** A few random changes, as an application or an accident makes them. */
export async function changeShop(
  query: (sql: string) => Promise<unknown>,
  pick: (most: number) => number,
): Promise<void> {
  const base = 1000 + 1000 * pick(1_000_000);
  const [one, three] = [base + 7, base + 3];
  const changes = [
    `UPDATE customer SET name = concat(name, 'é!'), email = NULL WHERE id % 17 = ${pick(17)}`,
    `DELETE FROM customer WHERE id % 23 = ${pick(23)}`,
    `UPDATE orders SET customer = NULL, total = -total, raw = NULL WHERE id % 31 = ${pick(31)}`,
    `UPDATE orders SET customer = (SELECT max(id) FROM customer) WHERE customer = ${1 + pick(40)}`,
    `INSERT INTO orders SELECT ${ORDER.replace('1 + seq % 40', '(SELECT min(id) FROM customer)')} FROM seq_${base}_to_${one}`,
    `INSERT INTO \`Odd \`\`line\` SELECT o.id, concat('n', s.seq), 1, 1, s.seq, NULL FROM orders o, seq_3_to_4 s WHERE o.id BETWEEN ${base} AND ${one}`,
    `UPDATE \`Odd \`\`line\` SET price = -1e300, r = 1 / 3, mood = NULL, flag = 5 WHERE order_id % 29 = ${pick(29)}`,
    `DELETE FROM \`Odd \`\`line\` WHERE order_id % 37 = ${pick(37)}`,
    `UPDATE tree SET parent = NULLIF(${pick(10)}, 0), label = 'é\\\\' WHERE id % 13 = ${pick(13)} AND id > 30`,
    `DELETE FROM tree WHERE id % 5 = ${pick(5)} AND id NOT IN (SELECT * FROM (SELECT parent FROM tree WHERE parent IS NOT NULL) x)`,
    `INSERT INTO tree SELECT seq, CASE seq WHEN ${base} THEN NULL ELSE seq - 1 END, 'new' FROM seq_${base}_to_${three} ORDER BY seq`,
    `INSERT INTO loose SELECT ${LOOSE} FROM seq_${1 + pick(50)}_to_${51 + pick(9)}`,
    `DELETE FROM loose WHERE n = ${pick(4)} LIMIT 5`,
    `UPDATE loose SET note = '😀', t = 'B' WHERE n = ${pick(4)} LIMIT 2`.replace('😀', 'œ'),
    `UPDATE customer SET id = id + 100000 WHERE id = ${1 + pick(50)}`,
  ];
  for (const sql of changes) if (pick(3) > 0) await query(sql);
}

/** Keeps the tables as they are in a database beside, for the judge. */
export async function keepTables(server: MariadbServer, database: string, kept: string): Promise<void> {
  await server.query(undefined, `DROP DATABASE IF EXISTS ${kept}; CREATE DATABASE ${kept}`);
  for (const table of TABLES)
    await server.query(database, `CREATE TABLE ${kept}.${quoted(table)} AS SELECT * FROM ${quoted(table)}`);
}

/** Rows, as text, that are more often in the tables than in what was kept (+), or less often (-). */
export async function differences(
  server: MariadbServer,
  database: string,
  kept: string,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const table of TABLES) {
    const columns = (JUDGED[table] ?? []).map(
      (text, i) => `cast(${text} AS char) COLLATE utf8mb4_bin AS c${i}`,
    );
    const rows = (of: string) => `SELECT ${columns.join(', ')} FROM ${of}.${quoted(table)}`;
    for (const [sign, one, other] of [
      ['+', database, kept],
      ['-', kept, database],
    ] as const) {
      const more = await server.query(
        database,
        `SELECT * FROM (${rows(one)} EXCEPT ALL ${rows(other)}) AS x`,
      );
      found.push(...more.map((row) => `${sign} ${table} ${JSON.stringify(Object.values(row))}`));
    }
  }
  return found;
}

/** Runs a script by the server's own client. */
export async function runScript(server: MariadbServer, database: string, script: string): Promise<void> {
  const { host, port, user, password } = server;
  const login = [`--host=${host}`, `--port=${port}`, `--user=${user}`, `--password=${password}`];
  await new Promise<void>((resolve, reject) => {
    const client = execFile('mariadb', ['--no-defaults', ...login, database], (error) =>
      error ? reject(error) : resolve(),
    );
    client.stdin?.end(script);
  });
}

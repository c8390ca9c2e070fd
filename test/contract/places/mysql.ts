import type { Connection, RowDataPacket } from 'mysql2/promise';
import { openMysqlScratch } from '../../../shared/sources/mysql/scratch.ts';
import { openMysqlSource } from '../../../shared/sources/mysql/source.ts';
import { openMysqlTarget } from '../../../shared/sources/mysql/target.ts';
import type { MariadbServer } from '../../../tools/mariadb-server.ts';
import { linkBreakages, linkSilence, openLink, type TcpLink } from '../link.ts';
import type { KindFacts, Place } from '../place.ts';
import { readSource } from '../reading.ts';
import { type Content, recordsOf, singleValue, type World } from '../world.ts';

const MOST_NAME_CHARACTERS = 64;

/** Names hold characters of three bytes of UTF-8 at most, and end with no white space. */
function canName(name: string): boolean {
  const isKnown = name.isWellFormed() && !/[\0\u{10000}-\u{10ffff}]/u.test(name);
  return isKnown && name !== '' && name.length <= MOST_NAME_CHARACTERS && !/[ \t\n\v\f\r]$/.test(name);
}

export const MYSQL: KindFacts = {
  kind: 'mysql',
  canName,
  canKey: (key) => key.isWellFormed() && Buffer.byteLength(key) <= 3072,
  canHold: (text) => text.isWellFormed(),
  keepsEmptyDatasets: true,
  ordersRecords: false,
  wholeReplaceRemoves: 'own',
  schemaOutcome: 'equal',
};

const LIST_SCRATCHES =
  "SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'holdfast\\\\_drill\\\\_%'";

let databases = 0;

/** A database: a table a dataset, with columns for key, text and members; a single value is a table of one column. */
export async function openDatabase(server: MariadbServer): Promise<Place> {
  const database = `contract ${++databases}`;
  const admin = await server.connect();
  await admin.query(`DROP DATABASE IF EXISTS ${name(database)}; CREATE DATABASE ${name(database)}`);
  const link = await openLink(server.port);
  const hand = await server.connect(database);
  const handIds = [admin, hand].map((client) => client.threadId);
  const url = (of = database, user = server.user, password = server.password) =>
    `mysql://${user}:${password}@127.0.0.1:${link.port}/${encodeURIComponent(of)}`;
  // Small partitions, so that a table has several.
  const open = (of?: string) => openMysqlSource(url(of), { partitionMiB: 1 }, {});
  const target = () => openMysqlTarget(url(), {}, {});
  return {
    facts: MYSQL,
    secrets: [server.password],
    put: (dataset, content) => put(hand, dataset, content),
    setRecord: async (dataset, key, value) => {
      await hand.query(
        `INSERT INTO ${name(dataset)} (\`key\`, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value), members = NULL`,
        [key, value],
      );
    },
    vanish: async (dataset) => {
      // A table that is locked by who reads it is not let go.
      await hand.query('SET lock_wait_timeout = 1');
      try {
        await put(hand, dataset, undefined);
        return 'gone';
      } catch {
        return 'refused';
      } finally {
        await hand.query('SET lock_wait_timeout = DEFAULT');
      }
    },
    readByHand: () => readTables(hand, database),
    decode: ({ datasets }) =>
      new Map(
        datasets
          .filter(({ kind }) => kind === 'data')
          .map(({ name: dataset, partitions }) => [
            plainName(dataset),
            contentOf(Buffer.concat([...partitions.values()]).toString('utf8')),
          ]),
      ),
    nameOf: plainName,
    source: () => open(),
    target,
    refused: () => refused(server, { link, open, url, database }),
    breakages: () => linkBreakages(link, () => readSource(open())),
    writeBreakages: (work) => linkBreakages(link, work),
    silence: linkSilence(link, () => readSource(open())),
    openHandles: async () => {
      const [rows] = await admin.query<RowDataPacket[]>(
        'SELECT id FROM information_schema.PROCESSLIST WHERE db = ?',
        [database],
      );
      return link.connections + rows.filter(({ id }) => !handIds.includes(Number(id))).length;
    },
    get touched() {
      return link.opened;
    },
    scratchServer: () => openMysqlScratch(url(''), {}, {}),
    listScratches: async () => {
      const [rows] = await admin.query<RowDataPacket[]>(LIST_SCRATCHES);
      return rows.map((row) => row['name']);
    },
    readScratch: async (scratch) => {
      const [rows] = await admin.query<RowDataPacket[]>(
        'SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?',
        [scratch],
      );
      return rows.length === 0 ? undefined : readTables(admin, scratch);
    },
    spoilSchema: async (scratch) => {
      await admin.query(`ALTER TABLE ${name(scratch)}.a_first ALTER COLUMN value SET DEFAULT '0'`);
    },
    occupy: async (scratch) => {
      await admin.query(`CREATE DATABASE ${name(scratch)}`);
    },
    [Symbol.asyncDispose]: async () => {
      await link[Symbol.asyncDispose]();
      await hand.end();
      const [rows] = await admin.query<RowDataPacket[]>(LIST_SCRATCHES);
      for (const row of rows) await admin.query(`DROP DATABASE ${name(row['name'])}`);
      await admin.query(`DROP DATABASE ${name(database)}`);
      await admin.end();
    },
  };
}

function name(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``;
}

async function put(hand: Connection, dataset: string, content: Content | undefined): Promise<void> {
  const table = name(dataset);
  const [columns] = await hand.query<RowDataPacket[]>(
    'SELECT 1 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND BINARY TABLE_NAME = ?',
    [dataset],
  );
  const wanted = content ? columnsOf(content) : [];
  if (content && columns.length === wanted.length) await hand.query(`DELETE FROM ${table}`);
  else {
    await hand.query(`DROP TABLE IF EXISTS ${table}`);
    if (content) await hand.query(`CREATE TABLE ${table} (${wanted.join(', ')}) CHARACTER SET utf8mb4`);
  }
  if (content) await insert(hand, table, content);
}

function columnsOf({ shape }: Content): readonly string[] {
  if (shape === 'value') return ['value LONGTEXT NOT NULL'];
  // By its bytes: in a collation, other keys would be the same.
  const key = '`key` VARCHAR(768) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY';
  return [key, 'value LONGTEXT', 'members LONGTEXT'];
}

async function insert(hand: Connection, table: string, content: Content): Promise<void> {
  if (content.shape === 'value') {
    await hand.query(`INSERT INTO ${table} VALUES (?)`, [content.value]);
    return;
  }
  const rows = [...content.records].map(([key, value]) => [
    key,
    typeof value === 'string' ? value : null,
    typeof value === 'string' ? null : JSON.stringify([...value]),
  ]);
  for (let at = 0; at < rows.length; at += 1000)
    await hand.query(`INSERT INTO ${table} VALUES ?`, [rows.slice(at, at + 1000)]);
}

async function readTables(hand: Connection, database: string): Promise<World> {
  const [tables] = await hand.query<RowDataPacket[]>(
    `SELECT MIN(TABLE_NAME) AS name, COUNT(*) AS columns FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = ? GROUP BY BINARY TABLE_NAME`,
    [database],
  );
  const world = new Map<string, Content>();
  for (const { name: table, columns } of tables) {
    const [rows] = await hand.query<RowDataPacket[][]>({
      sql: `SELECT * FROM ${name(database)}.${name(table)}`,
      rowsAsArray: true,
    });
    const one = columns === 1 ? singleValue(String(rows[0]?.[0])) : undefined;
    world.set(
      table,
      one ??
        recordsOf(
          rows.map(([key, value, members]) => [
            String(key),
            value === null ? new Map(JSON.parse(String(members))) : String(value),
          ]),
        ),
    );
  }
  return world;
}

/** Section "LOAD DATA", "Field and Line Handling" of the manual. */
function contentOf(lines: string): Content {
  const rows = lines
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t').map(fieldOf));
  const [first] = rows;
  if (first?.length === 1) return singleValue(first[0] ?? '');
  return recordsOf(
    rows.map(([key, value, members]) => [key ?? '', value ?? new Map(JSON.parse(members ?? '[]'))]),
  );
}

const ESCAPES: Readonly<Record<string, string>> = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

function fieldOf(text: string): string | null {
  if (text === '\\N') return null;
  return text.replaceAll(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

/** Names of tables stand in backticks if they are odd. */
function plainName(dataset: string): string {
  return dataset.startsWith('`') ? dataset.slice(1, -1).replaceAll('``', '`') : dataset;
}

async function refused(
  server: MariadbServer,
  about: {
    readonly link: TcpLink;
    readonly open: (name?: string) => ReturnType<typeof openMysqlSource>;
    readonly url: (name?: string, user?: string, password?: string) => string;
    readonly database: string;
  },
) {
  const { open, url, database } = about;
  await server.query(database, 'CREATE TABLE open_to_all (a int); CREATE TABLE closed (a int)');
  await server.query(
    database,
    `CREATE USER IF NOT EXISTS reader@'%' IDENTIFIED BY 'horse'; GRANT SELECT ON open_to_all TO reader@'%';
     CREATE DATABASE IF NOT EXISTS \`contract empty\``,
  );
  const as = (user: string, password: string) => openMysqlSource(url(database, user, password), {}, {});
  const closed = await openLink(server.port);
  const nowhere = `mysql://${server.user}:${server.password}@127.0.0.1:${closed.port}/${database}`;
  await closed[Symbol.asyncDispose]();
  return [
    { name: 'an empty database', codes: ['E_EMPTY_READ'], source: open('contract empty') },
    { name: 'a database that is not there', codes: ['E_SOURCE_REFUSED'], source: open('contract none') },
    { name: 'a table that may not be read', codes: ['E_SOURCE_DENIED'], source: as('reader', 'horse') },
    { name: 'a wrong password', codes: ['E_SOURCE_REFUSED'], source: as('reader', 'battery') },
    {
      name: 'a server that does not answer',
      codes: ['E_SOURCE_UNREACHABLE'],
      source: openMysqlSource(nowhere, {}, {}),
    },
  ] as const;
}

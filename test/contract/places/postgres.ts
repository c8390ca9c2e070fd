import pg from 'pg';
import { openPostgresScratch } from '../../../shared/sources/postgres/scratch.ts';
import { openPostgresSource } from '../../../shared/sources/postgres/source.ts';
import { openPostgresTarget } from '../../../shared/sources/postgres/target.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { linkBreakages, linkSilence, openLink, type TcpLink } from '../link.ts';
import type { KindFacts, Place } from '../place.ts';
import { readSource } from '../reading.ts';
import { type Content, recordsOf, singleValue, type World } from '../world.ts';

const MOST_NAME_BYTES = 63;

function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

export const POSTGRES: KindFacts = {
  kind: 'postgres',
  canName: (name) => isText(name) && name !== '' && Buffer.byteLength(name) <= MOST_NAME_BYTES,
  canKey: isText,
  canHold: isText,
  keepsEmptyDatasets: true,
  ordersRecords: false,
  wholeReplaceRemoves: 'own',
  schemaOutcome: 'equal',
};

const LIST_SCRATCHES = "SELECT datname AS name FROM pg_database WHERE datname LIKE 'holdfast\\_drill\\_%'";

let databases = 0;

/** A database: a table a dataset, with columns for key, text and members; a single value is a table of one column. */
export async function openDatabase(server: PostgresServer): Promise<Place> {
  const database = `contract ${++databases}`;
  await server.createDatabase(database);
  const link = await openLink(server.port);
  const hand = await handOf(server.url(database));
  const admin = await handOf(server.url());
  const url = (name = database, user = 'postgres', password = server.password) =>
    `postgres://${user}:${password}@127.0.0.1:${link.port}/${encodeURIComponent(name)}`;
  // Small partitions, so that a table has several.
  const open = (name?: string) => openPostgresSource(url(name), { partitionMiB: 1 }, {});
  const target = () => openPostgresTarget(url(), {}, {});
  const put = async (name: string, content: Content | undefined) => {
    const table = hand.escapeIdentifier(name);
    const { rows } = await hand.query(
      'SELECT count(*)::int AS columns FROM pg_attribute WHERE attnum > 0 AND attrelid = to_regclass($1)',
      [`public.${table}`],
    );
    const wanted = content ? columnsOf(content) : [];
    // Tables are made and dropped only where they must be, which takes time.
    if (content && rows[0]?.columns === wanted.length) await hand.query(`DELETE FROM ${table}`);
    else
      await hand.query(
        `DROP TABLE IF EXISTS ${table}; ${content ? `CREATE TABLE ${table} (${wanted})` : ''}`,
      );
    if (content) await insert(hand, name, content);
  };
  return {
    facts: POSTGRES,
    secrets: [server.password],
    put,
    setRecord: async (name, key, value) => {
      const sql = `INSERT INTO ${hand.escapeIdentifier(name)} (key, value) VALUES ($1, $2)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, members = NULL`;
      await hand.query(sql, [key, value]);
    },
    vanish: async (name) => {
      // A table that is locked by who reads it is not let go.
      await hand.query("SET lock_timeout = '100ms'");
      try {
        await put(name, undefined);
        return 'gone';
      } catch {
        return 'refused';
      } finally {
        await hand.query('RESET lock_timeout');
      }
    },
    readByHand: () => readTables(hand),
    decode: ({ datasets }) =>
      new Map(
        datasets
          .filter(({ kind }) => kind === 'data')
          .map(({ name, partitions }) => [
            plainName(name),
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
      const { rows } = await admin.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = $1 AND application_name <> 'by hand'`,
        [database],
      );
      return link.connections + Number(rows[0]?.n);
    },
    get touched() {
      return link.opened;
    },
    scratchServer: () => openPostgresScratch(url('postgres'), {}, {}),
    listScratches: async () => {
      const { rows } = await admin.query(LIST_SCRATCHES);
      return rows.map(({ name }) => name);
    },
    readScratch: async (name) => {
      const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
      if (rowCount === 0) return undefined;
      const inside = await handOf(server.url(name));
      const world = await readTables(inside);
      await inside.end();
      return world;
    },
    spoilSchema: async (name) => {
      await server.query(name, 'ALTER TABLE a_first ALTER COLUMN value SET DEFAULT 0');
    },
    occupy: async (name) => {
      await admin.query(`CREATE DATABASE ${admin.escapeIdentifier(name)}`);
    },
    [Symbol.asyncDispose]: async () => {
      await link[Symbol.asyncDispose]();
      await hand.end();
      // The database itself goes with the server: dropping it would take longer than the test.
      const { rows } = await admin.query(LIST_SCRATCHES);
      for (const { name } of rows)
        await admin.query(`DROP DATABASE ${admin.escapeIdentifier(name)} WITH (FORCE)`);
      await admin.end();
    },
  };
}

async function handOf(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: 'by hand' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function columnsOf({ shape }: Content): readonly string[] {
  // What is compressed before it is stored takes most of the time.
  return shape === 'value'
    ? ['value text STORAGE EXTERNAL NOT NULL']
    : ['key text PRIMARY KEY', 'value text STORAGE EXTERNAL', 'members json STORAGE EXTERNAL'];
}

async function insert(hand: pg.Client, name: string, content: Content): Promise<void> {
  const table = hand.escapeIdentifier(name);
  if (content.shape === 'value') {
    await hand.query(`INSERT INTO ${table} VALUES ($1)`, [content.value]);
    return;
  }
  const entries = [...content.records];
  await hand.query(`INSERT INTO ${table} SELECT * FROM unnest($1::text[], $2::text[], $3::json[])`, [
    entries.map(([key]) => key),
    entries.map(([, value]) => (typeof value === 'string' ? value : null)),
    entries.map(([, value]) => (typeof value === 'string' ? null : JSON.stringify([...value]))),
  ]);
}

async function readTables(hand: pg.Client): Promise<World> {
  const { rows: tables } = await hand.query(
    `SELECT c.relname AS name, count(*)::int AS columns
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.oid, c.relname`,
  );
  const world = new Map<string, Content>();
  for (const { name, columns } of tables) {
    const { rows } = await hand.query({
      text: `SELECT * FROM public.${hand.escapeIdentifier(name)}`,
      rowMode: 'array',
    });
    const one = columns === 1 ? singleValue(rows[0]?.[0]) : undefined;
    world.set(name, one ?? recordsOf(rows.map(([key, value, members]) => [key, value ?? new Map(members)])));
  }
  return world;
}

/** Section "COPY", "Text Format" of PostgreSQL's manual. */
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

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function fieldOf(text: string): string | null {
  if (text === '\\N') return null;
  return text.replaceAll(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

/** `public.orders` and `public."Odd.Name"` without the schema and the quotes. */
function plainName(dataset: string): string {
  const name = dataset.replace(/^public\./, '');
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

async function refused(
  server: PostgresServer,
  about: {
    readonly link: TcpLink;
    readonly open: (name?: string) => ReturnType<typeof openPostgresSource>;
    readonly url: (name?: string, user?: string, password?: string) => string;
    readonly database: string;
  },
) {
  const { open, url, database } = about;
  await server.query(database, 'CREATE TABLE open_to_all (a int); CREATE TABLE closed (a int)');
  await server.query(
    database,
    "CREATE ROLE reader LOGIN PASSWORD 'horse'; GRANT SELECT ON open_to_all TO reader",
  );
  await server.createDatabase('contract empty');
  const as = (user: string, password: string) => openPostgresSource(url(database, user, password), {}, {});
  const closed = await openLink(server.port);
  const nowhere = `postgres://postgres:${server.password}@127.0.0.1:${closed.port}/postgres`;
  await closed[Symbol.asyncDispose]();
  return [
    { name: 'an empty database', codes: ['E_EMPTY_READ'], source: open('contract empty') },
    { name: 'a database that is not there', codes: ['E_SOURCE_REFUSED'], source: open('contract none') },
    { name: 'a table that may not be read', codes: ['E_SOURCE_DENIED'], source: as('reader', 'horse') },
    { name: 'a wrong password', codes: ['E_SOURCE_REFUSED'], source: as('reader', 'battery') },
    {
      name: 'a server that does not answer',
      codes: ['E_SOURCE_UNREACHABLE'],
      source: openPostgresSource(nowhere, {}, {}),
    },
  ] as const;
}

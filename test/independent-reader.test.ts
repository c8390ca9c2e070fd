import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { BackupKey } from '../shared/core/ids.ts';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import { rekeyRepository } from '../shared/jobs/keys/rekey.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { FilesSource } from '../shared/sources/files/source.ts';
import { openMysqlSource } from '../shared/sources/mysql/source.ts';
import { openPostgresSource } from '../shared/sources/postgres/source.ts';
import type { Source } from '../shared/sources/source.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { startFirebaseServer } from '../tools/firebase-server/server.ts';
import { startMariadb } from '../tools/mariadb-server.ts';
import { describeWithPart, describeWithParts } from './support/parts.ts';
import { ownPostgres } from './support/postgres.ts';
import {
  initRepository,
  never,
  openRepository,
  SMALL_CHUNKS,
  TEST_KEY,
} from './support/repository/engine.ts';
import { listAgain } from './support/repository/forged-manifest.ts';
import { turns } from './support/repository/torture.ts';
import { POSTGRES_15_BIN } from './support/run/part-places.ts';
import { firebaseSource } from './support/sources/firebase.ts';
import { newFolder } from './support/temporary.ts';

const it = turns(3);

/*
 * A backup of each source, read by `tools/read-repository.py`, which shares nothing with Holdfast, and judged by what the
 * source itself has: files, psql, plain GETs. What the reader needs to know must be in docs/reference/format.md.
 */

const run = promisify(execFile);

interface Dataset {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

async function backUp(source: Source): Promise<{ readonly folder: string; readonly key: BackupKey }> {
  const folder = await newFolder();
  const store = new FolderStore(folder);
  await initRepository(store);
  await using repository = await openRepository(store);
  const { key } = await runBackup(repository, source, { type: 'daily', signal: never });
  return { folder, key };
}

async function python(...args: string[]): Promise<Buffer> {
  return pythonWith(TEST_KEY, ...args);
}

async function pythonWith(key: string, ...args: string[]): Promise<Buffer> {
  const { stdout } = await run('/usr/bin/python3', ['tools/read-repository.py', ...args], {
    env: { BACKUP_ENCRYPTION_KEY: key },
    maxBuffer: 2 ** 26,
    encoding: 'buffer',
  });
  return stdout;
}

/** What the list says of the datasets of a repository with one backup. */
async function listed(folder: string): Promise<readonly Dataset[]> {
  const lines = (await python(folder)).toString().split('\n');
  return lines.flatMap((line) => {
    const [, name = '', attributes = ''] = /^ {3}(.*) \d+ records (\{.*\})$/.exec(line) ?? [];
    return name === '' ? [] : [{ name, attributes: JSON.parse(attributes) as Dataset['attributes'] }];
  });
}

/** Every attribute that a backup carries has a row in the table of its source. */
async function expectDescribed(kind: string, datasets: readonly Dataset[]): Promise<void> {
  const page = await readFile('docs/reference/format.md', 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith(`| \`${kind}\` |`));
  const described = rows.flatMap((row) => row.split('|')[2]?.match(/\w+/g) ?? []);
  const found = new Set(datasets.flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...found].filter((name) => !described.includes(name))).toEqual([]);
  // And none that no backup has: a page that says too much is as wrong.
  expect(described.filter((name) => !found.has(name))).toEqual([]);
}

describeWithPart('python-reader', 'the reader in Python gives what a folder of files has', () => {
  const largest = SMALL_CHUNKS.maxBytes;
  const files: Readonly<Record<string, Buffer>> = {
    'empty.txt': Buffer.alloc(0),
    'a newline.txt': Buffer.from('\n'),
    'newlines.txt': Buffer.from('\n\n'),
    'a character.txt': Buffer.from('x'),
    'lines.txt': Buffer.from('one\ntwo\n'),
    'no final newline.txt': Buffer.from('one\ntwo'),
    'below/no final newline.txt': Buffer.from('x\n'.repeat(9000).slice(0, -1)),
    'binary.dat': Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251)),
    'one long record.txt': Buffer.from('x'.repeat(3 * largest)),
    // The newline that the source adds begins a chunk of its own.
    'as long as a chunk.txt': Buffer.from('x'.repeat(largest)),
    'as long as two.txt': Buffer.from(`${'x'.repeat(2 * largest - 1)}\r`),
  };

  it('byte for byte, with and without a final newline', async () => {
    const source = await newFolder();
    await mkdir(path.join(source, 'below'));
    for (const [name, body] of Object.entries(files)) await writeFile(path.join(source, name), body);
    const { folder, key } = await backUp(new FilesSource(source));
    const datasets = await listed(folder);
    await expectDescribed('files', datasets);
    expect(datasets.map(({ name }) => name).sort()).toEqual(Object.keys(files).sort());
    for (const [name, body] of Object.entries(files)) {
      const got = await python(folder, key, name);
      expect(got.equals(body), `${name}: ${got.length} bytes, the file has ${body.length}`).toBe(true);
    }
  });
});

describeWithPart('python-reader', 'the reader in Python believes what Holdfast believes', () => {
  it('of an old key that was replaced: what it signed before, and nothing since', async () => {
    const source = await newFolder();
    await writeFile(path.join(source, 'a.txt'), 'one\n');
    const { folder, key } = await backUp(new FilesSource(source));
    const newKey = createHash('sha256').update('the next key').digest('hex');
    const store = new FolderStore(folder);
    const open = (hexKey: string) => openRepository(store, { keys: new HexKeyProvider(hexKey) });
    await rekeyRepository(open, { key: TEST_KEY, newKey, signal: never });
    const forged = await listAgain(store, key, { type: 'forged', at: new Date().toISOString() });
    expect(String(await pythonWith(newKey, folder, key, 'a.txt'))).toBe('one\n');
    const refused = pythonWith(newKey, folder, forged, 'a.txt').catch(
      ({ stderr }: { stderr: Buffer }) => stderr,
    );
    expect(String(await refused)).toContain('was signed with a key that had been replaced');
    // Who has the old key alone still believes it.
    expect(String(await python(folder, forged, 'a.txt'))).toBe('one\n');
  });
});

describeWithPart('python-reader', 'the reader in Python gives what a Firebase database has', () => {
  it.each(['{"rules": {".read": true}} // open', '{"rules": {".read": true}}\n'])(
    'with its rules as they are written: %j',
    async (rules) => {
      await using server = await startFirebaseServer();
      const tree = { shop: { a: { x: 1 }, b: 'text', '.priority': 2 }, '.priority': 'p' };
      await server.set('/', tree);
      await fetch(`${server.url}/.settings/rules.json`, { method: 'PUT', body: rules });
      const { folder, key } = await backUp(firebaseSource(server.url));
      const datasets = await listed(folder);
      const several = await backUp(firebaseSource('', { instances: `eu=${server.url}` }));
      const ofEu = await listed(several.folder);
      await expectDescribed('firebase-rtdb', [...datasets, ...ofEu]);
      expect(ofEu.map(({ name }) => name).sort()).toEqual(datasets.map(({ name }) => `eu/${name}`).sort());
      expect(String(await python(several.folder, several.key, 'eu/.settings/rules'))).toBe(rules);
      const read = (name: string) => python(folder, key, name).then(String);
      const asWritten = await fetch(`${server.url}/.settings/rules.json`).then((answer) => answer.text());
      expect(await read('.settings/rules')).toBe(asWritten);
      expect(asWritten).toBe(rules);
      const records = (await read('shop'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as object);
      expect(Object.assign({}, ...records)).toEqual(tree.shop);
      expect((await read('.priority')).trim()).toBe('{".priority":"p"}');
    },
  );
});

describeWithParts(
  ['python-reader', 'postgresql-15'],
  'the reader in Python gives what a PostgreSQL database has',
  () => {
    const SQL = `
      CREATE SCHEMA "odd Schema";
      CREATE TABLE plain (id int PRIMARY KEY, "odd ""column" text, twice int GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO plain SELECT n, repeat(chr(9) || '\\x' || chr(10), n % 7) FROM generate_series(1, 3000) n;
      CREATE UNLOGGED TABLE "odd Schema"."no.columns" ();
      INSERT INTO "odd Schema"."no.columns" DEFAULT VALUES;
      CREATE TABLE child (more text) INHERITS (plain);
      INSERT INTO child VALUES (-1, NULL, DEFAULT, 'x');
      CREATE EXTENSION hstore;
      CREATE TABLE config (id int, note text);
      INSERT INTO config VALUES (1, 'of the extension'), (2, 'mine'), (3, 'mine too');
      ALTER EXTENSION hstore ADD TABLE config;
      UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid], extcondition = ARRAY['WHERE id > 1']
        WHERE extname = 'hstore';
      CREATE SEQUENCE numbers; SELECT nextval('numbers');
      SELECT lo_from_bytea(4711, decode(repeat('00ff0a', 20000), 'hex'));`;

    it('table by table, by their attributes', async () => {
      const server = await ownPostgres(15);
      try {
        const url = await server.createDatabase('shop');
        await server.query('shop', SQL);
        const { folder, key } = await backUp(openPostgresSource(url, {}, {}));
        const datasets = await listed(folder);
        await expectDescribed('postgres', datasets);
        const psql = async (sql: string) =>
          (await run(path.join(POSTGRES_15_BIN, 'psql'), ['-XAtc', sql, url])).stdout;
        const tables = datasets.filter(({ attributes }) => attributes['role'] === 'table');
        expect(tables.map(({ name }) => name).sort()).toEqual(
          ['"odd Schema"."no.columns"', 'public.child', 'public.config', 'public.plain'].sort(),
        );
        for (const { name, attributes } of tables) {
          const said = attributes as Record<'schema' | 'table' | 'condition', string> & {
            readonly columns: readonly { readonly name: string; readonly type: string }[];
            readonly unlogged: boolean;
            readonly extension: string | null;
          };
          const table = `${quoted(said.schema)}.${quoted(said.table)}`;
          const columns = said.columns.map((column) => quoted(column.name)).join(', ');
          const rows = await psql(`COPY (SELECT ${columns} FROM ONLY ${table} ${said.condition}) TO STDOUT`);
          expect((await python(folder, key, name)).toString(), name).toBe(rows);
          const is = (sql: string) =>
            psql(`SELECT ${sql} FROM pg_class c WHERE c.oid = '${table}'::regclass`).then((text) =>
              text.trim(),
            );
          expect(await is("relpersistence = 'u'"), name).toBe(said.unlogged ? 't' : 'f');
          const extension = `(SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
            WHERE d.objid = c.oid AND d.deptype = 'e')`;
          expect(await is(extension), name).toBe(said.extension ?? '');
          const types = `(SELECT string_agg(format_type(atttypid, atttypmod), '|' ORDER BY attnum) FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0 AND attgenerated = '')`;
          expect(await is(types), name).toBe(said.columns.map(({ type }) => type).join('|'));
        }
        expect((await python(folder, key, 'sequence values')).toString()).toBe('public\tnumbers\t1\tt\n');
        const pieces = (await python(folder, key, 'large object data')).toString().trimEnd().split('\n');
        const bytes = pieces.map((line) => line.split('\t')[2]?.slice('\\\\x'.length)).join('');
        expect(bytes).toBe((await psql("SELECT encode(lo_get(4711), 'hex')")).trim().replaceAll('\n', ''));
      } finally {
        await server.stop();
      }
    });
  },
);

describeWithParts(
  ['python-reader', 'mariadb'],
  'the reader in Python gives what a MariaDB database has',
  () => {
    const SQL = `
    CREATE TABLE plain (id INT PRIMARY KEY, t VARCHAR(50) CHARACTER SET latin1, b BLOB, d DECIMAL(30,10), at TIMESTAMP(6) NULL, twice INT AS (id * 2));
    INSERT INTO plain (id, t, b, d, at) SELECT seq, REPEAT(CONVERT(_utf8mb4'é\\t\\\\N' USING latin1), seq % 5), IF(seq % 3 = 0, NULL, REPEAT(CONCAT(CHAR(0), '\\n', CHAR(255 USING binary)), seq % 4)), seq / 7, FROM_UNIXTIME(seq * 1000) FROM seq_1_to_3000;
    CREATE TABLE \`odd.name \`\`x\` (a INT, b TEXT); INSERT INTO \`odd.name \`\`x\` VALUES (1, NULL), (2, '');
    CREATE VIEW v AS SELECT id FROM plain; CREATE PROCEDURE p() SELECT 'é'`;

    it('table by table, as the server writes them into files itself', async () => {
      const server = await startMariadb();
      try {
        await server.query(undefined, 'CREATE DATABASE shop');
        await server.query('shop', SQL);
        const { folder, key } = await backUp(openMysqlSource(server.url('shop'), { users: true }, {}));
        const datasets = await listed(folder);
        await expectDescribed('mysql', datasets);
        const tables = datasets.filter(({ attributes }) => attributes['role'] === 'table');
        expect(tables.map(({ name }) => name)).toEqual(['`odd.name ``x`', 'plain']);
        const out = await newFolder();
        for (const [i, { name, attributes }] of tables.entries()) {
          const { columns, table } = attributes as {
            readonly columns: readonly { readonly name: string }[];
            readonly table: string;
          };
          const list = columns.map((column) => `\`${column.name}\``).join(', ');
          const file = path.join(out, String(i));
          await server.query(
            'shop',
            `SET time_zone = '+00:00'; SELECT ${list} FROM \`${table.replaceAll('`', '``')}\` ORDER BY 1 INTO OUTFILE '${file}' CHARACTER SET binary`,
          );
          // Where a record has letters, the server escapes a tab and a newline as they are.
          const letters = { '\t': 't', '\n': 'n' };
          const written = (await readFile(file, 'latin1')).replaceAll(
            /\\([\s\S])/g,
            (_, what: string) => `\\${letters[what as '\t'] ?? what}`,
          );
          expect((await python(folder, key, name)).toString('latin1'), name).toBe(written);
        }
        const lines = (await python(folder, key, 'database schema')).toString().trimEnd().split('\n');
        const objects = lines.map(
          (line) => JSON.parse(line) as { readonly name: string; readonly sql: string },
        );
        const [row] = await server.query('shop', 'SHOW CREATE TABLE plain');
        expect(objects.find(({ name }) => name === 'plain')?.sql).toBe(row?.['Create Table']);
        const users = (await python(folder, key, 'server users')).toString();
        expect(users).toContain('{"account":"`admin`@`%`","create":["CREATE USER');
      } finally {
        await server.stop();
      }
    });
  },
);

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlockChannel } from '../../../../../shared/jobs/inside/query/block-channel.ts';
import { DUCKDB, DUCKDB_VERSION, loadDuckdb } from '../../../../../shared/jobs/inside/query/load-duckdb.ts';
import { QueryDatabase } from '../../../../../shared/jobs/inside/query/query-database.ts';

describe('what a query may do', () => {
  let folder: string;
  let database: QueryDatabase;
  const { port1, port2 } = new MessageChannel();

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    await writeFile(path.join(folder, 'secret.csv'), 'word\nsesame\n');
    await writeFile(path.join(folder, 'out.parquet'), '');
    const rows = { name: 'rows', attributes: {}, records: 0, plainBytes: 0 };
    database = await QueryDatabase.open(
      await loadDuckdb(),
      [{ alias: 'a', sourceKind: 'none', datasets: [rows, { ...rows, name: 'shop.orders' }] }],
      {
        blocks: new BlockChannel(port1, new SharedArrayBuffer(4)),
        memoryBytes: 1e8,
        files: [{ path: path.join(folder, 'out.parquet') }],
        onUnheld: () => {},
      },
    );
  });
  afterAll(async () => {
    database?.[Symbol.dispose]();
    for (const port of [port1, port2]) port.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** As the thread of a query does it. */
  async function run(text: string): Promise<number> {
    const sql = text.replaceAll('FOLDER', folder);
    const { fetch } = await database.run(sql, await database.prepare(sql));
    return (await fetch())?.rowCount ?? 0;
  }

  it('is to read', async () => {
    expect(await run("SELECT 1; -- that's all")).toBe(1);
    expect(await run('DESCRIBE rows')).toBe(1);
    expect(await run('EXPLAIN SELECT count(*) FROM rows')).toBe(1);
    expect(await run('SHOW TABLES')).toBe(2);
  });

  it.each([
    "SELECT * FROM read_csv('FOLDER/secret.csv')",
    "SELECT * FROM 'FOLDER/secret.csv'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM 'https://example.org/a.parquet'",
    "COPY (SELECT 1) TO 'FOLDER/written.csv'",
    "COPY rows TO 'FOLDER/written.parquet'",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'FOLDER/written.csv'",
    "ATTACH 'FOLDER/new.db' AS n",
    "EXPORT DATABASE 'FOLDER/all'",
    'INSTALL httpfs',
    "LOAD 'httpfs'",
    'SET enable_external_access = true',
    'SET lock_configuration = false',
    "PRAGMA temp_directory='FOLDER'",
    'CALL pragma_version()',
    'CREATE TABLE t (x int)',
    'CREATE SECRET (TYPE s3)',
    'DROP VIEW rows',
    'SELECT 1; SELECT 2',
    'SELECT $1',
    '',
    '   ',
  ])('refuses %s', async (sql) => {
    await expect(run(sql)).rejects.toMatchObject({
      code: expect.stringMatching(/^E_(USAGE|NO_DATASET)$/),
    });
    expect(await readdir(folder)).toEqual(['out.parquet', 'secret.csv']);
  });

  it.each([
    ['SELEC 1', 'E_USAGE', /Parser Error: .*SELEC/s, /line 1, column 1/],
    [
      'SELECT record\nFROM rows WHERE nothing = 1',
      'E_USAGE',
      /Binder Error: .*nothing/s,
      /line 2, column 17/,
    ],
    [
      'SELECT * FROM rowz',
      'E_NO_DATASET',
      /no backup of this query has a dataset 'rowz'/,
      /Did you mean rows\?/,
    ],
    ['SELECT * FROM b.rows', 'E_NO_DATASET', /rows/, /a\.rows|rows/],
    ["SELECT 'a'::int", 'E_USAGE', /Conversion Error/, /./],
  ] as const)('says what is wrong with %j', async (sql, code, message, hint) => {
    await expect(run(sql)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
  });

  it('cannot get out of what is written to a file', async () => {
    const write = (sql: string) => database.write(sql, { path: path.join(folder, 'out.parquet') });
    await expect(write(`SELECT 1) TO '${folder}/x.csv' --`)).rejects.toMatchObject({ code: 'E_USAGE' });
    const elsewhere = database.write('SELECT 1', { path: path.join(folder, 'other.parquet') });
    await expect(elsewhere).rejects.toMatchObject({ code: 'E_USAGE' });
    expect(await readdir(folder)).toEqual(['out.parquet', 'secret.csv']);
  });

  it('is of the release that it is tested with', async () => {
    const { devDependencies, peerDependenciesMeta } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(devDependencies[DUCKDB]).toBe(DUCKDB_VERSION);
    expect(peerDependenciesMeta[DUCKDB]).toEqual({ optional: true });
  });

  it('says how to install DuckDB if it is missing, does not run, or is of another version', async () => {
    const missing = () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
    const hint = /npm install @duckdb\/node-api@1\.5\./;
    await expect(loadDuckdb(missing)).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('is not installed'),
      hint: expect.stringMatching(hint),
    });
    await expect(loadDuckdb(() => Promise.reject(new Error('wrong ELF class')))).rejects.toMatchObject({
      message: expect.stringContaining('wrong ELF class'),
    });
    const older = { version: () => 'v1.4.2' } as Awaited<ReturnType<typeof loadDuckdb>>;
    await expect(loadDuckdb(async () => older)).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('v1.4.2'),
      hint: expect.stringMatching(hint),
    });
  });
});

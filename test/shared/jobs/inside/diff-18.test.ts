import { chmod, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { diffBackups } from '../../../../shared/jobs/inside/diff.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { Fields } from '../../../../shared/sources/rows.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/postgres/target/round-trip.ts';
import { versionPairs } from './version-pairs.ts';

/** Tables of all kinds of keys, each with a value `v` to change and a number `n`. */
const TABLES: Readonly<Record<string, { readonly sql: string; readonly key: readonly string[] }>> = {
  by_id: { sql: 'id int PRIMARY KEY', key: ['id'] },
  by_text: { sql: `"odd ""key" text, part int, PRIMARY KEY (part, "odd ""key")`, key: ['part', 'odd "key'] },
  by_uuid: {
    sql: 'id uuid PRIMARY KEY, big numeric(40,10), at timestamptz, doc jsonb, raw bytea',
    key: ['id'],
  },
  by_time: { sql: 'at timestamptz, id bigint, PRIMARY KEY (at, id) INCLUDE (id)', key: ['at', 'id'] },
  no_key: { sql: 'note text', key: [] },
};
const FILL: Readonly<Record<string, string>> = {
  by_id: 'i',
  by_text: `'k' || E'\\t\\n\\\\' || i % 50, i`,
  by_uuid: `md5(i::text)::uuid, i / 7.0, to_timestamp(i * 1e5 / 3), jsonb_build_object('i', i, 't', E'\\\\'), decode(md5(i::text), 'hex')`,
  by_time: `to_timestamp(i % 40), i`,
  no_key: `CASE i % 5 WHEN 0 THEN NULL ELSE 'same' || i % 3 END`,
};
const versions = cases(3, 5, 46);

describe('a difference of two backups of PostgreSQL, judged by its EXCEPT ALL', () => {
  let server: PostgresServer;
  let repository: Repository;
  const keys: BackupKey[] = [];
  const random = seededRandom(testSeed);
  const pick = (most: number) => Math.floor(random() * most);

  const query = (sql: string) => server.query('shop', sql);
  const insert = (table: string, from: number, to: number) =>
    query(
      `INSERT INTO ${table} SELECT ${FILL[table]}, 'v' || i, i FROM generate_series(${from}, ${to}) i ON CONFLICT DO NOTHING`,
    );

  /** Some rows changed, removed, put in again under other keys, doubled where they may be. */
  async function change(table: string, version: number): Promise<void> {
    const share = [1, 20, 500][pick(3)] ?? 1;
    await query(
      `UPDATE ${table} SET v = CASE n % 3 WHEN 0 THEN NULL ELSE v || '-${version}' END WHERE n % 1000 < ${share}`,
    );
    await query(`DELETE FROM ${table} WHERE n % 97 = ${pick(97)}`);
    await insert(table, 2000 * version, 2000 * version + pick(60));
    if (table === 'no_key') await query(`INSERT INTO no_key SELECT * FROM no_key WHERE n % 31 = ${pick(31)}`);
    if (table === 'by_id') await query(`UPDATE by_id SET id = -id WHERE n % 211 = ${pick(211)}`);
  }

  async function backUpVersion(version: number): Promise<void> {
    for (const table of version > 0 ? Object.keys(TABLES) : []) await change(table, version);
    if (version === 2) await query('ALTER TABLE by_id ADD extra text DEFAULT now()');
    keys.push((await backUpUrl(repository, server.url('shop'))).key);
    for (const table of Object.keys(TABLES))
      await query(`CREATE TABLE judge.${table}_${version} AS TABLE ${table}`);
  }

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shop');
    await query('CREATE SCHEMA judge');
    for (const [table, { sql }] of Object.entries(TABLES)) {
      await query(`CREATE TABLE ${table} (${sql}, v text, n int)`);
      await insert(table, 0, 1500);
    }
    for (let version = 0; version < versions; version++) await backUpVersion(version);
    await mkdir(path.join(server.dataFolder, 'judged'));
    await chmod(path.join(server.dataFolder, 'judged'), 0o777);
  }, tortureTimeoutMs);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** What is more often in one version of a table than in another, as the server's COPY writes it. */
  async function exceptAll(table: string, columns: string, [one, other]: readonly [number, number]) {
    const file = path.join(server.dataFolder, 'judged', `${table}-${one}-${other}`);
    const select = (version: number) => `SELECT ${columns} FROM judge.${table}_${version}`;
    await query(`COPY (${select(one)} EXCEPT ALL ${select(other)}) TO '${file}'`);
    return (await readFile(file, 'utf8')).split('\n').slice(0, -1).toSorted();
  }

  async function compare(table: string, [a, b]: readonly [number, number]): Promise<void> {
    const open = (version: number) => repository.openBackup(keys[version]!, never);
    const options = { datasets: [`public.${table}`], signal: never };
    const [diff] = await Array.fromAsync(diffBackups(await open(a), await open(b), options));
    const columns = diff!.columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ');
    const changes = await Array.fromAsync(diff!.changes());
    const before = changes.flatMap((row) => (row.before ? [copyLine(row.before)] : []));
    const after = changes.flatMap((row) => (row.after ? [copyLine(row.after)] : []));
    expect(before.toSorted()).toEqual(await exceptAll(table, columns, [a, b]));
    expect(after.toSorted()).toEqual(await exceptAll(table, columns, [b, a]));
    const { key } = TABLES[table]!;
    expect(diff!.key).toEqual(key);
    const places = key.map((name) => diff!.columns.findIndex((column) => column.name === name));
    const keyOf = (fields: Fields | null) => places.map((place) => fields?.[place]);
    for (const row of changes.filter(({ change }) => change === 'changed'))
      expect(keyOf(row.before)).toEqual(keyOf(row.after));
    const isAdded = (from: number, to: number) => table === 'by_id' && from < 2 && to >= 2;
    expect(diff!.addedColumns).toEqual(isAdded(a, b) ? ['extra'] : []);
    expect(diff!.removedColumns).toEqual(isAdded(b, a) ? ['extra'] : []);
  }

  it.each(Object.keys(TABLES))(
    'finds the rows of %s',
    async (table) => {
      for (const pair of versionPairs(versions, random)) await compare(table, pair);
    },
    tortureTimeoutMs,
  );
});

/** As the COPY page of the manual says: what the judge writes. */
function copyLine(fields: Fields): string {
  const escapes: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' };
  return fields
    .map((field) => (field === null ? '\\N' : field.replaceAll(/[\\\n\t\r]/g, (one) => escapes[one] ?? one)))
    .join('\t');
}

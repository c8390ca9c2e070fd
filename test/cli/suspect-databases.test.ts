import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { loadCities } from '../../tools/quickstart-data.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turnOfAll } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turnOfAll(4);

let server: PostgresServer;
let cwd: string;
let env: Record<string, string>;
let database: string;
const holdfast = (line: string) => runCommand(line, { env, cwd });
const query = (sql: string) => server.query(database, sql);
const backUp = (options = '') => holdfast(`backup daily --source env:SHOP -q ${options}`);

beforeAll(async () => {
  server = await ownPostgres(18);
  await server.createDatabase('cities');
  await loadCities(server, 'cities', 30_000);
  await server.query(
    'cities',
    `DROP VIEW city_count; ALTER TABLE city DROP CONSTRAINT city_country_fkey, ALTER country TYPE text;
     CREATE TABLE setting AS SELECT i FROM generate_series(1, 30) i;
     CREATE EXTENSION pgcrypto`,
  );
}, 120_000);
afterAll(() => server?.stop());

beforeEach(async () => {
  cwd = await newFolder();
  database = path.basename(cwd).toLowerCase();
  await server.query('postgres', `CREATE DATABASE "${database}" TEMPLATE cities`);
  env = {
    HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
    BACKUP_ENCRYPTION_KEY: TEST_KEY,
    SHOP: server.url(database),
    USER: 'nobody',
  };
  for (const line of ['init', 'backup daily --source env:SHOP -q'])
    expect(await holdfast(line)).toMatchObject({ status: 0 });
});

it('a database in use is not suspect; one that lost tables is, until they are restored', async () => {
  await query(`UPDATE city SET visits = visits + 1, seen_at = now() WHERE id % 3 = 0;
    DELETE FROM city WHERE id % 5 = 0; DELETE FROM setting WHERE i > 1;
    ALTER TABLE city ADD COLUMN rank integer DEFAULT 0`);
  await query('CLUSTER city USING city_by_country');
  const healthy = await backUp('--json');
  expect(healthy).toMatchObject({ status: 0, stderr: '' });
  expect(healthy.json()).not.toHaveProperty('suspect');
  await query('DELETE FROM city WHERE id % 3 > 0; DELETE FROM country; DROP TABLE region');
  const lost = await backUp('--json');
  expect(lost.status).toBe(40);
  expect(lost.json().suspect).toEqual({
    against: healthy.json().key,
    findings: expect.arrayContaining([
      { code: 'records-down', dataset: 'public.city', before: 24_000, now: 8_000 },
      { code: 'empty-read', dataset: 'public.country', before: 252, now: 0 },
      { code: 'dataset-vanished', dataset: 'public.region', before: 3865, now: 0 },
    ]),
  });
  const restored = await holdfast(`restore ${healthy.json().key} --to env:SHOP --replace --yes -q`);
  expect(restored).toMatchObject({ status: 0 });
  expect(await backUp()).toMatchObject({ status: 0, stderr: '' });
}, 120_000);

it('a database of which a table was encrypted in place, or that was emptied', async () => {
  const encrypted = (column: string) =>
    `${column} = encode(encrypt_iv(convert_to(${column}, 'UTF8'), '0123456789abcdef', gen_random_bytes(16), 'aes'), 'hex')`;
  await query(`UPDATE city SET ${['name', 'country', 'region'].map(encrypted).join(', ')}`);
  const first = await backUp('--json');
  expect(first.status).toBe(40);
  expect(first.json().suspect.findings).toEqual([
    { code: 'ratio-collapsed', dataset: 'public.city', before: expect.any(Number), now: expect.any(Number) },
    { code: 'ratio-collapsed', dataset: null, before: expect.any(Number), now: expect.any(Number) },
  ]);
  expect(first.stderr).toContain('most of public.city was rewritten and no longer compresses');
  await query('TRUNCATE city, country, region, setting; ALTER TABLE city ALTER id DROP IDENTITY');
  expect(await backUp()).toMatchObject(
    failure('E_EMPTY_READ', /returned no records; its last good backup has \d+/),
  );
  const empty = await backUp('--allow-empty --json');
  expect(empty.status).toBe(40);
  expect(empty.json().suspect.findings).toContainEqual(
    expect.objectContaining({ code: 'empty-read', dataset: null, now: 0 }),
  );
}, 120_000);

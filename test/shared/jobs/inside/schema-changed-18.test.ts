import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { type DatasetDiff, diffVersions } from '../../../../shared/jobs/inside/diff.ts';
import { diffSql } from '../../../../shared/jobs/inside/diff-sql.ts';
import { planRows, restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import { backupVersion, openLive, type Version } from '../../../../shared/jobs/inside/version.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openPostgresSource } from '../../../../shared/sources/postgres/source.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, newRepository, psql } from '../../sources/postgres/target/round-trip.ts';

const ITEM = 'public.item';
const SHOP = `
  CREATE TABLE item (id int PRIMARY KEY, label text, price numeric(10, 2), code text NOT NULL UNIQUE, token uuid);
  CREATE TABLE gone (id int PRIMARY KEY);
  INSERT INTO item SELECT i, CASE i WHEN 4 THEN NULL ELSE 'l' || i END, i * 1.25, 'c' || i, md5(i::text)::uuid
    FROM generate_series(1, 9) i;
  INSERT INTO gone SELECT generate_series(1, 3);`;

describe('a table of PostgreSQL whose definition changed since the backup', { timeout: 120_000 }, () => {
  let server: PostgresServer;
  let repository: Repository;
  let key: BackupKey;
  let count = 0;

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shop');
    await server.query('shop', SHOP);
    key = (await backUpUrl(repository, server.url('shop'))).key;
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** A copy of the database, changed. */
  async function changed(sql: string) {
    const name = `shop_${++count}`;
    await server.query('postgres', `CREATE DATABASE ${name} TEMPLATE shop`);
    await server.query(name, sql);
    const place = { config: { kind: 'postgres', url: server.url(name), options: {} }, env: {} };
    const choices = [{ dataset: ITEM, where: ['id <= 4'] }];
    return {
      url: server.url(name),
      rows: async (select: string) => (await server.query(name, select)).rows,
      plan: (more: object = {}) => planRows(repository, key, place, { choices, ...more, signal: never }),
      restore: () => restoreRows(repository, key, place, { choices, signal: never }),
      live: () => openLive(openPostgresSource(server.url(name), {}, {}), never),
    };
  }
  const backup = async () => backupVersion(await repository.openBackup(key, never));
  const diffs = (to: Version, datasets?: readonly string[]) =>
    backup().then((from) => Array.fromAsync(diffVersions(from, to, { datasets, signal: never })));
  const counts = async (diff: DatasetDiff | undefined) =>
    Object.groupBy(await Array.fromAsync(diff?.changes() ?? []), ({ change }) => change);

  it.each([
    [
      'ALTER TABLE item ALTER label TYPE int USING 0; DELETE FROM item WHERE id = 1',
      'E_ROWS_REFUSED',
      /^public\.item: label in the target does not take a value of these rows: .*"l1"; nothing was changed$/,
      '--beside NAME',
    ],
    [
      "CREATE DOMAIN short AS text CHECK (length(value) < 2); ALTER TABLE item ALTER label TYPE short USING 'x'",
      'E_ROWS_REFUSED',
      /^public\.item: label in the target does not take a value of these rows: .*short/,
      '--beside NAME',
    ],
    ['ALTER TABLE item ALTER price TYPE numeric(3, 2) USING 1', undefined, undefined, undefined],
    [
      'DROP TABLE item',
      'E_ROWS_REFUSED',
      /^the target has no table public\.item$/,
      'Restore the whole table with --dataset',
    ],
    [
      'ALTER TABLE item DROP CONSTRAINT item_pkey',
      'E_ROWS_REFUSED',
      /^public\.item has no primary key in the target/,
      '--beside NAME',
    ],
    [
      'ALTER TABLE item DROP id; ALTER TABLE item ADD number serial PRIMARY KEY',
      'E_ROWS_REFUSED',
      /^the primary key of public\.item is \(number\) in the target; the backup has no values of number$/,
      '--beside NAME',
    ],
  ])('takes its rows or says why not: %s', async (sql, code, message, hint) => {
    const shop = await changed(sql);
    const before = code === undefined || sql.startsWith('DROP') ? [] : await shop.rows('SELECT * FROM item');
    const planned = shop.plan();
    if (code === undefined) return expect(planned).resolves.toBeDefined();
    await expect(planned).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message ?? /./),
      hint: expect.stringContaining(hint ?? ''),
    });
    await expect(shop.restore()).rejects.toMatchObject({ code });
    if (!sql.startsWith('DROP')) expect(await shop.rows('SELECT * FROM item')).toEqual(before);
  });

  it('names rows that lack a value which is now needed', async () => {
    const shop = await changed(
      'DELETE FROM item WHERE id <= 4; ALTER TABLE item ALTER label SET NOT NULL, ADD CONSTRAINT high CHECK (price > 2)',
    );
    expect((await shop.plan()).violations).toEqual([
      'public.item: label cannot be NULL in the target, but is NULL in the backup, in rows (4)',
      'public.item: the check high does not hold for rows (1)',
    ]);
    await expect(shop.restore()).rejects.toMatchObject({ code: 'E_ROWS_REFUSED' });
  });

  it('warns of columns that it lacks, and of types that may round', async () => {
    const shop = await changed(
      'DELETE FROM item WHERE id <= 4; ALTER TABLE item RENAME label TO title; ALTER TABLE item ALTER price TYPE numeric(10, 1)',
    );
    const said = [
      'public.item: the target takes no values of label; they are left out',
      'public.item: price is numeric(10,1) in the target, and numeric(10,2) in the backup; the server may round or shorten its values',
    ];
    expect((await shop.plan()).warnings).toEqual(said);
    expect((await shop.restore()).warnings).toEqual(said);
    expect(await shop.rows('SELECT id, title, price::text FROM item WHERE id < 3 ORDER BY id')).toEqual([
      { id: 1, title: null, price: '1.3' },
      { id: 2, title: null, price: '2.5' },
    ]);
  });

  it('refuses a row to remove whose key is not of its type, and says which', async () => {
    const shop = await changed('ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY (token)');
    const removals = [{ id: '1', token: 'not a uuid' }];
    await expect(
      shop.plan({ choices: [{ dataset: ITEM, keys: [], removals }], onConflict: 'replace' }),
    ).rejects.toMatchObject({
      code: 'E_ROWS_REFUSED',
      message: expect.stringMatching(/^public\.item: .*"not a uuid"; nothing was changed$/),
    });
    const keys = [{ id: 'one' }];
    await expect(shop.plan({ choices: [{ dataset: ITEM, keys }] })).rejects.toMatchObject({
      code: 'E_USAGE',
      message: "id of public.item is integer; 'one' is not a number",
      hint: expect.stringContaining('`holdfast rows`'),
    });
    await expect(shop.plan({ choices: [{ dataset: ITEM, keys: [{ nr: '1' }] }] })).rejects.toMatchObject({
      code: 'E_USAGE',
      message: 'a key of public.item lacks id: {"nr":"1"}',
    });
  });

  it('is compared by the columns that both have, and what differs in the definition is beside', async () => {
    const shop = await changed(
      'ALTER TABLE item ALTER price TYPE text; ALTER TABLE item DROP label, ADD stock int; UPDATE item SET code = code || 2 WHERE id = 7; DROP TABLE gone',
    );
    await using now = await shop.live();
    const found = await diffs(now);
    const of = (name: string) => found.find(({ dataset }) => dataset === name);
    expect(of(ITEM)).toMatchObject({ isIn: 'both', addedColumns: ['stock'], removedColumns: ['label'] });
    expect(await counts(of(ITEM))).toMatchObject({ changed: { length: 1 } });
    expect(of('public.gone')).toMatchObject({ isIn: 'first', key: ['id'] });
    expect(await counts(of('public.gone'))).toMatchObject({ removed: { length: 3 } });
    const lines = await Array.fromAsync(of('pre-data')?.changes() ?? []);
    expect(JSON.stringify(lines)).toContain('stock integer');
    expect(JSON.stringify(lines)).toContain('price text');
    await expect(diffs(now, ['public.neither'])).rejects.toMatchObject({
      code: 'E_NO_DATASET',
      message: expect.stringContaining('public.neither'),
    });
  });

  it('is compared by whole rows if its key is another one', async () => {
    const shop = await changed(
      'ALTER TABLE item DROP CONSTRAINT item_pkey, ADD PRIMARY KEY (code); UPDATE item SET price = 0 WHERE id = 3',
    );
    await using now = await shop.live();
    const [diff] = await diffs(now, [ITEM]);
    expect(diff?.key).toEqual([]);
    expect(await counts(diff)).toMatchObject({ added: { length: 1 }, removed: { length: 1 } });
  });

  it.each([
    'ALTER TABLE item ALTER price TYPE text',
    'ALTER TABLE item ALTER id TYPE text, ALTER code TYPE varchar(40), ALTER token TYPE text',
    'ALTER TABLE item ALTER price TYPE float8, ALTER id TYPE bigint',
  ])('is made like the backup by statements, in its own types: %s', async (sql) => {
    const shop = await changed(
      `UPDATE item SET price = 7, code = code || 'x' WHERE id IN (2, 5); DELETE FROM item WHERE id = 6;
       INSERT INTO item VALUES (20, 'new', 1, 'c20', NULL); ${sql}`,
    );
    await using now = await shop.live();
    const script = (
      await Array.fromAsync(diffSql(now, await backup(), { datasets: [ITEM], signal: never }))
    ).join('');
    await psql(shop.url, script);
    const plain =
      'SELECT id::int AS id, label, price::numeric(10, 2) AS price, code::text AS code, token::uuid AS token FROM item';
    expect(await shop.rows(`${plain} ORDER BY 1`)).toEqual(
      (await server.query('shop', `${plain} ORDER BY 1`)).rows,
    );
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { ask, postgresTexts } from '../../../../support/query/ask.ts';
import { randomQuery } from '../../../../support/query/random-queries.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { cases, testSeed } from '../../../../support/repository/torture.ts';
import { backUpUrl, newRepository, restoreUrl } from '../../../sources/postgres/target/round-trip.ts';

const SCHEMA = `
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, region text, credit numeric(10,3));
  CREATE TABLE orders (id bigint PRIMARY KEY, customer int, qty smallint, total numeric(12,2), tax numeric(9,4), paid boolean,
    placed date, at timestamptz, note text, state text NOT NULL, code uuid);
  INSERT INTO customers SELECT i, 'name ' || i, CASE i % 5 WHEN 0 THEN NULL ELSE 'region' || i % 4 END, i * 7.125 FROM generate_series(1, 40) i;
  INSERT INTO orders SELECT i, CASE i % 11 WHEN 0 THEN NULL ELSE i % 45 END, i % 60, CASE i % 13 WHEN 0 THEN NULL ELSE (i * 7919 % 20000) / 100.0 - 20 END,
    (i % 97) / 16.0, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END,
    CASE i % 17 WHEN 0 THEN NULL ELSE date '2025-01-01' + i % 600 END, timestamptz '2025-11-01 00:00:00.5+00' + i * interval '47 minutes',
    CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN E'it''s\\t' || i ELSE 'note' || i END,
    (ARRAY['new', 'paid', 'sent'])[1 + i % 3], md5(i::text)::uuid FROM generate_series(1, 1500) i;`;
const CHANGE = `
  UPDATE orders SET total = total + 1, note = NULL WHERE id % 10 = 3;
  DELETE FROM orders WHERE id % 23 = 5;
  INSERT INTO orders SELECT i, i % 40, 1, 9.99, 0.5, true, '2026-02-28', '2026-02-28 12:00+00', 'late', 'new', NULL FROM generate_series(2000, 2040) i;
  DELETE FROM customers WHERE id % 9 = 0; UPDATE customers SET credit = credit / 2;`;

describe('a query of two backups, judged by PostgreSQL over what they restore', () => {
  let server: PostgresServer;
  let repository: Repository;
  const keys: BackupKey[] = [];
  const texts = (sql: string) => postgresTexts(server.url('judge'), sql);

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    for (const name of ['shop', 'judge']) await server.createDatabase(name);
    for (const [sql, schema] of [
      [SCHEMA, 'a'],
      [CHANGE, 'b'],
    ] as const) {
      await server.query('shop', sql);
      const { key } = await backUpUrl(repository, server.url('shop'));
      keys.push(key);
      await restoreUrl(repository, key, server.url('judge'));
      await server.query(
        'judge',
        `CREATE SCHEMA ${schema}; ALTER TABLE orders SET SCHEMA ${schema}; ALTER TABLE customers SET SCHEMA ${schema}`,
      );
    }
  }, 120_000);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it.each(Array.from({ length: cases(8, 30, 2000) }, (_, i) => i))(
    'gives the same rows: query %d',
    async (i) => {
      const sql = randomQuery(seededRandom(testSeed * 10_007 + i));
      const [mine, judged] = [await ask(repository, keys, sql), await texts(sql)];
      const truth = (row: readonly (string | null)[]) =>
        row.map((cell, n) =>
          mine.columns[n]?.type === 'BOOLEAN' && cell ? { t: 'true', f: 'false' }[cell] : cell,
        );
      const sorted = (rows: readonly (readonly (string | null | undefined)[])[]) =>
        rows.map((row) => JSON.stringify(row)).toSorted();
      expect(sorted(mine.texts), sql).toEqual(sorted(judged.map(truth)));
    },
    60_000,
  );

  it('is found by the names that people know, in one backup and in several', async () => {
    const counts = async (sql: string, of = keys) => (await ask(repository, of, sql)).texts;
    expect(await counts('SELECT count(*) FROM orders', [keys[0] as BackupKey])).toEqual([['1500']]);
    expect(await counts('SELECT count(*) FROM public.orders', [keys[0] as BackupKey])).toEqual([['1500']]);
    expect(await counts('FROM a.public.orders SELECT count(*)')).toEqual([['1500']]);
    expect(await counts('SELECT count(*) FROM b.orders')).toEqual(
      await texts('SELECT count(*) FROM b.orders'),
    );
  });
});

import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isHoldfastError } from '../../../../shared/core/errors.ts';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { planUndo, undoTransaction } from '../../../../shared/jobs/changes/undo/undo.ts';
import { bisect } from '../../../../shared/jobs/inside/bisect/bisect.ts';
import { pluginOf } from '../../../../shared/sources/registry.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { continuousDatabase, STREAMING } from '../../sources/postgres/changes/world.ts';

const TRANSACTIONS = cases(10, 20, 400);

const TABLES = `
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL UNIQUE, note text);
  CREATE TABLE orders (id int, part text, customer int REFERENCES customers ON DELETE CASCADE, total numeric(12, 2), tags text[], doc jsonb,
    raw bytea, PRIMARY KEY (part, id));
  CREATE TABLE visits (id int PRIMARY KEY);
  CREATE TABLE unkeyed (v int);
  ALTER TABLE unkeyed REPLICA IDENTITY FULL;
  INSERT INTO customers SELECT i, 'c' || i, (SELECT string_agg(md5((i * 200 + n)::text), '') FROM generate_series(1, 200) n) FROM generate_series(1, 60) i;
  INSERT INTO orders SELECT i, E'p\\t' || i % 3, 1 + i % 60, i * 1.5, ARRAY['a', NULL, i::text], '{"a": "\\\\"}', decode(md5(i::text), 'hex')
    FROM generate_series(1, 200) i;`;

/** Statements of one transaction; a large note that is not written is not in the stream, and nobody says old values. */
function randomStatements(random: () => number, n: number): readonly string[] {
  const id = (below: number) => 1 + Math.floor(random() * below);
  const all = [
    () => `UPDATE orders SET total = total + ${n} WHERE id % ${id(40)} = 0`,
    () => `UPDATE customers SET name = name || 'x' WHERE id = ${id(60)}`,
    () => `DELETE FROM customers WHERE id = ${id(60)}`,
    () => `DELETE FROM orders WHERE id % 50 = ${id(50)}`,
    () => `INSERT INTO customers VALUES (${1000 + n}, 'new ${n}', NULL) ON CONFLICT DO NOTHING`,
    () =>
      `INSERT INTO orders SELECT ${n * 10} + g, 'q', NULL, NULL, '{}', NULL, '\\x00' FROM generate_series(1, 3) g ON CONFLICT DO NOTHING`,
    () => `UPDATE orders SET id = id + 100000, tags = NULL WHERE id = ${id(200)}`,
    () => `UPDATE orders SET total = NULL, doc = NULL WHERE id = ${id(200)}`,
    () =>
      `INSERT INTO orders VALUES (-1, 'brief', NULL, 1, NULL, NULL, NULL); DELETE FROM orders WHERE id = -1`,
  ];
  return Array.from({ length: id(4) }, () => (all[Math.floor(random() * all.length)] ?? (() => ''))());
}

describe('a transaction of PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: STREAMING });
  });
  afterAll(() => server?.stop());

  async function newShop(name: string) {
    const { url, source, repository, store, backUp } = await continuousDatabase(server, name, TABLES);
    await backUp();
    const changes = pluginOf('postgres').changes;
    if (!changes) throw new Error('no changes');
    const about = (transaction: string) => ({
      transaction,
      source: { kind: 'postgres', name: source.name },
      changes,
      place: { config: { kind: 'postgres', url, options: {} }, env: {} },
      signal: never,
    });
    return {
      repository,
      changes,
      store,
      backUp,
      dump: async () => {
        const sql = ['customers', 'orders', 'unkeyed']
          .map((table) => `SELECT t::text AS row FROM ${table} t`)
          .join(' UNION ALL ');
        return (await server.query(name, `${sql} ORDER BY 1`)).rows.map(({ row }) => String(row));
      },
      query: (sql: string) => server.query(name, sql),
      /** @returns its number */
      run: async (statements: readonly string[]) => {
        const id = `CREATE TEMP TABLE IF NOT EXISTS number ON COMMIT DROP AS SELECT pg_current_xact_id()::text AS id`;
        const all = ['BEGIN', id, ...statements, 'SELECT id FROM number', 'COMMIT'].join(';\n');
        const results = (await server.query(name, all)) as unknown as readonly { rows: { id: string }[] }[];
        return results.find(({ rows }) => rows[0]?.id !== undefined)?.rows[0]?.id ?? '';
      },
      plan: (id: string) => planUndo(repository, about(id)),
      undo: (id: string) => undoTransaction(repository, about(id)),
    };
  }

  it(
    'is reversed: one after the other, the newest first, until the database is as in the beginning',
    async () => {
      const random = seededRandom(testSeed);
      const shop = await newShop('reversed');
      const past: { readonly id: string; readonly before: readonly string[] }[] = [];
      for (let n = 1; n <= TRANSACTIONS; n++) {
        const before = await shop.dump();
        past.push({ before, id: await shop.run(randomStatements(random, n)) });
        if (n % 4 === 0) await shop.store();
        if (n === 5) await shop.backUp();
      }
      await shop.store();
      for (const { id, before } of past.toReversed()) {
        // Its statements may have met no row: then nothing of it is stored.
        const isNothing = isDeepStrictEqual(await shop.dump(), before);
        const plan = await shop.plan(id).catch((error: unknown) => {
          if (!isNothing || !isHoldfastError(error, 'E_NO_MOMENT')) throw error;
        });
        if (!plan) continue;
        expect(plan.violations, id).toEqual([]);
        await shop.undo(id);
        expect(await shop.dump(), id).toEqual(before);
      }
    },
    tortureTimeoutMs,
  );

  it(
    'is not reversed if its rows changed since, or it cannot be told row by row; nothing is changed',
    async () => {
      const shop = await newShop('refused');
      const changed = await shop.run(['UPDATE orders SET total = 0 WHERE id IN (1, 2)']);
      const removed = await shop.run(['DELETE FROM orders WHERE id = 3']);
      const added = await shop.run([
        `INSERT INTO customers VALUES (2001, 'Ada')`,
        `INSERT INTO customers VALUES (2002, 'Bo')`,
      ]);
      const emptied = await shop.run(['TRUNCATE orders']);
      const unkeyed = await shop.run(['INSERT INTO unkeyed VALUES (1)']);
      const moved = await shop.run(['UPDATE customers SET id = 3000 WHERE id = 60']);
      await shop.store();
      await shop.query(`INSERT INTO orders (id, part, total) VALUES (1, E'p\\t1', 0), (2, E'p\\t2', 7), (3, E'p\\t0', 1), (4, 'p', 4);
      UPDATE orders SET customer = 2001 WHERE id = 4; DELETE FROM customers WHERE id = 2002`);
      const before = await shop.dump();
      const why = async (id: string) => {
        await expect(shop.undo(id), id).rejects.toMatchObject({ code: 'E_ROWS_REFUSED' });
        return (await shop.plan(id)).violations;
      };
      expect(await why(changed)).toEqual([
        expect.stringMatching(/^public\.orders: 2 rows have changed since: \(p\t1, 1\), \(p\t2, 2\)$/),
      ]);
      expect(await why(removed)).toEqual(['public.orders: 1 row is there again: (p\t0, 3)']);
      expect(await why(added)).toEqual(['public.customers: 1 row is gone: (2002)']);
      await shop.query(`INSERT INTO customers VALUES (2002, 'Bo')`);
      expect(await why(added)).toEqual([
        expect.stringContaining('rows of public.orders refer to (2001), which would be removed'),
      ]);
      await shop.query('DELETE FROM customers WHERE id = 2002');
      for (const [id, text] of [
        [emptied, 'emptied public.orders'],
        [unkeyed, 'public.unkeyed has no primary key'],
        [moved, 'a row got another key'],
      ] as const)
        await expect(shop.plan(id)).rejects.toMatchObject({
          code: 'E_SOURCE_UNSUPPORTED',
          message: expect.stringContaining(text),
        });
      await expect(shop.plan('4000000')).rejects.toMatchObject({ code: 'E_NO_MOMENT' });
      expect(await shop.dump()).toEqual(before);
    },
    tortureTimeoutMs,
  );

  it(
    'that broke a check is found among the backups and the changes between them',
    async () => {
      const shop = await newShop('bisected');
      const backups = [...(await shop.repository.backupKeys(never))];
      let broke = '';
      const random = seededRandom(testSeed + 1);
      for (let n = 1; n <= 8; n++) {
        // A row that got another key is told by its new one alone; what broke stays so.
        const others = randomStatements(random, n).filter(
          (sql) => n <= 6 && !sql.startsWith('UPDATE orders SET id'),
        );
        const breaks =
          n === 6 ? ['UPDATE orders SET total = -5 WHERE id = (SELECT max(id) FROM orders)'] : [];
        const id = await shop.run([`INSERT INTO visits VALUES (${n})`, ...others, ...breaks]);
        if (n === 6) broke = id;
        if (n % 4 !== 0) continue;
        await shop.store();
        backups.push(await shop.backUp());
        await shop.store();
      }
      const about = { backups: backups as BackupKey[], changes: shop.changes, signal: never };
      const check = 'select id, total from orders where total < 0';
      const found = await bisect(shop.repository, { ...about, check });
      expect(found).toMatchObject({
        holds: backups[1],
        fails: backups[2],
        isMonotone: true,
        transaction: { id: broke, isMonotone: true },
        warnings: [],
      });
      // Counts come from the catalog, and have to be right in between too.
      const counted = await bisect(shop.repository, {
        ...about,
        check: 'select count(*) < 6 from visits',
      });
      expect(counted).toMatchObject({ fails: backups[2], transaction: { id: broke } });
      await expect(
        bisect(shop.repository, { ...about, check: 'select nothing from orders' }),
      ).rejects.toMatchObject({ code: 'E_USAGE' });
    },
    tortureTimeoutMs,
  );
});

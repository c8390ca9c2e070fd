import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { planUndo, undoTransaction } from '../../../../shared/jobs/changes/undo/undo.ts';
import { bisect } from '../../../../shared/jobs/inside/bisect/bisect.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { newShop as newMariadbShop, startNamed } from './mariadb-shop.ts';

const TRANSACTIONS = cases(10, 20, 400);

const TABLES = `
  CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR(200) CHARACTER SET latin1 NOT NULL UNIQUE, note LONGTEXT);
  CREATE TABLE orders (id INT, part VARCHAR(20), customer INT, total DECIMAL(12,2), tags SET('a','b','ü'), state ENUM('new','it''s','') CHARACTER SET utf16, doc JSON, raw BLOB,
    bits BIT(9), half FLOAT, day DATETIME(3), at TIMESTAMP NULL, twice INT AS (id * 2) VIRTUAL, PRIMARY KEY (part, id), FOREIGN KEY (customer) REFERENCES customers (id));
  CREATE TABLE parents (id INT PRIMARY KEY); CREATE TABLE children (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE);
  CREATE TABLE visits (id INT PRIMARY KEY);
  CREATE TABLE unkeyed (v INT);
  INSERT INTO customers SELECT seq, CONCAT('ç', seq), REPEAT(MD5(seq), 200) FROM seq_1_to_60;
  INSERT INTO orders (id, part, customer, total, tags, state, doc, raw, bits, half, day, at) SELECT seq, CONCAT('p\\t', seq % 3), 1 + seq % 60, seq * 1.5, 'a,ü', 'it''s', '{"a": "\\\\\\\\"}', UNHEX(MD5(seq)), seq, seq / 7, '2026-01-01', NOW() FROM seq_1_to_200;
  INSERT INTO parents SELECT seq FROM seq_1_to_10; INSERT INTO children SELECT seq, seq FROM seq_1_to_10`;

/** Statements of one transaction. */
function randomStatements(random: () => number, n: number): readonly string[] {
  const id = (below: number) => 1 + Math.floor(random() * below);
  const all = [
    () => `UPDATE orders SET total = total + ${n} WHERE id % ${id(40)} = 0`,
    () => `UPDATE customers SET name = CONCAT(name, 'ÿ') WHERE id = ${id(60)}`,
    () => `DELETE FROM orders WHERE id % 50 = ${id(50)}`,
    () => `INSERT IGNORE INTO customers VALUES (${1000 + n}, 'new ${n}', NULL)`,
    () =>
      `INSERT IGNORE INTO orders (id, part, tags, raw, bits, half) SELECT ${n * 10} + seq, 'q', '', x'00', b'100000001', -0e0 FROM seq_1_to_3`,
    () => `UPDATE IGNORE orders SET id = id + 100000, tags = NULL WHERE id = ${id(200)}`,
    () =>
      `UPDATE orders SET total = NULL, doc = NULL, state = '', day = '2026-02-03 04:05:06.789' WHERE id = ${id(200)}`,
    () => `INSERT INTO orders (id, part) VALUES (-1, 'brief'); DELETE FROM orders WHERE id = -1`,
  ];
  return Array.from({ length: id(4) }, () => (all[Math.floor(random() * all.length)] ?? (() => ''))());
}

describeWithPart('mariadb', 'a transaction of MariaDB', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startNamed();
  });
  afterAll(() => server?.stop());

  async function newShop(name: string) {
    const shop = await newMariadbShop(server, name, TABLES);
    const base = await shop.backUp();
    const about = (transaction: string) => ({
      transaction,
      source: shop.source,
      changes: shop.changes,
      place: { config: { kind: 'mysql', url: shop.url, options: {} }, env: {} },
      signal: never,
    });
    return {
      ...shop,
      base,
      /** What the server itself says of all rows. */
      sums: () => shop.query('CHECKSUM TABLE customers, orders, parents, children, unkeyed EXTENDED'),
      /** @returns its GTID */
      run: async (statements: readonly string[]) => {
        const client = await server.connect(name);
        await client.query(['BEGIN', ...statements, 'COMMIT'].join(';\n'));
        const [[row]] = (await client.query('SELECT @@last_gtid AS gtid')) as unknown as [[{ gtid: string }]];
        await client.end();
        return row.gtid;
      },
      plan: (id: string) => planUndo(shop.repository, about(id)),
      undo: (id: string) => undoTransaction(shop.repository, about(id)),
    };
  }

  it(
    'is reversed: one after the other, the newest first, until the database is as in the beginning',
    async () => {
      const random = seededRandom(testSeed);
      const shop = await newShop('reversed');
      const past: { readonly id: string; readonly before: unknown }[] = [];
      for (let n = 1; n <= TRANSACTIONS; n++) {
        const before = await shop.sums();
        // Not all random statements change something.
        const id = await shop.run([...randomStatements(random, n), `INSERT INTO visits VALUES (${n})`]);
        past.push({ before, id });
        if (n % 4 === 0) await shop.store();
        if (n === 5) await shop.backUp();
      }
      await shop.store();
      for (const { id, before } of past.toReversed()) {
        const plan = await shop.plan(id);
        expect(plan.violations, id).toEqual([]);
        await shop.undo(id);
        expect(await shop.sums(), id).toEqual(before);
      }
    },
    tortureTimeoutMs,
  );

  it(
    'of the second in which its backup was made is reversed, unless the backup has it: the log knows whole seconds',
    async () => {
      const shop = await newShop('second');
      const before = await shop.sums();
      const { catalog } = await shop.repository.openBackup(shop.base, never);
      const second = Math.floor(Date.parse(catalog.join?.at ?? '') / 1000);
      const at = `SET timestamp = ${second}`;
      const id = await shop.run([at, 'DELETE FROM orders WHERE id < 7']);
      await shop.store();
      const next = await shop.backUp();
      await shop.store();
      expect(await shop.plan(id)).toMatchObject({
        base: shop.base,
        committedAt: expect.stringContaining(new Date(1000 * second).toISOString().slice(0, 19)),
        datasets: [{ dataset: 'orders' }],
      });
      const later = await shop.run(["UPDATE customers SET note = 'later' WHERE id = 5"]);
      await shop.store();
      expect(await shop.plan(later)).toMatchObject({ base: next });
      await shop.undo(later);
      await shop.undo(id);
      expect(await shop.sums()).toEqual(before);
    },
    tortureTimeoutMs,
  );

  it(
    'is not reversed if its rows changed since, or it cannot be told row by row; nothing is changed',
    async () => {
      const shop = await newShop('refused');
      const changed = await shop.run(['UPDATE orders SET total = 0 WHERE id IN (1, 2)']);
      const removed = await shop.run(['DELETE FROM orders WHERE id = 3']);
      const added = await shop.run(["INSERT INTO customers VALUES (2001, 'Ada', NULL)"]);
      const along = await shop.run(['DELETE FROM parents WHERE id = 4']);
      const unkeyed = await shop.run(['INSERT INTO unkeyed VALUES (1)']);
      await shop.query('TRUNCATE children');
      const [emptied] = await shop.query('SELECT @@gtid_binlog_pos AS gtid');
      const altered = async () => {
        await shop.query('ALTER TABLE visits ADD COLUMN v INT');
        return shop.run(['INSERT INTO visits VALUES (1, 2)']);
      };
      const redefined = await altered();
      await shop.store();
      await shop.query(
        "UPDATE orders SET total = 7 WHERE id = 2; INSERT INTO orders (id, part) VALUES (3, 'p\\t0'); DELETE FROM customers WHERE id = 2001",
      );
      const before = await shop.sums();
      const why = async (id: string) => {
        await expect(shop.undo(id), id).rejects.toMatchObject({ code: 'E_ROWS_REFUSED' });
        return (await shop.plan(id)).violations;
      };
      expect(await why(changed)).toEqual([expect.stringMatching(/^orders: 1 row has changed since: /)]);
      expect(await why(removed)).toEqual([expect.stringMatching(/^orders: 1 row is there again: /)]);
      expect(await why(added)).toEqual([expect.stringMatching(/^customers: 1 row is gone: /)]);
      for (const [id, text] of [
        [along, 'rows of it change along with rows of parents'],
        [unkeyed, 'unkeyed has no primary key'],
        [String(emptied?.['gtid']), 'emptied children'],
        [redefined, 'its definition changed'],
      ] as const)
        await expect(shop.plan(id), text).rejects.toMatchObject({
          code: 'E_SOURCE_UNSUPPORTED',
          message: expect.stringContaining(text),
        });
      await expect(shop.plan('0-1-4000000')).rejects.toMatchObject({ code: 'E_NO_MOMENT' });
      expect(await shop.sums()).toEqual(before);
    },
    tortureTimeoutMs,
  );

  it(
    'that broke a check is found among the backups and the changes between them',
    async () => {
      const shop = await newShop('bisected');
      const backups: BackupKey[] = [...(await shop.repository.backupKeys(never))] as BackupKey[];
      let broke = '';
      const random = seededRandom(testSeed + 1);
      for (let n = 1; n <= 8; n++) {
        const others = randomStatements(random, n).filter(
          (sql) => n <= 6 && !sql.startsWith('UPDATE IGNORE orders SET id'),
        );
        const breaks = n === 6 ? ['UPDATE orders SET total = -5 ORDER BY id DESC LIMIT 1'] : [];
        const id = await shop.run([`INSERT INTO visits VALUES (${n})`, ...others, ...breaks]);
        if (n === 6) broke = id;
        if (n % 4 !== 0) continue;
        await shop.store();
        backups.push(await shop.backUp());
        await shop.store();
      }
      const about = { backups, changes: shop.changes, signal: never };
      expect(
        await bisect(shop.repository, { ...about, check: 'select id, total from orders where total < 0' }),
      ).toMatchObject({
        holds: backups[1],
        fails: backups[2],
        isMonotone: true,
        transaction: { id: broke, isMonotone: true },
        warnings: [],
      });
      expect(
        await bisect(shop.repository, { ...about, check: 'select count(*) < 6 from visits' }),
      ).toMatchObject({ fails: backups[2], transaction: { id: broke } });
    },
    tortureTimeoutMs,
  );
});

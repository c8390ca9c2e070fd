import { afterAll, beforeAll, expect } from 'vitest';
import { readProofEvidence } from '../../../../shared/jobs/changes/proof/proof-report.ts';
import { isProofReported, runProof } from '../../../../shared/jobs/changes/proof/run-proof.ts';
import { runDrill } from '../../../../shared/jobs/drill/drill.ts';
import { type DrilledBackupInPlace, drillMoment } from '../../../../shared/jobs/drill/drill-moment.ts';
import { openScratch } from '../../../../shared/jobs/source/adapters.ts';
import type { ChangeSource } from '../../../../shared/sources/changes.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never } from '../../../support/repository/engine.ts';
import { cases, tortureTimeoutMs, turns } from '../../../support/repository/torture.ts';
import { withoutRow } from '../../sources/mysql/changes/cut-rows.ts';
import { newShop, startNamed, statesOf } from './mariadb-shop.ts';

const it = turns(2);
const NIGHTS = cases(2, 2, 20);

const TABLES = `
  CREATE TABLE orders (id INT PRIMARY KEY, state ENUM('new','paid','lost') NOT NULL, total DECIMAL(12,2) UNSIGNED, note LONGTEXT, at TIMESTAMP(3) NULL, twice INT AS (id * 2) VIRTUAL,
    flags SET('a','b','c'), rate DOUBLE, n TINYINT UNSIGNED) ENGINE=InnoDB;
  INSERT INTO orders (id, state, total, note, at, flags, rate, n) SELECT seq, 'new', seq * 1.5, REPEAT(MD5(seq), 150), '2026-01-01' + INTERVAL seq HOUR, 'a,c', seq / 3, seq % 256 FROM seq_1_to_500;
  CREATE TABLE pairs (a INT, b VARCHAR(100), c BLOB, PRIMARY KEY (b, a)) ENGINE=InnoDB;
  CREATE TABLE \`odd name\` (id BIGINT UNSIGNED PRIMARY KEY, v DATETIME(6)) ENGINE=InnoDB;
  CREATE TABLE texts (v TEXT CHARACTER SET latin1) ENGINE=InnoDB; INSERT INTO texts VALUES ('x'), ('x'), (NULL);
  CREATE TABLE loose (id INT PRIMARY KEY) ENGINE=MyISAM;
  CREATE TABLE customers (id INT PRIMARY KEY, name TEXT) ENGINE=InnoDB;
  CREATE TABLE visits (id INT PRIMARY KEY AUTO_INCREMENT, customer INT, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE) ENGINE=InnoDB;
  INSERT INTO customers SELECT seq, 'c' FROM seq_1_to_50; INSERT INTO visits SELECT NULL, seq FROM seq_1_to_50`;

/** A day of a shop, of the n-th. */
const day = (n: number) => [
  `INSERT INTO orders (id, state, total, at, flags, rate, n) SELECT seq, 'new', seq, NOW(), '', -seq / 7e20, 200 FROM seq_${n * 1000}_to_${n * 1000 + 40}`,
  `UPDATE orders SET state = 'paid', total = total + 1 WHERE id % 7 = ${n % 7}`,
  'UPDATE orders SET id = id + 100000 WHERE id > 10 ORDER BY id LIMIT 1',
  "BEGIN; UPDATE orders SET state = 'lost' WHERE id % 3 = 0; ROLLBACK",
  "BEGIN; UPDATE orders SET note = 'for a moment' WHERE id = 5; SAVEPOINT s; DELETE FROM orders WHERE id = 5; ROLLBACK TO s; COMMIT",
  'DELETE FROM orders ORDER BY id DESC LIMIT 3',
  "INSERT INTO orders (id, state) VALUES (-1, 'new'); DELETE FROM orders WHERE id = -1",
  `INSERT INTO pairs VALUES (${n}, 'tab\\t\\\\ and ''quote''', x'00FF09'), (${n}, '', NULL)`,
  `REPLACE INTO \`odd name\` VALUES (18446744073709551615, NOW(6)), (${n}, '2026-02-03 04:05:06.07')`,
  "INSERT INTO texts VALUES ('x'), ('é'); DELETE FROM texts WHERE v = 'x' LIMIT 1",
  `XA START 'a${n}'; INSERT INTO pairs VALUES (${n}, 'by XA', ''); XA END 'a${n}'; XA PREPARE 'a${n}'; XA COMMIT 'a${n}'`,
  `XA START 'b${n}'; DELETE FROM pairs; XA END 'b${n}'; XA PREPARE 'b${n}'; XA ROLLBACK 'b${n}'`,
  `INSERT INTO loose VALUES (${n})`,
  `INSERT INTO visits (customer) VALUES (${n % 50})`,
];
const ALL_EQUAL = [
  '`odd name`: equal',
  'customers: equal',
  'loose: not compared: the stream does not cover it',
  'orders: equal',
  'pairs: equal',
  'texts: equal',
  'visits: equal',
];

describeWithPart('mariadb', 'nightly backups of MariaDB and the stored changes between them', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await startNamed();
  });
  afterAll(() => server?.stop());

  it(
    'are equal each night, also while somebody writes',
    async () => {
      const shop = await newShop(server, 'nights', TABLES);
      await shop.backUp();
      const live = async (n: number) => {
        for (const sql of day(n)) await shop.query(sql);
      };
      for (let night = 1; night <= NIGHTS; night++) {
        await live(night);
        if (night % 2 === 0) await shop.query("TRUNCATE pairs; INSERT INTO pairs VALUES (0, 'after', NULL)");
        await shop.store();
        // The backup sees some of this, and the stream has the rest.
        const [base] = await Promise.all([shop.backUp(), live(night + 100)]);
        await shop.store();
        const proof = await shop.prove(base);
        expect(statesOf(proof), JSON.stringify(proof)).toEqual(ALL_EQUAL);
        expect(proof.state).toBe('equal');
        expect(proof.transactions).toBeGreaterThan(10);
        expect(await shop.prove(base, 40_000)).toEqual(proof);
      }
    },
    tortureTimeoutMs,
  );

  it('are not if a row of a segment was lost, and the row is named', async () => {
    const shop = await newShop(server, 'lost', TABLES);
    const before = await shop.backUp();
    await shop.query("INSERT INTO orders (id, state) VALUES (7001, 'new'), (7002, 'new'), (7003, 'new')");
    await shop.store((changes) => cut(changes, 7002));
    const base = await shop.backUp();
    await shop.store();
    const {
      outcome,
      proof,
      report = '',
    } = await runProof(shop.repository, {
      base,
      plugin: shop.changes,
      signal: never,
    });
    expect(outcome).toBe('different');
    expect(proof).toMatchObject({
      before,
      datasets: expect.arrayContaining([
        {
          dataset: 'orders',
          state: 'different',
          columns: ['id'],
          differing: 1,
          differences: [{ problem: 'not in the stream', key: ['7002'] }],
        },
      ]),
    });
    const evidence = await readProofEvidence(shop.repository, report, never);
    expect(evidence.body).toMatchObject({ outcome: 'different', differing: 1, differentDatasets: 1 });
  });

  it(
    'let a drill restore a moment between them, which an own count judges',
    async () => {
      const shop = await newShop(server, 'drilled', TABLES);
      const base = await shop.backUp();
      for (const sql of day(1)) await shop.query(sql);
      // Moments are whole seconds there.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      for (const sql of day(2)) await shop.query(sql);
      await shop.store();
      const scratch = await openScratch({ kind: 'mysql', url: server.url(), options: {} }, {});
      for (const part of [0.5, 0.999_999]) {
        const restoreMoment = (about: DrilledBackupInPlace) =>
          drillMoment({ ...about, plugin: shop.changes, random: () => part });
        const drilled = await runDrill(shop.repository, base, scratch, { restoreMoment, signal: never });
        expect(drilled, JSON.stringify(drilled.error ?? drilled.moment)).toMatchObject({
          outcome: 'equal',
          moment: { outcome: 'equal' },
        });
      }
    },
    tortureTimeoutMs,
  );

  it('prove nothing if nothing that changed can be compared, however much else is equal', async () => {
    const shop = await newShop(server, 'nothing', TABLES);
    const first = await shop.backUp();
    await shop.query(IN_PARTS);
    await shop.store();
    const base = await shop.backUp();
    await shop.store();
    const about = { plugin: shop.changes, signal: never };
    const { outcome, proof, error, report } = await runProof(shop.repository, { base, ...about });
    expect({ outcome, proof, report }).toEqual({ outcome: 'none', proof: undefined, report: undefined });
    expect(error).toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message:
        'no dataset that changed could be compared (orders: the log has only parts of its rows: binlog_row_image is not FULL)',
    });
    const scratch = await openScratch({ kind: 'mysql', url: server.url(), options: {} }, {});
    const restoreMoment = (drilled: DrilledBackupInPlace) =>
      drillMoment({ ...drilled, plugin: shop.changes, random: () => 0.999_999 });
    expect(await runDrill(shop.repository, first, scratch, { restoreMoment, signal: never })).toMatchObject({
      moment: { outcome: 'not compared' },
      leftOut: expect.arrayContaining([expect.stringContaining('no dataset that changed')]),
    });
    // A night on which nothing changed that the stream covers is a proof: it says nothing of them, and they are the same.
    await shop.query('INSERT INTO loose VALUES (1)');
    await shop.store();
    const next = await shop.backUp();
    await shop.store();
    expect(await runProof(shop.repository, { base: next, ...about })).toMatchObject({
      outcome: 'equal',
      proof: { before: base },
    });
  });

  it('prove nothing if the stream covers none of them', async () => {
    const shop = await newShop(server, 'uncovered', 'CREATE TABLE loose (id INT PRIMARY KEY) ENGINE=MyISAM');
    await shop.backUp();
    await shop.query('INSERT INTO loose VALUES (1)');
    await shop.store();
    const base = await shop.backUp();
    await shop.store();
    const proven = await runProof(shop.repository, { base, plugin: shop.changes, signal: never });
    expect(proven).toMatchObject({
      outcome: 'none',
      error: { message: 'no dataset could be compared (loose: the stream does not cover it)' },
    });
    expect(await isProofReported(shop.repository, base, never)).toBe(false);
  });

  it('are not compared where the log does not say what became of rows', async () => {
    const shop = await newShop(server, 'unsaid', TABLES);
    await shop.backUp();
    await shop.query('DELETE FROM customers WHERE id = 3; ALTER TABLE pairs ADD INDEX (a)');
    await shop.query("INSERT INTO texts VALUES ('said')");
    await shop.query(IN_PARTS);
    await shop.store();
    const base = await shop.backUp();
    await shop.store();
    const states = statesOf(await shop.prove(base));
    expect(states).toEqual([
      '`odd name`: equal',
      'customers: equal',
      'loose: not compared: the stream does not cover it',
      'orders: not compared: the log has only parts of its rows: binlog_row_image is not FULL',
      'pairs: not compared: its definition changed, and the log does not say what that made of its rows',
      'texts: equal',
      'visits: not compared: rows of it change along with rows of customers by a foreign key, and the log does not say which',
    ]);
    await shop.query("SET GLOBAL binlog_row_metadata = 'NO_LOG'");
    await shop.query("INSERT INTO texts VALUES ('x')");
    await shop.query("SET GLOBAL binlog_row_metadata = 'FULL'");
    await shop.store();
    const next = await shop.backUp();
    await shop.store();
    const { outcome, error, report } = await runProof(shop.repository, {
      base: next,
      plugin: shop.changes,
      signal: never,
    });
    expect({ outcome, report }).toEqual({ outcome: 'none', report: undefined });
    expect(error).toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringContaining('changes of texts without the names of its columns'),
      hint: expect.stringContaining('pitr setup'),
    });
    const scratch = await openScratch({ kind: 'mysql', url: server.url(), options: {} }, {});
    const restoreMoment = (about: DrilledBackupInPlace) =>
      drillMoment({ ...about, plugin: shop.changes, random: () => 0.999_999 });
    expect(await runDrill(shop.repository, base, scratch, { restoreMoment, signal: never })).toMatchObject({
      outcome: 'equal',
      moment: { outcome: 'not compared', datasets: [] },
    });
  });
});

/** A row of `orders` changes, and the log has only parts of it. */
const IN_PARTS = "SET SESSION binlog_row_image = 'MINIMAL'; UPDATE orders SET total = 7 WHERE id = 9";

/** The same changes without a row whose first value that is, cut out of the server's log by hand. */
function cut(source: ChangeSource, id: number): ChangeSource {
  return {
    begins: (signal) => source.begins(signal),
    release: (to, signal) => source.release(to, signal),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    read: async (from, options) => {
      const batch = await source.read(from, options);
      return {
        from: batch.from,
        to: batch.to,
        isCut: batch.isCut,
        facts: () => batch.facts(),
        bytes: async function* () {
          const blocks: Buffer[] = [];
          for await (const block of batch.bytes()) blocks.push(Buffer.from(block));
          if (blocks.length > 0) yield withoutRow(Buffer.concat(blocks), id);
        },
      };
    },
  };
}

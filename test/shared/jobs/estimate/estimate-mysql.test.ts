import { afterAll, beforeAll, expect } from 'vitest';
import { MiB } from '../../../../shared/core/units.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { estimateBackups } from '../../../../shared/jobs/estimate/estimate.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, isThere, openTestServer } from '../../../support/mysql-server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(2);

let server: MariadbServer;
beforeAll(async () => {
  if (isThere) server = await openTestServer();
});
afterAll(() => server?.stop());

/** Rows of a shop: numbers, times, names and some text that does not repeat. */
const ORDERS = `CREATE TABLE orders (id BIGINT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, at DATETIME(3) NOT NULL,
    total DECIMAL(10, 2) NOT NULL, state ENUM ('new', 'paid', 'sent') NOT NULL, note VARCHAR(200) NOT NULL);
  INSERT INTO orders (customer, at, total, state, note)
    SELECT seq MOD 5000, '2026-01-01' + INTERVAL seq * 97 SECOND, seq MOD 977 + 0.5, 1 + seq MOD 3,
      CONCAT('order of ', MD5(seq), ' and ', SHA1(seq)) FROM seq_1_to_120000;
  CREATE TABLE states (name VARCHAR(10) PRIMARY KEY); INSERT INTO states VALUES ('new'), ('paid'), ('sent');
  ANALYZE TABLE orders, states`;

describeWithMysql('an estimate of a MySQL database', () => {
  it('says from a part of it what a backup of all of it reads and stores', async () => {
    await server.query(undefined, 'DROP DATABASE IF EXISTS guess; CREATE DATABASE guess');
    await server.query('guess', ORDERS);
    const source = openMysqlSource(server.url('guess'), {}, {});
    const price = { perGibMonth: 1, currency: 'EUR', of: 'as configured' };
    const estimate = await estimateBackups(source, {
      sampleBytes: 2 * MiB,
      dailyChange: 0.01,
      price,
      workers: 1,
      signal: never,
    });
    const store = new MemoryStore();
    await initRepository(store, undefined);
    await using repository = await openRepository(store, { level: 3 });
    const made = await runBackup(repository, source, { signal: never });
    expect(estimate).toMatchObject({ isWhole: false, source: { kind: 'mysql' } });
    expect(estimate.sampleBytes).toBeLessThan(made.plainBytes / 2);
    const off = (guessed: number, real: number) => Math.abs(Math.log2(guessed / real));
    expect(off(estimate.plainBytes, made.plainBytes)).toBeLessThan(0.6);
    const balanced = estimate.levels.find(({ compression }) => compression === 'balanced')!;
    expect(off(balanced.storedBytes, made.storedBytes)).toBeLessThan(0.6);
    expect(balanced.monthlyCost).toBeGreaterThan(0);
  });
});

import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { planMaskedRestore, restoreMasked } from '../../../../shared/jobs/mask/restore-masked.ts';
import { parseMaskRules } from '../../../../shared/jobs/mask/rules.ts';
import { restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlTarget } from '../../../../shared/sources/mysql/target.ts';
import { type MariadbServer, startMariadb } from '../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { findLeaks } from './leaks.ts';
import { customerOf, MARKS, shopRules } from './shop.ts';

const ROWS = 60;
const SECRET = 'a secret of the test, long enough';
const rules = shopRules((name) => name);

const SCHEMA = `
  CREATE TABLE customers (
    id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    code char(24) NOT NULL, email varchar(80) NOT NULL CHECK (email LIKE '%@%'),
    email_lower varchar(80) AS (lower(email)) VIRTUAL,
    first_name varchar(60), last_name varchar(60) CHARACTER SET latin1,
    phone varchar(30), card varchar(30), born date, seen_at timestamp(2) NULL,
    income decimal(10,2) CHECK (income >= 0), score float,
    notes text, doc json, raw varbinary(40), token uuid NOT NULL, country varchar(2) NOT NULL DEFAULT 'DE',
    friend int unsigned,
    UNIQUE KEY by_code (code), UNIQUE KEY by_email (email(30)), UNIQUE KEY by_phone (phone),
    FOREIGN KEY (friend) REFERENCES customers(id));
  CREATE TABLE orders (
    id bigint PRIMARY KEY, customer int unsigned NOT NULL, by_code char(24), total decimal(12,2),
    status enum('new', 'paid'),
    FOREIGN KEY (customer) REFERENCES customers(id), FOREIGN KEY (by_code) REFERENCES customers(code));
  CREATE TABLE visits (visitor varchar(40) COLLATE utf8mb4_bin, address inet6, page text, secret text);
  CREATE VIEW spenders AS SELECT c.email, sum(o.total) AS spent FROM customers c JOIN orders o ON o.customer = c.id GROUP BY 1`;

function fill(): string {
  const text = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const rows = Array.from({ length: ROWS }, (_, at) => {
    const i = at + 1;
    const c = customerOf(i);
    return `(${i}, ${text(c.code)}, ${text(c.email)}, ${text(c.first)}, ${text(c.last)}, ${text(c.phone)}, ${text(c.card)},
      date '1950-01-01' + interval ${i * 97} day, timestamp '2020-01-01 10:00:03.25' + interval ${i} hour, ${i * 100}.50, ${i / 7},
      ${text(c.notes)}, ${text(c.doc)}, ${text(c.bytes)}, uuid(), ${i % 3 === 0 ? 'NULL' : Math.max(1, i - 5)})`;
  });
  return `
    SET foreign_key_checks = 0;
    INSERT INTO customers (id, code, email, first_name, last_name, phone, card, born, seen_at, income, score, notes, doc, raw, token, friend)
    VALUES ${rows.join(',\n')};
    SET foreign_key_checks = 1;
    INSERT INTO orders SELECT seq, c.id, if(seq % 3, c.code, upper(c.code)), seq * 1.25, if(seq % 2, 'new', 'paid')
      FROM seq_1_to_${3 * ROWS} JOIN customers c ON c.id = 1 + (seq * 7) % ${ROWS};
    INSERT INTO visits SELECT concat('${MARKS.visitor}', seq % 20), concat('2001:db8::', seq), '/p', concat('x', seq) FROM seq_1_to_50;
    INSERT INTO visits VALUES (NULL, NULL, 'tab\\there\\\\ and \\0', NULL), ('', '2001:db8::1', '', '')`;
}

describeWithPart('mariadb', 'masked copies of MariaDB', () => {
  let source: MariadbServer;
  let target: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  const folder = () => path.dirname(target.socket ?? '');
  const to = async (name: string) => {
    await target.query(undefined, `CREATE DATABASE ${name}`);
    return openMysqlTarget(target.url(name), {}, {});
  };

  beforeAll(async () => {
    [source, target] = await Promise.all([startMariadb(), startMariadb()]);
    repository = await newRepository();
    await source.query(undefined, 'CREATE DATABASE shop');
    await source.query('shop', SCHEMA);
    await source.query('shop', fill());
    key = await backUpUrl(repository, source.url('shop'));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await Promise.all([source?.stop(), target?.stop()]);
  });

  async function masked(name: string, { secret = SECRET, given = rules as unknown } = {}) {
    const options = { maskRules: parseMaskRules(given), maskSecret: secret, signal: never };
    return restoreMasked(repository, key, await to(name), options);
  }

  it('hold no original value in any byte, redo and binary log included, and all of what ties rows together', async () => {
    const result = await masked('masked');
    expect(result.comparison.every(({ equal }) => equal)).toBe(true);
    await target.query(undefined, 'FLUSH TABLES; FLUSH LOGS');
    expect(await findLeaks(folder(), MARKS)).toEqual([]);
    for (const sql of [
      'SELECT count(*) AS n FROM orders o JOIN customers c ON c.id = o.customer',
      'SELECT count(*) AS n FROM orders o JOIN customers c ON c.code = o.by_code',
      'SELECT count(*) AS n FROM customers a JOIN customers b ON a.friend = b.id',
      'SELECT count(DISTINCT email) AS a, count(DISTINCT phone) AS b, count(DISTINCT token) AS c FROM customers',
      'SELECT n, count(*) AS m FROM (SELECT count(*) AS n FROM orders GROUP BY customer) t GROUP BY n ORDER BY n',
      'SELECT n, count(*) AS m FROM (SELECT count(*) AS n FROM visits GROUP BY visitor) t GROUP BY n ORDER BY n',
      "SELECT count(*) AS n FROM customers WHERE json_value(doc, '$.ok')",
      'SELECT hex(page) AS page FROM visits ORDER BY 1',
    ])
      expect(await target.query('masked', sql), sql).toEqual(await source.query('shop', sql));
    const [row] = await target.query('masked', 'SELECT * FROM customers ORDER BY id LIMIT 1');
    expect(row).toMatchObject({
      email: expect.stringMatching(/^u[a-z2-7]{20}@example\.com$/),
      country: 'DE',
    });
    const [visits] = await target.query('masked', 'SELECT count(secret) AS secrets FROM visits');
    expect(visits).toEqual({ secrets: 0 });
  });

  it('are the same for the same secret, and others for another', async () => {
    await masked('again_1');
    await masked('again_2');
    await masked('again_3', { secret: 'another secret of the test' });
    const differs = async (one: string, other: string, table: string) => {
      const select = (database: string) => `SELECT * FROM ${database}.${table}`;
      return target.query(undefined, `${select(one)} EXCEPT ALL ${select(other)}`);
    };
    for (const table of ['customers', 'orders', 'visits']) {
      expect(await differs('again_1', 'again_2', table)).toEqual([]);
      expect((await differs('again_1', 'again_3', table)).length).toBeGreaterThan(0);
    }
  });

  it('are found out if they are not masked: the same search finds every mark', async () => {
    await restoreBackup(repository, key, await to('raw'), { signal: never });
    await target.query(undefined, 'FLUSH TABLES; FLUSH LOGS');
    const found = await findLeaks(folder(), MARKS);
    for (const name of Object.keys(MARKS))
      expect(
        found.some((one) => one.startsWith(`${name} as it is`)),
        name,
      ).toBe(true);
  });

  it.each([
    ['email', { mask: 'email', domain: 'a-very-long-domain.example.com' }, undefined],
    ['email', { mask: 'template', template: 'someone-{hash}@example.com' }, 'by_email'],
    ['code', 'name', 'by_code'],
    ['id', 'keep', undefined],
    ['income', { mask: 'constant', value: -5 }, 'income'],
    ['email', { mask: 'hash' }, 'masked values break the check'],
    ['score', 'hash', 'is float'],
    ['friend', 'keep', 'would break the reference'],
  ])('refuse a rule for %s that cannot hold: %j', async (column, rule, said) => {
    const given = {
      ...rules,
      tables: { ...rules.tables, customers: { ...rules.tables['customers'], [column]: rule } },
    };
    const options = { maskRules: parseMaskRules(given), maskSecret: SECRET, signal: never };
    await target.query(undefined, 'CREATE DATABASE IF NOT EXISTS empty');
    const planned = planMaskedRestore(repository, key, openMysqlTarget(target.url('empty'), {}, {}), options);
    if (said === undefined) await expect(planned).resolves.toBeDefined();
    else
      await expect(planned).rejects.toMatchObject({
        code: 'E_MASK_RULES',
        message: expect.stringContaining(said),
      });
  });
});

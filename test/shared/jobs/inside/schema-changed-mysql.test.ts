import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { diffVersions } from '../../../../shared/jobs/inside/diff.ts';
import { diffSql } from '../../../../shared/jobs/inside/diff-sql.ts';
import { planRows, restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import { backupVersion, openLive } from '../../../../shared/jobs/inside/version.ts';
import { openSource } from '../../../../shared/jobs/source/open-source.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { runScript } from './mariadb-shop.ts';

const DATABASE = 'schema_changed';
const CHOICES = [{ dataset: 'item', where: ['id <= 4'] }];

describeWithMysql('a table of MariaDB whose definition changed since the backup', () => {
  let server: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  const query = (sql: string) => server.query(DATABASE, sql);
  const place = () => ({ config: { kind: 'mysql', url: server.url(DATABASE), options: {} }, env: {} });
  const plan = (more: object = {}) =>
    planRows(repository, key, place(), { choices: CHOICES, ...more, signal: never });
  const restore = () => restoreRows(repository, key, place(), { choices: CHOICES, signal: never });
  const all = () => query('SELECT * FROM item ORDER BY id');

  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(undefined, `DROP DATABASE IF EXISTS ${DATABASE}; CREATE DATABASE ${DATABASE}`);
    await make();
    key = await backUpUrl(repository, server.url(DATABASE));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function make(): Promise<void> {
    await query('DROP TABLE IF EXISTS item');
    await query(
      'CREATE TABLE item (id int PRIMARY KEY, label varchar(40), price decimal(10,2), code varchar(40) NOT NULL UNIQUE, day date)',
    );
    await query(
      "INSERT INTO item SELECT seq, if(seq = 4, NULL, concat('l', seq)), seq * 1.25, concat('c', seq), '2026-01-01' + INTERVAL seq DAY FROM seq_1_to_9",
    );
  }
  async function changed(...sql: readonly string[]): Promise<void> {
    await make();
    for (const one of sql) await query(one);
  }

  it.each([
    [
      ['UPDATE item SET label = 0', 'ALTER TABLE item MODIFY label int'],
      /^item: the target does not take a value of these rows: .*'l1' .*label/,
    ],
    [
      ["UPDATE item SET label = 'x'", 'ALTER TABLE item MODIFY label varchar(1)'],
      /^item: the target does not take a value of these rows: Data too long .*label/,
    ],
    [
      ['UPDATE item SET price = 0', 'ALTER TABLE item MODIFY price decimal(2,2)'],
      /^item: the target does not take a value of these rows: Out of range .*price/,
    ],
    [['ALTER TABLE item DROP PRIMARY KEY, DROP KEY code'], /^item has no primary key in the target/],
    [
      ['ALTER TABLE item DROP id, ADD number int AUTO_INCREMENT PRIMARY KEY'],
      /^the key of item is \(number\) in the target; the backup has no values of number$/,
    ],
    [['DROP TABLE item'], /^the target has no table item$/],
  ])('takes its rows or says why not: %j', async (sql, message) => {
    await changed(...sql);
    const rows = () => (sql[0]?.startsWith('DROP') ? [] : query('SELECT * FROM item ORDER BY code'));
    const before = await rows();
    const refusal = { code: 'E_ROWS_REFUSED', message: expect.stringMatching(message) };
    await expect(plan()).rejects.toMatchObject({
      ...refusal,
      hint: expect.stringContaining('--beside NAME'),
    });
    await expect(restore()).rejects.toMatchObject(refusal);
    expect(await rows()).toEqual(before);
  });

  it('warns of columns that it lacks, and of types that may round', async () => {
    await changed(
      'DELETE FROM item WHERE id <= 4',
      'ALTER TABLE item CHANGE label title varchar(40), MODIFY price decimal(10,1)',
    );
    const said = [
      'item: the target takes no values of label; they are left out',
      'item: price is decimal(10,1) in the target, and decimal(10,2) in the backup; the server may round or shorten its values',
    ];
    expect((await plan()).warnings).toEqual(said);
    expect((await restore()).warnings).toEqual(said);
    expect(await query('SELECT price FROM item WHERE id < 3 ORDER BY id')).toEqual([
      { price: '1.3' },
      { price: '2.5' },
    ]);
  });

  it('names rows that lack a value which is now needed', async () => {
    await changed(
      'DELETE FROM item WHERE id <= 4',
      'ALTER TABLE item MODIFY label varchar(40) NOT NULL, ADD CONSTRAINT high CHECK (price > 2)',
    );
    expect((await plan()).violations).toEqual([
      'item: label cannot be NULL in the target, but is NULL in the backup, in rows (4)',
      'item: the check high does not hold for rows (1)',
    ]);
    await expect(restore()).rejects.toMatchObject({ code: 'E_ROWS_REFUSED' });
    expect(await query('SELECT 1 FROM item WHERE id <= 4')).toEqual([]);
  });

  it('is compared and made like the backup by statements, in its own types', async () => {
    await changed();
    const before = await all();
    await changed(
      "UPDATE item SET price = 7, code = concat(code, 'x') WHERE id IN (2, 5)",
      'DELETE FROM item WHERE id = 6',
      "INSERT INTO item VALUES (20, 'new', 1, 'c20', NULL)",
      'ALTER TABLE item MODIFY id bigint, MODIFY price varchar(40), MODIFY day varchar(40), ADD more int',
    );
    const live = async () => openLive(await openSource(place().config, {}), never);
    const backup = async () => backupVersion(await repository.openBackup(key, never));
    const options = { datasets: ['item'], signal: never };
    {
      await using now = await live();
      const [diff] = await Array.fromAsync(diffVersions(await backup(), now, options));
      expect(diff).toMatchObject({ isIn: 'both', addedColumns: ['more'], key: ['id'] });
      const changes = await Array.fromAsync(diff?.changes() ?? []);
      expect(changes.map(({ change }) => change).toSorted()).toEqual([
        'added',
        'changed',
        'changed',
        'removed',
      ]);
    }
    const now = await live();
    const script = (await Array.fromAsync(diffSql(now, await backup(), options))).join('');
    await now[Symbol.asyncDispose]();
    await runScript(server, DATABASE, script);
    await query('ALTER TABLE item DROP more, MODIFY id int, MODIFY price decimal(10,2), MODIFY day date');
    expect(await all()).toEqual(before);
  });
});

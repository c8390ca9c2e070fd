import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { diffVersions } from '../../../../shared/jobs/inside/diff.ts';
import { diffSql } from '../../../../shared/jobs/inside/diff-sql.ts';
import { backupVersion, openLive, type Version } from '../../../../shared/jobs/inside/version.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { changeShop, DATASETS, differences, fillShop, keepTables, runScript, SHOP } from './mariadb-shop.ts';

const versions = cases(4, 5, 60);

describeWithMysql('statements of a difference, run by the client and judged by EXCEPT ALL', () => {
  let server: MariadbServer;
  let repository: Repository;
  const keys: BackupKey[] = [];
  const random = seededRandom(testSeed);
  const query = (sql: string) => server.query('shop_sql', sql);

  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(
      undefined,
      'DROP DATABASE IF EXISTS shop_sql; CREATE DATABASE shop_sql CHARACTER SET utf8mb4',
    );
    for (const sql of SHOP) await query(sql);
    await fillShop(query);
    for (let version = 0; version < versions; version++) {
      if (version > 0) await changeShop(query, (most) => Math.floor(random() * most));
      keys.push(await backUpUrl(repository, server.url('shop_sql')));
      await keepTables(server, 'shop_sql', `kept_${version}`);
    }
  }, tortureTimeoutMs);
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const backup = async (version: number) => backupVersion(await repository.openBackup(keys[version]!, never));
  const live = () => openLive(openMysqlSource(server.url('shop_sql'), {}, {}), never);
  async function script(from: Version, to: Version): Promise<string> {
    return (await Array.fromAsync(diffSql(from, to, { datasets: DATASETS, signal: never }))).join('');
  }

  it('turn any version into any other, either way', async () => {
    let now = versions - 1;
    for (const next of [...keys.keys(), ...[...keys.keys()].toReversed(), versions - 1]) {
      await runScript(server, 'shop_sql', await script(await backup(now), await backup(next)));
      expect(await differences(server, 'shop_sql', `kept_${next}`)).toEqual([]);
      now = next;
    }
  }, 3600_000);

  it('turn the database as it is now into a backup, read as of one moment', async () => {
    await changeShop(query, (most) => Math.floor(random() * most));
    await using now = await live();
    const text = await script(now, await backup(0));
    await runScript(server, 'shop_sql', text);
    expect(await differences(server, 'shop_sql', 'kept_0')).toEqual([]);
    await using restored = await live();
    const compared = diffVersions(restored, await backup(0), { datasets: DATASETS, signal: never });
    const left = await Array.fromAsync(compared, ({ changes }) => Array.fromAsync(changes()));
    expect(left.flat()).toEqual([]);
    expect(text).not.toContain('shout');
  }, 600_000);

  it('find the rows of a table whose character set changed since', async () => {
    const rows = async () =>
      (await query('SELECT hex(convert(email USING utf8mb4)) AS e FROM customer ORDER BY id')).map(
        ({ e }) => e,
      );
    const before = await rows();
    await query('ALTER TABLE customer MODIFY email varchar(80) CHARACTER SET utf8mb4');
    await using now = await live();
    const compared = diffVersions(await backup(0), now, { datasets: ['customer'], signal: never });
    const found = await Array.fromAsync(compared, ({ changes }) => Array.fromAsync(changes()));
    expect(found.flat()).toEqual([]);
    await query("UPDATE customer SET email = '€' WHERE id = (SELECT max(id) FROM customer)");
    await using changed = await live();
    await runScript(server, 'shop_sql', await script(changed, await backup(0)));
    expect(await rows()).toEqual(before);
  }, 600_000);
});

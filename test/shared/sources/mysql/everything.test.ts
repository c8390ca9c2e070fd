import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { itInFull, itInLong } from '../../../support/repository/torture.ts';
import { makeEverything } from './everything.ts';
import { backUpUrl, checksums, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

describeWithMysql('a database with everything, judged by mariadb-dump and CHECKSUM TABLE', () => {
  let server: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  const databases = ['everything', 'copy one'];
  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    for (const name of databases)
      await server.query(
        undefined,
        `DROP DATABASE IF EXISTS \`${name}\`; CREATE DATABASE \`${name}\` CHARACTER SET latin1`,
      );
    await server.query(undefined, "ALTER DATABASE everything CHARACTER SET utf8mb4 COMMENT 'it''s \\\\ all'");
    await makeEverything(() => server.connect('everything'));
    key = await backUpUrl(repository, server.url('everything'));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it('is restored under another name, equal but for what names the database', async () => {
    const { comparison } = await restoreUrl(repository, key, server.url('copy one'));
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    const created = async (name: string) =>
      (await server.query(name, 'SHOW CREATE DATABASE `everything`'.replace('everything', name)))[0]?.[
        'Create Database'
      ];
    expect(await created('copy one')).toBe((await created('everything')).replace('everything', 'copy one'));
    expect(await checksums(server, 'copy one')).toEqual(await checksums(server, 'everything'));
    expect(await nativeDump(server, 'copy one')).toBe(await nativeDump(server, 'everything'));
  });

  /** @param megabytes of one value, with bytes that are escaped among them */
  async function bringBack(megabytes: number): Promise<void> {
    for (const name of ['large', 'large copy'])
      await server.query(undefined, `DROP DATABASE IF EXISTS \`${name}\`; CREATE DATABASE \`${name}\``);
    await server.query(undefined, 'SET GLOBAL max_allowed_packet = 1073741824');
    await server.query(
      'large',
      `CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB); INSERT INTO big VALUES (1, REPEAT('0123456\\n\\t\\'\\\\\\0abc', ${megabytes * 62_500}))`,
    );
    const large = await backUpUrl(repository, server.url('large'));
    await restoreUrl(repository, large, server.url('large copy'));
    const hash = 'SELECT LENGTH(b) AS bytes, MD5(b) AS md5 FROM big';
    const [found] = await server.query('large copy', hash);
    expect(found).toEqual((await server.query('large', hash))[0]);
    expect(found?.['bytes']).toBe(megabytes * 62_500 * 15);
  }

  itInFull('a value of 50 MB comes back', () => bringBack(53), 120_000);
  itInLong('a value of 500 MB comes back', () => bringBack(534), 1_800_000);
});

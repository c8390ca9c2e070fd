import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
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
    expect(await checksums(server, 'copy one')).toEqual(await checksums(server, 'everything'));
    expect(await nativeDump(server, 'copy one')).toBe(await nativeDump(server, 'everything'));
  });
});

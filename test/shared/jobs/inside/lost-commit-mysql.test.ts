import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { FATES, restoreWithFate } from './lost-commit.ts';

const SHOP = 'shop_lost_commit';

describeWithMysql('rows of MariaDB whose commit got no answer', () => {
  let server: MariadbServer;
  let repository: Repository;
  let key: BackupKey;

  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(undefined, `DROP DATABASE IF EXISTS ${SHOP}; CREATE DATABASE ${SHOP}`);
    await server.query(SHOP, 'CREATE TABLE t (id int PRIMARY KEY, v varchar(9))');
    await server.query(SHOP, `INSERT INTO t VALUES (1, 'a'), (2, 'b')`);
    key = await backUpUrl(repository, server.url(SHOP));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it.each(FATES)(
    'are looked for again: %s: %s',
    async (fate, told) => {
      await server.query(SHOP, 'DELETE FROM t');
      await server.query(SHOP, `INSERT INTO t VALUES (2, 'b'), (9, 'new')`);
      const about = { repository, key, kind: 'mysql', url: server.url(SHOP), dataset: 't' };
      expect(await restoreWithFate(fate, about)).toBe(told);
      const rows = await server.query(SHOP, 'SELECT id FROM t ORDER BY id');
      expect(rows.map((row) => Number(row['id']))).toEqual(told === 'untouched' ? [2, 9] : [1, 2]);
    },
    120_000,
  );
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { backUpUrl, newRepository } from '../../sources/postgres/target/round-trip.ts';
import { FATES, restoreWithFate } from './lost-commit.ts';

describe('rows of PostgreSQL whose commit got no answer', () => {
  let server: PostgresServer;
  let repository: Repository;
  let key: BackupKey;
  const ids = async () =>
    (await server.query('shop', 'SELECT id FROM t ORDER BY id')).rows.map(({ id }) => id);

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shop');
    await server.query(
      'shop',
      `CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b')`,
    );
    ({ key } = await backUpUrl(repository, server.url('shop')));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it.each(FATES)(
    'are looked for again: %s: %s',
    async (fate, told) => {
      await server.query('shop', `DELETE FROM t; INSERT INTO t VALUES (2, 'b'), (9, 'new')`);
      const about = { repository, key, kind: 'postgres', url: server.url('shop'), dataset: 'public.t' };
      expect(await restoreWithFate(fate, about)).toBe(told);
      // What nobody could ask was written here.
      expect(await ids()).toEqual(told === 'untouched' ? [2, 9] : [1, 2]);
    },
    120_000,
  );
});

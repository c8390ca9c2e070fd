import { afterAll, beforeAll, expect } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres, type PostgresVersion } from '../../../../support/postgres.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { describeDatabase } from './catalog-judge.ts';
import { backUpUrl, newRepository, restoreUrl } from './round-trip.ts';

const SHOP = `
  CREATE EXTENSION hstore; COMMENT ON EXTENSION hstore IS 'ours';
  COMMENT ON SCHEMA public IS 'ours too';
  CREATE SCHEMA shop;
  CREATE TABLE shop.t (id serial PRIMARY KEY, tags public.hstore); INSERT INTO shop.t (tags) VALUES ('a=>1'), (NULL);
  CREATE VIEW shop.v AS SELECT id FROM shop.t;
`;
/** Not for owners of a database. */
const ODD = 'CREATE EXTENSION pg_buffercache';
/** What a platform puts into each database before it gives it away. */
const PLATFORM = `
  CREATE EXTENSION hstore; CREATE SCHEMA platform; CREATE TABLE platform.secret (a integer); CREATE SEQUENCE platform.numbers;
  REVOKE ALL ON SCHEMA platform FROM PUBLIC; SELECT lo_from_bytea(4242, 'x');
`;

/** A target as managed services give it: its login owns one database, and may do nothing else. */
export function describeManagedTarget(version: PostgresVersion): void {
  const it = turnOfAll(3);
  let server: PostgresServer;
  let repository: Repository;
  let key: BackupKey;
  let odd: BackupKey;

  beforeAll(async () => {
    server = await ownPostgres(version);
    repository = await newRepository();
    await server.createDatabase('original');
    await server.query('original', SHOP);
    ({ key } = await backUpUrl(repository, server.url('original')));
    await server.query('original', ODD);
    ({ key: odd } = await backUpUrl(repository, server.url('original')));
    await server.query('original', 'DROP EXTENSION pg_buffercache');
    await server.query('postgres', "CREATE ROLE app LOGIN PASSWORD 'app'");
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const give = async (name: string) => {
    await server.createDatabase(name);
    await server.query(name, PLATFORM);
    await server.query('postgres', `ALTER DATABASE ${name} OWNER TO app`);
    const url = new URL(server.url(name));
    [url.username, url.password] = ['app', 'app'];
    return url.href;
  };
  const ours = async (name: string) =>
    (await describeDatabase(server, name)).filter((line) => line.includes('shop.'));

  it('takes a backup, leaves what the platform made, and compares what was restored', async () => {
    const url = await give('given');
    const { comparison, plan } = await restoreUrl(repository, key, url, {
      noOwner: true,
      noPrivileges: true,
    });
    expect(comparison).toEqual([
      expect.objectContaining({ dataset: 'shop.t', equal: true, backupRecords: 2, targetRecords: 2 }),
      expect.objectContaining({ dataset: 'sequence values', equal: true }),
    ]);
    expect(plan.warnings).toContainEqual(
      expect.stringMatching(/^EXTENSION hstore.* of the target belongs? to (another role|other roles)/),
    );
    expect(await ours('given')).toEqual(await ours('original'));
    await restoreUrl(repository, key, url, { noOwner: true, noPrivileges: true, replace: true });
    expect(await ours('given')).toEqual(await ours('original'));
  });

  it('does what can be done without an extension that it may not make, names it, and compares', async () => {
    const url = await give('lacking');
    const restored = restoreUrl(repository, odd, url, { noOwner: true, noPrivileges: true });
    await expect(restored).rejects.toMatchObject({
      code: 'E_RESTORE_INCOMPLETE',
      message: expect.stringMatching(/could not be restored: EXTENSION pg_buffercache .*42501/),
      details: { failures: 1, compared: 2 },
    });
    expect(await ours('lacking')).toEqual(await ours('original'));
  });
}

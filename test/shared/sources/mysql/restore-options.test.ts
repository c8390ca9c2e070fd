import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { planRestore } from '../../../../shared/jobs/restore/restore.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { BackupContents } from '../../../../shared/sources/contents.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { openMysqlTarget } from '../../../../shared/sources/mysql/target.ts';
import type { RestoreFailure } from '../../../../shared/sources/target.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { asContents, readSource } from '../../../contract/reading.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, checksums, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

const SHOP = `
  CREATE TABLE orders (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_bin); INSERT INTO orders VALUES (1, 'a'), (2, 'A');
  CREATE TABLE items (id INT PRIMARY KEY, o INT, FOREIGN KEY (o) REFERENCES orders (id)); INSERT INTO items VALUES (1, 1);
  CREATE TABLE plain (id INT PRIMARY KEY) CHARACTER SET latin1; INSERT INTO plain VALUES (3);
  CREATE DEFINER=ghost@nowhere SQL SECURITY INVOKER VIEW v AS SELECT id FROM orders; CREATE DEFINER=ghost@nowhere PROCEDURE p() SELECT 1;
  CREATE DEFINER=ghost@nowhere FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1;
  CREATE DEFINER=ghost@nowhere TRIGGER t BEFORE INSERT ON plain FOR EACH ROW SET NEW.id = NEW.id;
  SET time_zone = '+02:00'; CREATE DEFINER=ghost@nowhere EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 03:00:00' DO SELECT 1`;

describeWithMysql('options of restores', () => {
  let server: MariadbServer;
  let repository: Repository;
  let key: BackupKey;
  let databases = 0;
  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(undefined, 'DROP DATABASE IF EXISTS opt_shop; CREATE DATABASE opt_shop');
    await server.query('opt_shop', SHOP);
    key = await backUpUrl(repository, server.url('opt_shop'));
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  async function database(): Promise<string> {
    const name = `opt_${++databases}`;
    await server.query(undefined, `DROP DATABASE IF EXISTS ${name}; CREATE DATABASE ${name}`);
    return name;
  }

  async function ownerOf(name: string, rights = 'ALL'): Promise<string> {
    await server.query(
      undefined,
      `DROP USER IF EXISTS opt_owner@'%'; CREATE USER opt_owner@'%' IDENTIFIED BY 'horse'; GRANT ${rights} ON ${name}.* TO opt_owner@'%'`,
    );
    return `mysql://opt_owner:horse@${server.host}:${server.port}/${name}`;
  }

  /** The backup, with another text in its definitions: as one of another server. */
  async function contentsWith(text: string, other: string, title?: string): Promise<BackupContents> {
    const reading = await readSource(openMysqlSource(server.url('opt_shop'), {}, {}), { schema: true });
    const datasets = reading.datasets.map((dataset) => ({
      ...dataset,
      partitions: new Map(
        [...dataset.partitions].map(([name, bytes]) => [
          name,
          dataset.kind === 'schema' ? Buffer.from(bytes.toString().replaceAll(text, other)) : bytes,
        ]),
      ),
    }));
    return asContents({ ...reading, ...(title && { server: title }), datasets });
  }

  async function restore(contents: BackupContents, to: string, keepGoing = false) {
    const target = openMysqlTarget(server.url(to), {}, {});
    const plan = await target.plan(contents, { keepGoing }, never);
    const failures: RestoreFailure[] = [];
    const onFailure = (failure: RestoreFailure) => void failures.push(failure);
    await target.restore(contents, plan, { keepGoing, signal: never, onProgress: () => {}, onFailure });
    return { plan, failures };
  }

  it('definer: all objects get that one, which is named if the server lacks it', async () => {
    const to = await database();
    const { plan } = await restoreUrl(repository, key, server.url(to), {
      special: { definer: 'nobody`s@10.0.0.%' },
    });
    expect(plan.warnings.join()).toContain('the server has no users nobody`s@10.0.0.%');
    const wanted = (await nativeDump(server, 'opt_shop')).replaceAll(
      '`ghost`@`nowhere`',
      '`nobody``s`@`10.0.0.%`',
    );
    expect(await nativeDump(server, to)).toBe(wanted);
  });

  it('a definer that the server lacks is told of, and stays', async () => {
    const to = await database();
    const { plan } = await restoreUrl(repository, key, server.url(to));
    expect(plan.warnings.join()).toContain('the server has no users ghost@nowhere');
    expect(await nativeDump(server, to)).toBe(await nativeDump(server, 'opt_shop'));
  });

  it('a view whose definer is gone is whole: it is restored, and works with another definer', async () => {
    const from = await database();
    await server.query(
      from,
      'CREATE TABLE a (id INT); CREATE DEFINER=ghost@nowhere VIEW v AS SELECT id FROM a',
    );
    const orphan = await backUpUrl(repository, server.url(from));
    const definer = async () => {
      const views = `SELECT DEFINER AS definer FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '${from}'`;
      return (await server.query(undefined, views))[0]?.['definer'];
    };
    // The server writes such a view with the name of its database.
    await server.query(undefined, `DROP DATABASE ${from}; CREATE DATABASE ${from}`);
    await restoreUrl(repository, orphan, server.url(from));
    expect(await definer()).toBe('ghost@nowhere');
    await restoreUrl(repository, orphan, server.url(from), {
      special: { definer: `${server.user}@%` },
      replace: true,
    });
    expect(await definer()).toBe(`${server.user}@%`);
    expect(await server.query(from, 'SELECT * FROM v')).toEqual([]);
  });

  it('a user who owns one database alone restores into it, and backs it up again', async () => {
    const to = await database();
    const url = await ownerOf(to);
    await restoreUrl(repository, key, url, { special: { definer: 'opt_owner@%' } });
    const wanted = (await nativeDump(server, 'opt_shop')).replaceAll('`ghost`@`nowhere`', '`opt_owner`@`%`');
    expect(await nativeDump(server, to)).toBe(wanted);
    const again = await backUpUrl(repository, url);
    const copy = await database();
    await restoreUrl(repository, again, server.url(copy));
    expect(await nativeDump(server, copy)).toBe(wanted);
  });

  it('a dry run changes nothing, and names what is in the way', async () => {
    const to = await database();
    await server.query(
      to,
      'CREATE TABLE orders (mine INT); INSERT INTO orders VALUES (9); CREATE TABLE mine (id INT)',
    );
    const before = await checksums(server, to);
    const plan = (replace: boolean) =>
      planRestore(repository, key, openMysqlTarget(server.url(to), {}, {}), { replace, signal: never });
    expect((await plan(false)).conflicts).toEqual(['TABLE orders']);
    expect((await plan(true)).drops).toEqual(['DROP TABLE IF EXISTS `orders`']);
    expect(await checksums(server, to)).toEqual(before);
    await restoreUrl(repository, key, server.url(to), { replace: true });
    expect(Object.keys(await checksums(server, to))).toEqual(['items', 'mine', 'orders', 'plain']);
  });

  it('a collation that the server lacks is refused before anything is dropped; the rest is restored on request', async () => {
    const to = await database();
    await server.query(to, 'CREATE TABLE plain (mine INT)');
    const contents = await contentsWith('utf8mb4_bin', 'utf8mb4_0900_ai_ci', 'MySQL 8.0.36');
    const target = openMysqlTarget(server.url(to), {}, {});
    const plan = await target.plan(contents, { replace: true }, never);
    const refusal = 'does not know the collation utf8mb4_0900_ai_ci: TABLE orders';
    expect(plan.warnings.join()).toContain(`cannot be restored there: MariaDB`);
    expect(plan.warnings.join()).toContain(refusal);
    expect(plan.warnings.join()).toContain('SQL of MySQL 8.0.36');
    const run = { replace: true, signal: never, onProgress: () => {} };
    await expect(target.restore(contents, plan, run)).rejects.toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`${refusal}; nothing was changed`)),
      hint: expect.stringContaining('--keep-going'),
    });
    expect(Object.keys(await checksums(server, to))).toEqual(['plain']);
    const empty = await database();
    const { failures } = await restore(contents, empty, true);
    expect(failures.map(({ object, dataset }) => [object, dataset])).toEqual([
      ['TABLE orders', 'orders'],
      ['VIEW v', undefined],
    ]);
    expect(await server.query(empty, 'SELECT id FROM plain')).toEqual([{ id: 3 }]);
  });

  it('a character set that the server lacks is named likewise', async () => {
    const contents = await contentsWith('latin1', 'gb18030');
    await expect(restore(contents, await database())).rejects.toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringContaining('does not know the character set gb18030: TABLE plain'),
    });
  });

  it('settings that the server lacks leave routines as they are; a time zone is named', async () => {
    const to = await database();
    const contents = await contentsWith('"timeZone":"+02:00"', '"timeZone":"Europe/Nowhere"');
    const { failures } = await restore(contents, to);
    expect(failures).toEqual([
      { object: 'EVENT e', message: expect.stringMatching(/EVENT e in .*time zone.*\(error 1298/) },
    ]);
    const modes = await contentsWith('"sqlMode":"', '"sqlMode":"NO_SUCH_MODE,');
    const { plan } = await restore(modes, await database());
    expect(plan.warnings.join()).toContain('does not know the sql_mode NO_SUCH_MODE');
  });

  it('rights that are missing in the target are named, with what could not be made', async () => {
    const to = await database();
    const url = await ownerOf(to, 'CREATE, DROP, SELECT, ALTER, INSERT, REFERENCES, CREATE VIEW, SHOW VIEW');
    await expect(restoreUrl(repository, key, url, { noOwner: true })).rejects.toMatchObject({
      code: 'E_RESTORE_INCOMPLETE',
      message: expect.stringMatching(
        /3 datasets .* all equal; 4 objects could not be restored: FUNCTION f in .*denied/,
      ),
    });
  });

  it('a right that is missing on one table of the source is refused', async () => {
    const name = await database();
    await server.query(name, 'CREATE TABLE a (id INT); CREATE TABLE b (id INT)');
    const url = await ownerOf(name, 'SHOW VIEW, TRIGGER, EVENT, EXECUTE');
    await server.query(undefined, `GRANT SELECT ON ${name}.a TO opt_owner@'%'`);
    await expect(openMysqlSource(url, {}, {}).open(never)).rejects.toMatchObject({
      code: 'E_SOURCE_DENIED',
      message: `the user lacks SELECT on the whole database ${name}: what it may not see would be missing from the backup`,
    });
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runDrill } from '../../../../shared/jobs/drill/drill.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlScratch } from '../../../../shared/sources/mysql/scratch.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { type MariadbServer, startMariadb } from '../../../../tools/mariadb-server.ts';
import { readSource } from '../../../contract/reading.ts';
import { makeAuthority, makeCertificate } from '../../../support/certificates.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never } from '../../../support/repository/engine.ts';
import { backUpUrl, checksums, nativeDump, newRepository, restoreUrl } from './round-trip.ts';

const READS = 'SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE';

describeWithPart('mariadb', 'a server of other settings', () => {
  /** As most are. */
  let usual: MariadbServer;
  /** Names without case, no binary log, TLS of an authority of its own. */
  let other: MariadbServer;
  let repository: Repository;
  let folder: string;
  let databases = 0;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-mysql-tls-'));
    makeAuthority(folder);
    makeCertificate(folder, 'server', { host: 'localhost' });
    [usual, other] = await Promise.all([
      startMariadb(),
      startMariadb({
        settings: {
          'lower-case-table-names': '1',
          'skip-log-bin': '',
          'plugin-load-add': 'auth_ed25519',
          'ssl-ca': path.join(folder, 'ca.crt'),
          'ssl-cert': path.join(folder, 'server.crt'),
          'ssl-key': path.join(folder, 'server.key'),
        },
      }),
    ]);
    repository = await newRepository();
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await Promise.all([usual?.stop(), other?.stop()]);
    await rm(folder, { recursive: true });
  });

  async function database(server: MariadbServer, sql = 'SELECT 1'): Promise<string> {
    const name = `of_other_${++databases}`;
    await server.query(undefined, `CREATE DATABASE ${name}`);
    await server.query(name, sql);
    return name;
  }

  it.each([
    ['flush', READS, 'RELOAD'],
    ['lock', `${READS}, LOCK TABLES`, 'USAGE'],
    ['single', READS, 'USAGE'],
  ])('without a binary log, one moment is had by %s with the rights to it', async (rung, rights, global) => {
    const name = await database(other, 'CREATE TABLE a (id INT PRIMARY KEY)');
    const user = `of_${rung}`;
    await other.query(
      undefined,
      `CREATE USER ${user}@'%' IDENTIFIED BY 'x'; GRANT ${global} ON *.* TO ${user}@'%'; GRANT ${rights} ON ${name}.* TO ${user}@'%'`,
    );
    const warnings: string[] = [];
    await using view = await openMysqlSource(
      `mysql://${user}:x@localhost:${other.port}/${name}`,
      {},
      {},
    ).open(never, { onWarning: (message) => void warnings.push(message) });
    expect(view.datasets[0]?.attributes['snapshot']).toBe(rung);
    expect(warnings.join()).toBe(
      rung === 'single'
        ? 'the backup reads by one session: neither the binary log nor a lock could bring several to one moment'
        : '',
    );
  });

  it('names that differ in case alone are refused before anything is changed', async () => {
    const from = await database(
      usual,
      'CREATE TABLE Orders (id INT); CREATE TABLE ORDERS (id INT); CREATE TABLE kept (id INT)',
    );
    const to = await database(other, 'CREATE TABLE kept (id INT); INSERT INTO kept VALUES (7)');
    const key = await backUpUrl(repository, usual.url(from));
    await expect(restoreUrl(repository, key, other.url(to), { replace: true })).rejects.toMatchObject({
      code: 'E_SOURCE_UNSUPPORTED',
      message: expect.stringMatching(/ORDERS and Orders have the same name/),
    });
    expect(await other.query(to, 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
    await restoreUrl(repository, key, other.url(to), { datasets: ['Orders'] });
  });

  it('names with capitals are restored and drilled where all are small, and back', async () => {
    const from = await database(
      usual,
      `CREATE TABLE small (id INT PRIMARY KEY); CREATE TABLE Parent (id INT PRIMARY KEY); CREATE TABLE \`Child One\` (Id INT PRIMARY KEY, P INT, FOREIGN KEY (P) REFERENCES Parent (id));
       INSERT INTO Parent VALUES (1), (2); INSERT INTO \`Child One\` VALUES (1, 2); CREATE VIEW V AS SELECT Id FROM \`Child One\`;
       CREATE TRIGGER T BEFORE INSERT ON small FOR EACH ROW SET NEW.id = NEW.id + 1; CREATE SEQUENCE Seq; CREATE TABLE N (id INT DEFAULT NEXTVAL(Seq))`,
    );
    const to = await database(other);
    const back = await database(usual);
    const key = await backUpUrl(repository, usual.url(from));
    const { comparison } = await restoreUrl(repository, key, other.url(to));
    expect(comparison.map(({ dataset, equal }) => [dataset, equal])).toEqual([
      ['`Child One`', true],
      ['N', true],
      ['Parent', true],
      ['small', true],
    ]);
    // Again, into what is there by the names that the server made of them.
    await expect(restoreUrl(repository, key, other.url(to))).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
    });
    await restoreUrl(repository, key, other.url(to), { replace: true });
    const drill = await runDrill(repository, key, openMysqlScratch(other.url(''), {}, {}), { signal: never });
    expect(drill).toMatchObject({ outcome: 'equal', schema: { outcome: 'equal' } });
    await restoreUrl(repository, await backUpUrl(repository, other.url(to)), usual.url(back));
    const lines = async (name: string) =>
      (await nativeDump(usual, name)).toLowerCase().split('\n').toSorted();
    expect(await lines(back)).toEqual(await lines(from));
    expect(Object.values(await checksums(usual, back)).toSorted()).toEqual(
      Object.values(await checksums(usual, from)).toSorted(),
    );
  });

  it('lets in who logs in by ed25519, over TLS that is checked', async () => {
    const name = await database(other, 'CREATE TABLE a (id INT PRIMARY KEY); INSERT INTO a VALUES (1)');
    const password = 'hörse battery; staple';
    await other.query(
      undefined,
      `CREATE USER ed@'%' IDENTIFIED VIA ed25519 USING PASSWORD('${password}') REQUIRE SSL; GRANT ALL ON ${name}.* TO ed@'%'; GRANT SELECT ON mysql.proc TO ed@'%'`,
    );
    const open = (secret: string, settings: string, host = 'localhost') =>
      readSource(
        openMysqlSource(
          `mysql://ed:${encodeURIComponent(secret)}@${host}:${other.port}/${name}?${settings}`,
          {},
          {},
        ),
      );
    const checked = `tls=verify-full&caFile=${encodeURIComponent(path.join(folder, 'ca.crt'))}`;
    const { datasets } = await open(password, checked);
    expect(datasets.map((one) => one.name)).toEqual(['a']);
    const untrusted = { code: 'E_SOURCE_UNTRUSTED' };
    await expect(open(password, 'tls=verify-full')).rejects.toMatchObject(untrusted);
    await expect(open(password, checked, '127.0.0.1')).rejects.toMatchObject(untrusted);
    const refused = { code: 'E_SOURCE_REFUSED', message: expect.stringContaining('error 1045') };
    await expect(open(password, 'tls=disable')).rejects.toMatchObject(refused);
    const error = await open('wrong secret', checked).catch((cause: unknown) => cause);
    expect(error).toMatchObject(refused);
    expect(JSON.stringify([error, (error as Error).message])).not.toContain('wrong secret');
  });

  it('a table that can grow no more is named, as that of a full disk is, and nothing is lost', async () => {
    const from = await database(
      usual,
      'CREATE TABLE big (id INT PRIMARY KEY, t CHAR(200)) ENGINE=MEMORY; INSERT INTO big SELECT seq, seq FROM seq_1_to_3000',
    );
    const to = await database(other);
    const key = await backUpUrl(repository, usual.url(from));
    await other.query(undefined, 'SET GLOBAL max_heap_table_size = 16384');
    await expect(restoreUrl(repository, key, other.url(to))).rejects.toMatchObject({
      message: expect.stringMatching(/big in .*is full \(error 1114/),
    });
    await other.query(undefined, 'SET GLOBAL max_heap_table_size = DEFAULT');
    await restoreUrl(repository, key, other.url(to), { replace: true });
    expect(await checksums(other, to)).toEqual(await checksums(usual, from));
  });
});

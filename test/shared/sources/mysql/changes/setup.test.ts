import { afterEach, expect } from 'vitest';
import { openMysqlSetup } from '../../../../../shared/sources/mysql/changes/setup.ts';
import type { SourceCheck } from '../../../../../shared/sources/source-checks.ts';
import { type MariadbServer, startMariadb } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turns } from '../../../../support/repository/torture.ts';

const it = turns(4);
const servers: MariadbServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

async function serverWith(settings: Readonly<Record<string, string>>): Promise<MariadbServer> {
  const server = await startMariadb({ settings });
  servers.push(server);
  await server.query(undefined, 'CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY)');
  return server;
}

const READY = {
  'binlog-expire-logs-seconds': '864000',
  'binlog-checksum': 'CRC32',
  'binlog-row-metadata': 'FULL',
};

async function checksOf(url: string): Promise<readonly SourceCheck[]> {
  await using setup = openMysqlSetup(url, {}, {});
  return Array.fromAsync(setup.check(never));
}

describeWithPart('mariadb', 'setting up changes of MariaDB', () => {
  it('changes nothing on a server that is ready, and says where its log ends', async () => {
    const server = await serverWith(READY);
    await using setup = openMysqlSetup(server.url('shop'), {}, {});
    expect(await setup.plan({}, never)).toEqual({ statements: [], refusals: [], warnings: [] });
    const [status] = await server.query(undefined, 'SHOW MASTER STATUS');
    expect(await setup.state(never)).toEqual({
      isSetUp: true,
      position: expect.stringMatching(new RegExp(`^${status?.['File']}:${status?.['Position']}@\\d+$`)),
    });
    expect((await checksOf(server.url('shop'))).map(({ outcome }) => outcome)).not.toContain('differs');
    // Nothing is held, so nothing is let go.
    expect(await setup.letGo({ mostHeldBytes: 0, mostIdleMs: 0 }, never)).toBe(false);
    await setup.remove(never);
    expect((await setup.state(never)).isSetUp).toBe(true);
  });

  it('sets what can be set, each with why, and may be run again', async () => {
    const server = await serverWith({
      'binlog-format': 'MIXED',
      'binlog-row-image': 'MINIMAL',
      'binlog-checksum': 'NONE',
      'binlog-expire-logs-seconds': '600',
    });
    await server.query('shop', 'CREATE TABLE loose (id INT) ENGINE=MyISAM');
    await using setup = openMysqlSetup(server.url('shop'), {}, {});
    expect(await setup.state(never)).toMatchObject({
      isSetUp: false,
      problem: expect.stringContaining('binlog_format'),
    });
    const plan = await setup.plan({}, never);
    expect(plan.statements.map(({ sql }) => sql)).toEqual([
      "SET GLOBAL binlog_format = 'ROW'",
      "SET GLOBAL binlog_row_image = 'FULL'",
      "SET GLOBAL binlog_row_metadata = 'FULL'",
      "SET GLOBAL binlog_checksum = 'CRC32'",
      'SET GLOBAL binlog_expire_logs_seconds = 259200',
    ]);
    for (const { why } of plan.statements) expect(why).not.toBe('');
    expect(plan.warnings.join(' ')).toMatch(/loose.*snapshots.*restart/s);
    const differing = (await checksOf(server.url('shop'))).filter(({ outcome }) => outcome === 'differs');
    expect(differing.map(({ name }) => name)).toEqual([
      'rows',
      'row-image',
      'row-names',
      'checksums',
      'retention',
      'tables',
    ]);
    for (const { fix } of differing) expect(fix).not.toBe('');
    await setup.setUp({}, never);
    await setup.setUp({}, never);
    expect((await setup.state(never)).isSetUp).toBe(true);
    const [settings] = await server.query(
      undefined,
      'SELECT @@global.binlog_format AS f, @@global.binlog_row_image AS i, @@global.binlog_checksum AS c, @@global.binlog_expire_logs_seconds AS s',
    );
    expect(settings).toEqual({ f: 'ROW', i: 'FULL', c: 'CRC32', s: 259_200 });
  });

  it('is enough without names of columns, and says what they would be for', async () => {
    const server = await serverWith({ ...READY, 'binlog-row-metadata': 'NO_LOG' });
    await using setup = openMysqlSetup(server.url('shop'), {}, {});
    expect((await setup.state(never)).isSetUp).toBe(true);
    expect((await setup.plan({}, never)).statements).toEqual([
      { sql: "SET GLOBAL binlog_row_metadata = 'FULL'", why: expect.stringContaining('no proofs, no undo') },
    ]);
    expect((await checksOf(server.url('shop'))).find(({ name }) => name === 'row-names')).toMatchObject({
      outcome: 'differs',
      isMinor: true,
    });
    await setup.setUp({}, never);
    expect((await setup.plan({}, never)).statements).toEqual([]);
  });

  it.each([
    ['a server without a log', { 'skip-log-bin': '' }, /log_bin is OFF/],
    ['a log without the database', { ...READY, 'binlog-ignore-db': 'shop' }, /binlog_ignore_db/],
    ['a log of other databases', { ...READY, 'binlog-do-db': 'other' }, /binlog_do_db/],
  ])('is refused of %s, and nothing is changed', async (_, settings, message) => {
    const server = await serverWith({ ...settings, 'binlog-format': 'MIXED' });
    await using setup = openMysqlSetup(server.url('shop'), {}, {});
    await expect(setup.setUp({}, never)).rejects.toMatchObject({
      code: 'E_CHANGES_UNSAFE',
      message: expect.stringMatching(message),
    });
    const [format] = await server.query(undefined, 'SELECT @@global.binlog_format AS f');
    expect(format).toEqual({ f: 'MIXED' });
  });

  it('says which rights a user lacks, and is enough with those', async () => {
    const server = await serverWith(READY);
    await server.query(undefined, "CREATE USER `re_ader`@'%' IDENTIFIED BY 'pw'");
    await server.query(undefined, "GRANT INSERT ON shop.* TO `re_ader`@'%'");
    const url = `mysql://re_ader:pw@${server.host}:${server.port}/shop`;
    await using setup = openMysqlSetup(url, {}, {});
    const { statements } = await setup.plan({}, never);
    expect(statements.map(({ sql }) => sql)).toEqual([
      "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 're_ader'@'%'",
      "GRANT SELECT ON `shop`.* TO 're_ader'@'%'",
    ]);
    expect((await checksOf(url)).find(({ name }) => name === 'read-log')).toMatchObject({
      outcome: 'skipped',
    });
    for (const { sql } of statements) await server.query(undefined, sql);
    expect(await setup.plan({}, never)).toMatchObject({ statements: [], refusals: [] });
    expect((await checksOf(url)).find(({ name }) => name === 'read-log')).toMatchObject({ outcome: 'holds' });
  });
});

import { afterEach, expect } from 'vitest';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { type MariadbServer, startMariadb } from '../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { never } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { makeAccounts } from './money.ts';

const it = turns(2);
const READS = 'SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE';
const servers: MariadbServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

async function serverWith(settings: Readonly<Record<string, string>>): Promise<MariadbServer> {
  const server = await startMariadb({ settings });
  servers.push(server);
  await makeAccounts(server, 'bank');
  await server.query(
    undefined,
    `CREATE USER teller@'%' IDENTIFIED BY 'horse'; GRANT REPLICATION CLIENT ON *.* TO teller@'%'; GRANT ${READS} ON bank.* TO teller@'%'`,
  );
  return server;
}

/** By which way several sessions came to one moment. */
async function wayOn({ host, port }: MariadbServer): Promise<unknown> {
  const url = `mysql://teller:horse@${host}:${port}/bank`;
  await using view = await openMysqlSource(url, { readers: 2 }, {}).open(never);
  return view.datasets[0]?.attributes['snapshot'];
}

describeWithPart('mariadb', 'places of the binary log', () => {
  it('say when data changes if nothing is kept out of the log', async () => {
    expect(await wayOn(await serverWith({}))).toBe('binlog');
  });

  it.each([
    ['binlog-ignore-db', 'bank'],
    ['binlog-do-db', 'another'],
  ])('are not relied on where --%s keeps a database out of the log', async (name, value) => {
    const server = await serverWith({ [name]: value });
    const placeNow = async () => (await server.query(undefined, 'SHOW MASTER STATUS'))[0]?.['Position'];
    const before = await placeNow();
    await server.query('bank', 'UPDATE north SET amount = amount - 1 WHERE id = 1');
    // Why they cannot be: money moves, and the place stays.
    expect(await placeNow()).toBe(before);
    expect(await wayOn(server)).toBe('single');
  });

  it('are not relied on where changes arrive from another server and are not logged', async () => {
    const [primary, replica] = [
      await serverWith({ 'server-id': '1' }),
      await serverWith({ 'server-id': '2' }),
    ];
    const placeNow = async () => (await replica.query(undefined, 'SHOW MASTER STATUS'))[0]?.['Position'];
    const north = async () =>
      (await replica.query('bank', 'SELECT amount FROM north WHERE id = 1'))[0]?.['amount'];
    await primary.query(
      undefined,
      "CREATE USER copier@'%' IDENTIFIED BY 'horse'; GRANT REPLICATION SLAVE ON *.* TO copier@'%'",
    );
    const [at] = await primary.query(undefined, 'SHOW MASTER STATUS');
    await replica.query(
      undefined,
      `CHANGE MASTER TO MASTER_HOST='${primary.host}', MASTER_PORT=${primary.port}, MASTER_USER='copier', MASTER_PASSWORD='horse', MASTER_LOG_FILE='${at?.['File']}', MASTER_LOG_POS=${at?.['Position']}; START SLAVE`,
    );
    const before = await placeNow();
    await primary.query('bank', 'UPDATE north SET amount = 7 WHERE id = 1');
    await expect.poll(north, { timeout: 60_000 }).toBe(7);
    expect(await placeNow()).toBe(before);
    expect(await wayOn(replica)).toBe('single');
  });
});

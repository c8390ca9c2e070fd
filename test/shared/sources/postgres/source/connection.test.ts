import { chmod, chown, copyFile, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { isHoldfastError } from '../../../../../shared/core/errors.ts';
import { connect, disconnect, query } from '../../../../../shared/sources/postgres/connection/connection.ts';
import {
  type Environment,
  parsePostgresOptions,
} from '../../../../../shared/sources/postgres/connection/options.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from './reading.ts';

const TLS = path.resolve('test/fixtures/postgres/tls');
const CA = path.join(TLS, 'ca.crt');
let server: PostgresServer;

/** A server with TLS, where the database `tls_only` takes nothing else, and `plain_only` takes no TLS. */
async function prepare(dataFolder: string): Promise<void> {
  for (const name of ['server.crt', 'server.key']) {
    const file = path.join(dataFolder, name);
    await copyFile(path.join(TLS, name), file);
    await chmod(file, 0o600);
    if (process.getuid?.() === 0) await chown(file, 65534, 65534);
  }
  const hba = path.join(dataFolder, 'pg_hba.conf');
  const rules = 'hostnossl tls_only all all reject\nhostssl plain_only all all reject\n';
  await writeFile(hba, rules + (await readFile(hba, 'utf8')));
}

beforeAll(async () => {
  server = await ownPostgres(18, {
    prepare,
    settings: { ssl: 'on', listen_addresses: "'127.0.0.1,::1'", wal_level: 'minimal', max_wal_senders: '0' },
  });
  for (const name of ['tls_only', 'plain_only']) await server.createDatabase(name);
});
afterAll(() => server?.stop());

interface To {
  readonly database?: string;
  readonly host?: string;
  readonly query?: string;
  readonly env?: Environment;
}

/** Whether the session is encrypted. @throws what connecting throws */
async function encrypted({
  database = 'postgres',
  host = 'localhost',
  query: settings = '',
  env = {},
}: To): Promise<boolean> {
  const url = `postgres://postgres:${server.password}@${host}:${server.port}/${database}?${settings}`;
  const client = await connect(parsePostgresOptions(url, {}, env), never);
  const [row] = await query<{ ssl: boolean }>(
    client,
    'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    never,
  );
  await disconnect(client);
  return row?.ssl === true;
}

describe('sslmode', () => {
  test.each([
    ['disable', 'postgres', false],
    ['allow', 'postgres', false],
    ['allow', 'tls_only', true],
    ['prefer', 'postgres', true],
    ['prefer', 'plain_only', false],
    ['require', 'postgres', true],
  ])('%s with the database %s: encrypted %s', async (mode, database, expected) => {
    await expect(encrypted({ database, query: `sslmode=${mode}` })).resolves.toBe(expected);
  });

  test('disable does not fall back to TLS', async () => {
    await expect(encrypted({ database: 'tls_only', query: 'sslmode=disable' })).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
    });
  });

  test('require does not fall back to plain text', async () => {
    await expect(encrypted({ database: 'plain_only', query: 'sslmode=require' })).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
    });
  });

  test.each([
    ['verify-full, the authority and the name fit', 'localhost', `sslmode=verify-full&sslrootcert=${CA}`],
    [
      'verify-ca, the authority fits and the name does not',
      '127.0.0.1',
      `sslmode=verify-ca&sslrootcert=${CA}`,
    ],
  ])('%s', async (_, host, settings) => {
    await expect(encrypted({ host, query: settings })).resolves.toBe(true);
  });

  test.each([
    ['verify-full, another name', '127.0.0.1', `sslmode=verify-full&sslrootcert=${CA}`],
    ['verify-full, another authority', 'localhost', `sslmode=verify-full&sslrootcert=${TLS}/other-ca.crt`],
    ['verify-full, the authorities that Node.js knows', 'localhost', 'sslmode=verify-full'],
    ['verify-ca, another authority', 'localhost', `sslmode=verify-ca&sslrootcert=${TLS}/other-ca.crt`],
    ['require with an authority checks it', 'localhost', `sslmode=require&sslrootcert=${TLS}/other-ca.crt`],
  ])('%s: refused', async (_, host, settings) => {
    await expect(encrypted({ host, query: settings })).rejects.toMatchObject({ code: 'E_SOURCE_UNTRUSTED' });
  });

  test('a file of certificates that is not there is named', async () => {
    await expect(encrypted({ query: 'sslmode=verify-full&sslrootcert=/no/such.pem' })).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('/no/such.pem'),
    });
  });

  test('comes from PGSSLMODE and PGSSLROOTCERT too', async () => {
    await expect(encrypted({ env: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: CA } })).resolves.toBe(true);
  });

  test('a running query under TLS is stopped on the server', async () => {
    const url = `postgres://postgres:${server.password}@localhost:${server.port}/tls_only?sslmode=verify-full&sslrootcert=${CA}`;
    const options = parsePostgresOptions(url, {}, {});
    const client = await connect(options, never);
    const controller = new AbortController();
    const sleeping = query(client, 'SELECT pg_sleep(600)', controller.signal);
    const other = await connect(options, never);
    onTestFinished(() => disconnect(other));
    const sleepers = () => query(other, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'", never);
    while ((await sleepers()).length === 0);
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: 'E_ABORTED' });
    while ((await sleepers()).length > 0);
  });
});

describe('a server that does not let us in', () => {
  const login = (user: string, password: string, database = 'postgres', env: Environment = {}) =>
    connect(
      parsePostgresOptions(
        `postgres://${user}${password && `:${password}`}@127.0.0.1:${server.port}/${database}`,
        {},
        env,
      ),
      never,
    );

  test('wrong password: refused, and the password is nowhere in the error', async () => {
    const error = await login('postgres', 'hunter2').catch((caught: unknown) => caught);
    expect(isHoldfastError(error, 'E_SOURCE_REFUSED')).toBe(true);
    const { message, hint, details, cause } = error as Error & { hint: string; details: object };
    expect(JSON.stringify([message, hint, details, String(cause)])).not.toContain('hunter2');
  });

  test('no password: refused, with a hint', async () => {
    await expect(login('postgres', '')).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      hint: expect.stringContaining('PGPASSWORD'),
    });
  });

  test('no such database: refused by name', async () => {
    await expect(login('postgres', server.password, 'nope')).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      message: expect.stringContaining('nope'),
    });
  });

  test('the password comes from PGPASSWORD', async () => {
    await disconnect(await login('postgres', '', 'postgres', { PGPASSWORD: server.password }));
  });

  test('a folder of a Unix socket is a host', async () => {
    const folder = encodeURIComponent(path.dirname(server.dataFolder));
    const url = `postgres://postgres:${server.password}@/postgres?host=${folder}&port=${server.port}`;
    await disconnect(await connect(parsePostgresOptions(url, {}, {}), never));
  });
});

describe('a server that is not there', () => {
  /** Takes connections and never says a word. */
  async function silentPort(): Promise<number> {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void silent.close());
    silent.on('connection', (socket) => onTestFinished(() => void socket.destroy()));
    return (silent.address() as AddressInfo).port;
  }

  test('nobody listens: unreachable, worth another try', async () => {
    const options = parsePostgresOptions('postgres://u:p@127.0.0.1:1/d', {}, {});
    await expect(connect(options, never)).rejects.toMatchObject({
      code: 'E_SOURCE_UNREACHABLE',
      retryable: true,
    });
  });

  test('nobody answers: unreachable after connect_timeout', async () => {
    const options = parsePostgresOptions(
      `postgres://u:p@127.0.0.1:${await silentPort()}/d?connect_timeout=1`,
      {},
      {},
    );
    await expect(connect(options, never)).rejects.toMatchObject({ code: 'E_SOURCE_UNREACHABLE' });
  });

  test('waiting for an answer can be stopped', async () => {
    const controller = new AbortController();
    const port = await silentPort();
    const connecting = connect(
      parsePostgresOptions(`postgres://u:p@127.0.0.1:${port}/d`, {}, {}),
      controller.signal,
    );
    setImmediate(() => controller.abort());
    await expect(connecting).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

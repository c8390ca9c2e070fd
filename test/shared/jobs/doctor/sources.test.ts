import dns from 'node:dns';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, vi } from 'vitest';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { giveCertificate, makeAuthority, makeCertificate } from '../../../support/certificates.ts';
import { failure, runCommand } from '../../../support/command-line.ts';
import { type Diagnosis, diagnose, expectFault, expectHealth } from '../../../support/doctor.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { TEST_KEY } from '../../../support/repository/engine.ts';
import { turnOfAll } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';
import { session, startProxy } from '../../sources/postgres/source/reading.ts';

const it = turnOfAll(3);

const HOST = 'db.shop.example';
const CONNECTIONS = 13;

/** Looks at one database; there is no repository, which is another row. */
async function look(url: string, env: Readonly<Record<string, string>> = {}): Promise<Diagnosis> {
  const given = { argv: ['--source', 'env:SHOP', '--only', 'env:SHOP'], env: { SHOP: url, ...env } };
  return diagnose(given);
}

describe('holdfast doctor, of PostgreSQL', () => {
  let server: PostgresServer;
  const as = (user: string, at = server.url('shop')) => at.replace(/\/\/[^@]*@/, `//${user}@`);
  const through = (port: number, at = server.url('shop')) => at.replace(`:${server.port}/`, `:${port}/`);

  beforeAll(async () => {
    server = await ownPostgres(18, { settings: { max_connections: String(CONNECTIONS) } });
    await server.createDatabase('shop');
    await server.query(
      'shop',
      `CREATE TABLE small AS SELECT 1 AS x; CREATE TABLE big AS SELECT 1 AS x; CREATE SEQUENCE numbers;
       SELECT lo_from_bytea(4711, 'x');
       CREATE ROLE limited LOGIN PASSWORD 'pw'; GRANT SELECT ON small TO limited;
       CREATE ROLE reader LOGIN PASSWORD 'pw' CONNECTION LIMIT 3; GRANT pg_read_all_data TO reader`,
    );
  });
  afterAll(() => server?.stop());

  it('finds nothing where all is well, though somebody writes', async () => {
    const migration = await session(server.url('shop'));
    await migration.query('BEGIN; LOCK TABLE small IN ROW EXCLUSIVE MODE');
    expectHealth(await look(server.url('shop')));
  });

  it('that a restore or a drill writes to', async () => {
    const places = { targets: { back: { kind: 'postgres', url: as('limited:pw') } } };
    const config = { ...places, drill: { postgres: { url: as('limited:pw') } } };
    expectFault(await diagnose({ config, argv: ['--only', 'target-back'] }), {
      name: 'target-back/create',
      code: 'E_SOURCE_DENIED',
      seen: /no CREATE on shop/,
      fix: /GRANT CREATE ON DATABASE/,
    });
    expectFault(await diagnose({ config, argv: ['--only', 'drill-postgres'] }), {
      name: 'drill-postgres/create-database',
      code: 'E_SOURCE_DENIED',
      seen: /may not create databases/,
      fix: /CREATEDB/,
    });
    const well = { targets: { back: { kind: 'postgres', url: server.url('shop') } } };
    expectHealth(await diagnose({ config: well, argv: ['--only', 'target-back'] }));
  });

  it('that is down', async () => {
    expectFault(await look('postgres://me:secret-word@127.0.0.1:1/shop'), {
      name: 'env:SHOP/route',
      code: 'E_SOURCE_UNREACHABLE',
      seen: /127\.0\.0\.1:1\/shop: the port takes no connection \(ECONNREFUSED\)/,
      fix: /Start the server/,
    });
  });

  it('whose name nobody knows', async () => {
    expectFault(await look('postgres://me@db.shop.invalid/shop'), {
      name: 'env:SHOP/name',
      code: 'E_SOURCE_UNREACHABLE',
      seen: /db\.shop\.invalid cannot be looked up/,
      fix: /Correct the server's host name/,
    });
  });

  it('that takes connections and says nothing', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const argv = ['--source', 'env:SHOP', '--only', 'env:SHOP', '--seconds', '1'];
    expectFault(await diagnose({ argv, env: { SHOP: `postgres://me@127.0.0.1:${port}/shop` } }), {
      name: 'env:SHOP/tls',
      code: 'E_SOURCE_UNREACHABLE',
      seen: /no answer within 1\.0 s/,
      fix: /a PostgreSQL server listens there/,
    });
  });

  it('that refuses the password', async () => {
    expectFault(await look(as('postgres:secret-word')), {
      name: 'env:SHOP/login',
      code: 'E_SOURCE_REFUSED',
      seen: /password authentication failed/,
      fix: /Check the user, the password/,
    });
  });

  it('that has no such database', async () => {
    expectFault(await look(server.url('nothing')), {
      name: 'env:SHOP/login',
      code: 'E_SOURCE_REFUSED',
      seen: /database "nothing" does not exist/,
      fix: /Check the name of the database/,
    });
  });

  it('of which a table, a sequence and a large object may not be read', async () => {
    expectFault(await look(as('limited:pw')), {
      name: 'env:SHOP/rights',
      code: 'E_SOURCE_DENIED',
      seen: /public\.big \(no SELECT\), public\.numbers \(no SELECT on the sequence\)$/,
      fix: /pg_read_all_data/,
    });
    const limit = 'ALTER ROLE reader CONNECTION LIMIT';
    await server.query('shop', `${limit} -1`);
    expectFault(await look(as('reader:pw')), {
      name: 'env:SHOP/rights',
      code: 'E_SOURCE_DENIED',
      seen: /large objects, such as 4711/,
      fix: /GRANT SELECT ON LARGE OBJECT/,
    });
    await server.query('shop', `${limit} 3; GRANT SELECT ON LARGE OBJECT 4711 TO reader`);
  });

  it('whose connections are too few for a backup, and then all in use', async () => {
    expectFault(await look(as('reader:pw')), {
      name: 'env:SHOP/connections',
      code: 'E_SOURCE_UNREACHABLE',
      seen: /3 are left of the role's limit of 3; a backup takes up to 6/,
      fix: /raise the limit/,
    });
    const taken = Array.from({ length: CONNECTIONS }, () =>
      session(server.url('shop')).catch(() => undefined),
    );
    await Promise.all(taken);
    expectFault(await look(server.url('shop')), {
      name: 'env:SHOP/login',
      code: 'E_SOURCE_UNREACHABLE',
      seen: /too many clients already/,
      fix: /raise max_connections/,
    });
  });

  it.each([
    ['190001', /pg_dump 18 cannot read a newer major version/, /Update Holdfast/],
    ['090300', /the oldest that can be backed up is 9\.4/, /Update the server/],
  ])('of version %s', async (version, seen, fix) => {
    const found = await server.query('shop', "SELECT current_setting('server_version_num') AS n");
    const proxy = await startProxy(server.port, { from: found.rows[0].n, to: version });
    const code = 'E_SOURCE_UNSUPPORTED';
    expectFault(await look(through(proxy.port)), { name: 'env:SHOP/version', code, seen, fix });
  });

  it('whose snapshots this login may not export', async () => {
    const closed = await server.createDatabase('closed');
    await server.query(
      'closed',
      `CREATE TABLE t AS SELECT 1 AS x; REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC;
       CREATE ROLE outsider LOGIN PASSWORD 'pw'; GRANT pg_read_all_data TO outsider`,
    );
    expectFault(await look(as('outsider:pw', closed)), {
      name: 'env:SHOP/snapshot',
      code: 'E_SOURCE_DENIED',
      seen: /permission denied for function pg_export_snapshot/,
      fix: /Grant the role the right/,
    });
  });

  it('that offers no TLS where it must', async () => {
    expectFault(await look(`${server.url('shop')}?sslmode=require`), {
      name: 'env:SHOP/tls',
      code: 'E_SOURCE_UNTRUSTED',
      seen: /offers no TLS, and sslmode is require/,
      fix: /ssl = on/,
    });
  });

  it('whose settings contradict each other', async () => {
    expectFault(await look(`${server.url('shop')}?sslmode=sometimes`), {
      name: 'env:SHOP/settings',
      code: 'E_CONFIG',
      seen: /sslmode is 'sometimes'/,
      fix: /docs\/reference\/postgres\.md/,
    });
  });
});

describeWithPart('openssl', 'holdfast doctor, of the certificates of PostgreSQL', () => {
  let folder: string;
  const servers: PostgresServer[] = [];
  const url = (name: string, settings = `?sslrootcert=${folder}/ca.crt`, host = HOST) => {
    const server = servers[['good', 'old', 'soon'].indexOf(name)]!;
    return `postgres://postgres:${server.password}@${host}:${server.port}/postgres${settings}`;
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-doctor-tls-'));
    makeAuthority(folder);
    for (const [name, days] of [
      ['good', 3650],
      ['old', -1],
      ['soon', 10],
    ] as const) {
      makeCertificate(folder, name, { host: HOST, days });
      const prepare = (data: string) => giveCertificate(folder, name, data);
      servers.push(await ownPostgres(18, { prepare, settings: { ssl: 'on' } }));
      await servers.at(-1)!.query('postgres', 'CREATE TABLE t AS SELECT 1 AS x');
    }
    const real = dns.lookup;
    // No such name can be looked up here: it leads to the test's servers.
    vi.spyOn(dns, 'lookup').mockImplementation(((name: string, ...rest: [never, never]) =>
      real(name.endsWith('.shop.example') ? '127.0.0.1' : name, ...rest)) as typeof dns.lookup);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('finds nothing where the authority is named, and says whose certificate it is', async () => {
    const made = await look(url('good'));
    expectHealth(made);
    expect(made.rows.find(({ name }) => name === 'env:SHOP/tls')?.seen).toMatch(
      /certificate by An authority of our own, good until 20/,
    );
  });

  it('by an authority that is not trusted', async () => {
    expectFault(await look(url('good', '')), {
      name: 'env:SHOP/tls',
      code: 'E_SOURCE_UNTRUSTED',
      seen: /the authority that signed the server's certificate: An authority of our own/,
      fix: /as sslrootcert/,
    });
  });

  it('for another name', async () => {
    expectFault(await look(url('good', undefined, 'other.shop.example')), {
      name: 'env:SHOP/tls',
      code: 'E_SOURCE_UNTRUSTED',
      seen: /for another name: DNS:db\.shop\.example/,
      fix: /Use a host name that is in the certificate/,
    });
  });

  it('that has expired, and that soon will', async () => {
    expectFault(await look(url('old')), {
      name: 'env:SHOP/tls',
      code: 'E_SOURCE_UNTRUSTED',
      seen: /has expired/,
      fix: /Renew the certificate/,
    });
    expectFault(await look(url('soon')), {
      name: 'env:SHOP/tls',
      outcome: 'warning',
      code: 'E_SOURCE_UNTRUSTED',
      seen: /ends on \d{4}-\d{2}-\d{2}/,
      fix: /Renew it before then/,
    });
  });

  it('that nobody checks, over a network', async () => {
    expectFault(await look(url('good', '?sslmode=require')), {
      name: 'env:SHOP/tls',
      outcome: 'warning',
      code: 'E_SOURCE_UNTRUSTED',
      seen: /certificate is not checked/,
      fix: /sslmode=verify-full/,
    });
  });
});

it('is named by the errors that it finds the cause of, and by no others', async () => {
  const world = { cwd: await newFolder(), env: { USER: 'me', BACKUP_ENCRYPTION_KEY: TEST_KEY } };
  await runCommand('init -r ./backups', world);
  const down = await runCommand('backup -r ./backups --source postgres://127.0.0.1:1/shop -q', world);
  expect(down).toMatchObject(failure('E_SOURCE_UNREACHABLE', 'ECONNREFUSED'));
  expect(down.stderr).toContain('To find the cause, run: holdfast doctor\n');
  const wrong = { ...world, env: { ...world.env, BACKUP_ENCRYPTION_KEY: 'cd'.repeat(32) } };
  const error = (await runCommand('list -r ./backups --json', wrong)).json().error;
  expect(error).toMatchObject({ code: 'E_WRONG_KEY', hint: expect.stringMatching(/run: holdfast doctor$/) });
  const none = await runCommand('show -r ./backups latest', world);
  expect(none).toMatchObject(failure('E_NO_BACKUP', ''));
  expect(none.stderr).not.toContain('holdfast doctor');
});

describe('--only', () => {
  const asked = async (...argv: readonly string[]) => {
    const folder = await newFolder();
    await writeFile(path.join(folder, 'one.txt'), 'a\n');
    const sources = {
      shop: { kind: 'files', url: folder },
      orders: { kind: 'files', url: `${folder}/gone` },
    };
    const only = argv.flatMap((name) => ['--only', name]);
    return diagnose({ config: { repository: `${folder}/backups`, sources }, argv: only });
  };
  const names = async (...argv: readonly string[]) => (await asked(...argv)).rows.map(({ name }) => name);

  it('shows a check, those of a source, or one of all sources, and tries what they need', async () => {
    expect(await names('room')).toEqual(['room']);
    expect(await names('shop')).toEqual(['shop/reach', 'shop/only-files']);
    expect(await names('reach', 'key')).toEqual(['key', 'shop/reach', 'orders/reach']);
    const [row] = (await asked('orders/only-files')).rows;
    expect(row).toMatchObject({ outcome: 'not-tried', seen: 'it needs what reach looks for' });
  });

  it.each([['bukcet'], ['shop/raech']])('refuses the name of no check: %s', async (name) => {
    const world = { cwd: await newFolder(), env: { USER: 'me' } };
    const result = await runCommand(`doctor --source ./x --only ${name} -r ./backups`, world);
    expect(result).toMatchObject(failure('E_USAGE', `there is no check '${name}'`));
  });
});

it('writes lines that fit, and what was found in them', async () => {
  const world = { cwd: await newFolder(), env: { USER: 'me' } };
  for (const columns of [44, 80, 200]) {
    const { stdout, status } = await runCommand('doctor --source ./gone -r ./backups', { ...world, columns });
    const lines = stdout.split('\n');
    // Words that are longer, such as paths, are not cut.
    const hasPath = (line: string) => line.split(' ').some((word) => word.length > columns / 2);
    expect(lines.filter((line) => line.length > columns && !hasPath(line))).toEqual([]);
    expect(stdout).toMatch(/^FAILED {5}key\b/m);
    expect(stdout).toMatch(/fix:\s/);
    expect(stdout).toMatch(/^\d+ ok, 1 warning, 2 failed, \d+ not tried\.$/m);
    expect(status).toBe(12);
  }
});

describe('holdfast doctor, of other sources', () => {
  it('Firebase that is well, and that refuses', async () => {
    const server = await startFirebaseServer({ tokens: ['hush-token'] });
    onTestFinished(() => server[Symbol.asyncDispose]());
    await server.set('/', { n: { a: { b: 1 }, c: 2 } });
    const { rows, status } = await look(server.url, { FIREBASE_ACCESS_TOKEN: 'hush-token' });
    expect(rows.filter(({ outcome }) => outcome === 'failed' || outcome === 'warning')).toEqual([]);
    expect(rows.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(5);
    expect(status).toBe(0);
    const refused = await look(server.url, { FIREBASE_ACCESS_TOKEN: 'secret-word' });
    expectFault(refused, {
      name: 'env:SHOP/reach',
      code: 'E_SOURCE_REFUSED',
      seen: /./,
      fix: /./,
    });
  });

  it('files that are not there, and an empty folder', async () => {
    const folder = await newFolder();
    expectFault(await look(`${folder}/gone`), {
      name: 'env:SHOP/reach',
      code: 'E_SOURCE_UNREACHABLE',
      seen: /gone/,
      fix: /./,
    });
    expectFault(await look(folder), {
      name: 'env:SHOP/reach',
      code: 'E_EMPTY_READ',
      seen: /holds no files/,
      fix: /./,
    });
    await writeFile(path.join(folder, 'one.txt'), 'a\n');
    expect((await look(folder)).status).toBe(0);
  });
});

import { X509Certificate } from 'node:crypto';
import dns from 'node:dns';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, disconnect, query } from '../../../../shared/sources/postgres/connection/connection.ts';
import { parsePostgresOptions } from '../../../../shared/sources/postgres/connection/options.ts';
import { isRdsHost } from '../../../../shared/sources/rds/hosts.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { giveCertificate, makeAuthority, makeCertificate } from '../../../support/certificates.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';

const HOST = 'shop.c0ffee.eu-west-1.rds.amazonaws.com';

interface Authority {
  readonly name: string;
  readonly validTo: string;
  readonly pem: string;
}
/** What Holdfast ships; a test adds the authority of its own server. */
const shipped = vi.hoisted(() => ({ source: '', takenAt: '', authorities: [] as Authority[] }));
vi.mock('../../../../shared/sources/rds/rds.authorities.json', async (original) => {
  Object.assign(shipped, (await original<{ readonly default: object }>()).default);
  return { default: shipped };
});

describeWithPart('openssl', 'a server of RDS', () => {
  let server: PostgresServer;
  let folder: string;
  let authority: string;

  beforeAll(async () => {
    await import('../../../../shared/sources/rds/authorities.ts');
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-rds-'));
    makeAuthority(folder);
    makeCertificate(folder, 'server', { host: HOST });
    authority = await readFile(path.join(folder, 'ca.crt'), 'utf8');
    server = await ownPostgres(18, {
      prepare: (dataFolder) => giveCertificate(folder, 'server', dataFolder),
      settings: { ssl: 'on', listen_addresses: "'127.0.0.1'" },
    });
    const real = dns.lookup;
    // No such name can be looked up here: it leads to the test's server.
    vi.spyOn(dns, 'lookup').mockImplementation(((name: string, ...rest: [never, never]) =>
      real(name === HOST ? '127.0.0.1' : name, ...rest)) as typeof dns.lookup);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const isEncrypted = async (settings = '') => {
    const url = `postgres://postgres:${server.password}@${HOST}:${server.port}/postgres${settings}`;
    const client = await connect(parsePostgresOptions(url, {}, {}), never);
    const [row] = await query<{ ssl: boolean }>(
      client,
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      never,
    );
    await disconnect(client);
    return row?.ssl;
  };

  it.each(['', '?sslmode=verify-ca'])(
    "is not trusted where no authority of Amazon's signed its certificate: '%s'",
    async (settings) => {
      await expect(isEncrypted(settings)).rejects.toMatchObject({ code: 'E_SOURCE_UNTRUSTED' });
    },
  );

  it('is trusted by the authorities that are shipped, though no setting says so, and by no others', async () => {
    shipped.authorities.push({ name: 'An authority of our own', validTo: '', pem: authority });
    try {
      expect(await isEncrypted()).toBe(true);
      expect(await isEncrypted('?sslmode=verify-ca')).toBe(true);
      await expect(isEncrypted('?sslrootcert=system')).rejects.toMatchObject({ code: 'E_SOURCE_UNTRUSTED' });
    } finally {
      shipped.authorities.pop();
    }
  });

  it('in a region of which no authority is shipped is refused with what to do', async () => {
    const url = 'postgres://me:secret@shop.c0ffee.rds.cn-north-1.amazonaws.com.cn/shop';
    const refused = connect(parsePostgresOptions(url, {}, {}), never);
    await expect(refused).rejects.toMatchObject({
      code: 'E_SOURCE_UNTRUSTED',
      message: expect.stringContaining('cn-north-1'),
      hint: expect.stringMatching(/cn-north-1\/cn-north-1-bundle\.pem, .* sslrootcert/),
    });
  });
});

describe('the authorities of RDS that are shipped', () => {
  const bundle = async (): Promise<typeof shipped> =>
    JSON.parse(await readFile('shared/sources/rds/rds.authorities.json', 'utf8'));

  it('are roots, which were good for ten more years when they were taken', async () => {
    const { authorities, takenAt, source } = await bundle();
    expect(source).toMatch(/^(npm|https)/);
    const later = new Date(takenAt);
    later.setFullYear(later.getFullYear() + 10);
    expect(authorities.length).toBeGreaterThan(80);
    for (const { name, pem, validTo } of authorities) {
      const certificate = new X509Certificate(pem);
      expect(certificate.ca, name).toBe(true);
      expect(certificate.verify(certificate.publicKey), name).toBe(true);
      expect(new Date(certificate.validTo).toISOString(), name).toBe(validTo);
      expect(new Date(validTo) > later, name).toBe(true);
    }
  });

  it.each(['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1', 'ap-southeast-2', 'sa-east-1'])(
    'include those of %s',
    async (region) => {
      const names = (await bundle()).authorities.map(({ name }) => name);
      for (const kind of ['RSA2048', 'RSA4096', 'ECC384'])
        expect(names).toContain(`Amazon RDS ${region} Root CA ${kind} G1`);
    },
  );
});

it.each([
  ['shop.c0ffee.eu-west-1.rds.amazonaws.com', true],
  ['shop.cluster-c0ffee.us-gov-west-1.rds.amazonaws.com', true],
  ['proxy.proxy-c0ffee.us-east-1.rds.amazonaws.com.', true],
  ['shop.c0ffee.rds.cn-north-1.amazonaws.com.cn', true],
  ['SHOP.C0FFEE.EU-WEST-1.RDS.AMAZONAWS.COM', true],
  ['rds.amazonaws.com.evil.example', false],
  ['evilrds.amazonaws.com', false],
  ['shop.c0ffee.eu-west-1.rds.amazonaws.com.evil.example', false],
  ['localhost', false],
])('%s is of RDS: %s', (host, expected) => {
  expect(isRdsHost(host)).toBe(expected);
});

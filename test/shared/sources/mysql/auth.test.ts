import { createPrivateKey, sign } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { describe, expect } from 'vitest';
import { ed25519Answer } from '../../../../shared/sources/mysql/connection/auth-ed25519.ts';
import { Session } from '../../../../shared/sources/mysql/connection/connection.ts';
import { parseMysqlOptions } from '../../../../shared/sources/mysql/connection/options.ts';
import { never } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { startAuthDouble } from './auth-double.ts';

const it = turns(3);

const PASSWORD = 'hörse battery; staple';

const WAYS = [
  {
    way: 'caching_sha2_password that knows the user',
    double: { plugin: 'caching_sha2_password', isCached: true },
    tls: false,
    told: ['fast'],
  },
  {
    way: 'caching_sha2_password in clear over TLS',
    double: { plugin: 'caching_sha2_password' },
    tls: true,
    told: ['full'],
  },
  {
    way: 'caching_sha2_password by the key of the server',
    double: { plugin: 'caching_sha2_password' },
    tls: false,
    told: ['full', 'key'],
  },
  {
    way: 'another plugin than the greeting',
    double: { plugin: 'mysql_native_password', switchTo: 'caching_sha2_password', isCached: true },
    tls: true,
    told: ['switch', 'fast'],
  },
  {
    way: 'sha256_password by the key of the server',
    double: { plugin: 'caching_sha2_password', switchTo: 'sha256_password' },
    tls: false,
    told: ['switch', 'key'],
  },
  {
    way: 'sha256_password in clear over TLS',
    double: { plugin: 'caching_sha2_password', switchTo: 'sha256_password' },
    tls: true,
    told: ['switch'],
  },
  {
    way: 'mysql_clear_password over TLS, as IAM has it',
    double: { plugin: 'mysql_native_password', switchTo: 'mysql_clear_password' },
    tls: true,
    told: ['switch'],
  },
] as const;

describe('logging in as MySQL wants it', () => {
  it.each(WAYS)(
    'works by $way, as its other client does, and not with another password',
    async ({ double, tls, told }) => {
      await using server = await startAuthDouble({ ...double, password: PASSWORD });
      const other = (password: string) =>
        createConnection({
          host: 'localhost',
          port: server.port,
          user: 'me',
          password,
          enableCleartextPlugin: true,
          ...(tls && { ssl: { rejectUnauthorized: false } }),
        });
      const ours = (password: string) => {
        const mode = tls ? `tls=verify-full&caFile=${encodeURIComponent(server.caFile)}` : 'tls=disable';
        return Session.connect(
          parseMysqlOptions(
            `mysql://me:${encodeURIComponent(password)}@localhost:${server.port}/?${mode}`,
            {},
            {},
          ),
          never,
        );
      };
      // Sees that the double stands for a server: a client that shares no code with ours and ours are told the same.
      const client = await other(PASSWORD);
      expect(server.told).toEqual(told);
      client.destroy();
      await expect(other('wrong')).rejects.toThrow('Access denied');
      const session = await ours(PASSWORD);
      expect(server.told).toEqual(told);
      session.interrupt();
      await expect(ours('wrong')).rejects.toMatchObject({ code: 'E_SOURCE_REFUSED' });
    },
  );

  it('never sends a password in clear without TLS', async () => {
    await using server = await startAuthDouble({
      plugin: 'mysql_native_password',
      switchTo: 'mysql_clear_password',
      password: PASSWORD,
    });
    const options = parseMysqlOptions(`mysql://me:secret@localhost:${server.port}/?tls=disable`, {}, {});
    await expect(Session.connect(options, never)).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      message: expect.stringContaining('clear text'),
    });
  });

  it('trusts no certificate of an authority that it does not know, nor one for another name', async () => {
    await using server = await startAuthDouble({ plugin: 'caching_sha2_password', password: PASSWORD });
    const connect = (host: string, caFile: string) =>
      Session.connect(
        parseMysqlOptions(
          `mysql://me:x@${host}:${server.port}/?tls=verify-full&caFile=${encodeURIComponent(caFile)}`,
          {},
          {},
        ),
        never,
      );
    await expect(connect('localhost', 'system')).rejects.toMatchObject({ code: 'E_SOURCE_UNTRUSTED' });
    await expect(connect('127.0.0.1', server.caFile)).rejects.toMatchObject({ code: 'E_SOURCE_UNTRUSTED' });
  });

  it('signs for ed25519 as Node.js does, given the hash of a seed', () => {
    // With a password of 32 bytes, the standard's secret is the same.
    const seed = Buffer.from('a password that has 32 bytes ...');
    const key = createPrivateKey({
      format: 'der',
      type: 'pkcs8',
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    });
    const nonce = Buffer.from('0123456789abcdef0123456789abcdef');
    expect(ed25519Answer(seed.toString(), nonce)).toEqual(sign(null, nonce, key));
  });
});

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isHoldfastError } from '../../../../../shared/core/errors.ts';
import {
  type AdapterOptions,
  type Environment,
  parsePostgresOptions,
  postgresName,
} from '../../../../../shared/sources/postgres/connection/options.ts';

const USER = { USER: 'someone' };
const parse = (url: string, options: AdapterOptions = {}, env: Environment = USER) =>
  parsePostgresOptions(url, options, env);

function problemsOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isHoldfastError(error, 'E_CONFIG')) return error.message;
    throw error;
  }
  throw new Error('no problem was found');
}

async function passwordFile(text: string, mode = 0o600): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-passfile-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'pgpass');
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

describe('connection strings', () => {
  test('give every part, percent-decoded', async () => {
    const options = parse(
      'postgresql://m%40e:p%2Fw%23@db.example:6432/my%20shop?sslmode=require&application_name=x',
    );
    expect(options).toMatchObject({
      host: 'db.example',
      port: 6432,
      user: 'm@e',
      database: 'my shop',
      applicationName: 'x',
      tls: { mode: 'require' },
    });
    await expect(options.password(options)).resolves.toBe('p/w#');
    expect(postgresName(options)).toBe('postgres://db.example:6432/my%20shop');
  });

  test.each([
    ['postgres:///shop?host=/var/run/postgresql', '/var/run/postgresql', 'shop'],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/shop', '/var/run/postgresql', 'shop'],
    ['postgres://me@/shop', 'localhost', 'shop'],
    ['postgres://[::1]:5433/shop', '::1', 'shop'],
    ['postgres://', 'localhost', 'someone'],
  ])('%s means host %s', (url, host, database) => {
    expect(parse(url)).toMatchObject({ host, database });
  });

  test('that are wrong in several ways list every problem, and never the password', () => {
    const text = problemsOf(() =>
      parse('postgres://me:hunter2@h:0/db?sslmode=maybe&sslcert=a&frobnicate=1', {
        readers: 0,
        colour: 'red',
      }),
    );
    expect(text).toMatch(/sslmode is 'maybe'/);
    expect(text).toMatch(/port is '0'/);
    expect(text).toMatch(/sslcert and sslkey/);
    expect(text).toMatch(/unknown setting 'frobnicate'/);
    expect(text).toMatch(/readers is '0'/);
    expect(text).toMatch(/unknown option 'colour'/);
    expect(text).not.toContain('hunter2');
  });

  test('that cannot be read do not show up in the message', () => {
    expect(problemsOf(() => parse('postgres://me:hunter2@ho st:x/db'))).not.toContain('hunter2');
    expect(problemsOf(() => parse('mysql://me:hunter2@h/db'))).not.toContain('hunter2');
  });
});

describe('PG* variables', () => {
  test('fill in what the connection string leaves out', async () => {
    const env = {
      PGHOST: 'envhost',
      PGPORT: '7',
      PGUSER: 'envuser',
      PGPASSWORD: 'envpw',
      PGDATABASE: 'envdb',
      PGSSLMODE: 'require',
      PGOPTIONS: '-c x=y',
      PGCONNECT_TIMEOUT: '3',
    };
    const options = parse('postgres://urluser@/urldb', {}, env);
    expect(options).toMatchObject({
      host: 'envhost',
      port: 7,
      user: 'urluser',
      database: 'urldb',
      startupOptions: '-c x=y',
      connectTimeoutMs: 3000,
      tls: { mode: 'require' },
    });
    await expect(options.password(options)).resolves.toBe('envpw');
  });

  test('give way to adapter options', () => {
    const options = parse(
      'postgres://h/db?sslmode=require',
      { tls: 'verify-full', caFile: '/ca.pem' },
      { ...USER, PGSSLROOTCERT: '/env.pem' },
    );
    expect(options.tls).toMatchObject({ mode: 'verify-full', caFile: '/ca.pem' });
  });
});

describe('TLS by default', () => {
  test.each([
    ['postgres://db.example/x', 'verify-full'],
    ['postgres://10.0.0.1/x', 'verify-full'],
    ['postgres://localhost/x', 'prefer'],
    ['postgres://127.0.0.1/x', 'prefer'],
    ['postgres:///x?host=/tmp', 'prefer'],
  ])('%s: %s', (url, mode) => {
    expect(parse(url).tls.mode).toBe(mode);
  });
});

describe('the password file', () => {
  const login = { host: 'h', port: 5432, database: 'd', user: 'u' };

  test('gives the first line that fits, with escapes', async () => {
    const file = await passwordFile(
      '#h:5432:d:u:comment\nother:*:*:*:no\n*:5432:d:u:a\\:b\\\\c\nh:*:*:*:late\n',
    );
    const options = parse('postgres://u@h/d', {}, { PGPASSFILE: file });
    await expect(options.password(login)).resolves.toBe('a:b\\c');
  });

  test('that others can read is refused', async () => {
    const file = await passwordFile('*:*:*:*:pw\n', 0o644);
    const options = parse('postgres://u@h/d', {}, { PGPASSFILE: file });
    await expect(options.password(login)).rejects.toMatchObject({ code: 'E_CONFIG' });
  });

  test('without a fitting line is a refusal, not an empty password', async () => {
    const file = await passwordFile('x:*:*:*:pw\n');
    const options = parse('postgres://u@h/d', {}, { PGPASSFILE: file });
    await expect(options.password(login)).rejects.toMatchObject({ code: 'E_SOURCE_REFUSED' });
  });
});

describe('IAM', () => {
  test('needs TLS and a region', () => {
    const text = problemsOf(() => parse('postgres://u@h/d?sslmode=prefer', { auth: 'iam' }));
    expect(text).toMatch(/needs TLS/);
    expect(text).toMatch(/needs a region/);
  });

  test('checks the certificate unless told otherwise, even on localhost', () => {
    expect(parse('postgres://u@localhost/d', { auth: 'iam', region: 'eu-west-1' }).tls.mode).toBe(
      'verify-full',
    );
  });

  test('makes a token for the login', async () => {
    const before = { ...process.env };
    onTestFinished(() => {
      process.env = before;
    });
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_SECRET_ACCESS_KEY: 'secret' });
    const options = parse('postgres://u@db.example/d', { auth: 'iam', region: 'eu-west-1' });
    const token = await options.password(options);
    expect(token).toMatch(/^db\.example:5432\/\?Action=connect&DBUser=u&.*X-Amz-Credential=AKIATEST/);
  });
});

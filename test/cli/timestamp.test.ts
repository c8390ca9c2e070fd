import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished } from 'vitest';
import { failure, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const CONFIG = `[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
[tsa]
extendedKeyUsage = critical, timeStamping
[stamping]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
`;

/** OpenSSL as an authority, behind HTTP. @param answer in place of its own */
async function startAuthority(folder: string, answer?: (query: Buffer) => Buffer | number) {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  writeFileSync(path.join(folder, 'openssl.cnf'), CONFIG);
  writeFileSync(path.join(folder, 'serial'), '01\n');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-config', 'openssl.cnf'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=CA',
    '-extensions',
    'ca',
  );
  openssl('req', ...key, '-keyout', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=TSA');
  openssl(
    ...['x509', '-req', '-in', 'tsa.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-out', 'tsa.pem', '-extfile', 'openssl.cnf', '-extensions', 'tsa'],
  );
  const stamp = (query: Buffer): Buffer => {
    writeFileSync(path.join(folder, 'query'), query);
    openssl(
      ...['ts', '-reply', '-queryfile', 'query', '-config', 'openssl.cnf', '-section', 'stamping'],
      ...['-signer', 'tsa.pem', '-inkey', 'tsa.key', '-out', 'answer'],
    );
    return readFileSync(path.join(folder, 'answer'));
  };
  const server = createServer(async (request, response) => {
    const query = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const given = answer?.(query) ?? query;
    if (typeof given === 'number') response.writeHead(given).end();
    else response.end(answer && given !== query ? given : stamp(query));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const isStamped = (data: string, within: string) => {
    try {
      openssl('ts', '-verify', '-data', data, '-in', within, '-CAfile', 'ca.pem');
      return true;
    } catch {
      return false;
    }
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, isStamped, stamp };
}

describe('holdfast timestamp', () => {
  let cwd: string;
  let env: Record<string, string>;
  const holdfast = (line: string) => runCommand(line, { env, cwd });
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'data.txt'), 'one\n');
    await holdfast('init');
  });

  it('has an authority stamp the newest backups, as OpenSSL checks', async () => {
    const { url, isStamped } = await startAuthority(cwd);
    expect(await holdfast(`timestamp --url ${url} -o heads.json`)).toMatchObject(
      failure('E_NO_BACKUP', 'nothing to stamp'),
    );
    const { head } = (await holdfast('backup daily --source data.txt --json')).json();
    expect(await holdfast(`timestamp --url ${url} -o heads.json`)).toMatchObject({ status: 0 });
    expect(isStamped('heads.json', 'heads.json.tsr')).toBe(true);
    const stamped = readFileSync(path.join(cwd, 'heads.json'), 'utf8');
    expect(JSON.parse(stamped).heads).toMatchObject([{ number: 1, sha256: head.sha256 }]);
    expect(await holdfast('verify --all --quick --heads heads.json')).toMatchObject({ status: 0 });
    writeFileSync(path.join(cwd, 'changed.json'), stamped.replace('"number": 1', '"number": 2'));
    expect(isStamped('changed.json', 'heads.json.tsr')).toBe(false);
    expect(await holdfast(`timestamp --url ${url} -o changed.json`)).toMatchObject(
      failure('E_USAGE', 'already exists'),
    );
  });

  it.each([
    ['refuses', () => Buffer.from('30053003020102', 'hex'), 'refuses, with the status 2'],
    ['sends a page', () => Buffer.from('<html>'), 'is not an RFC 3161 response'],
    ['answers with an error', () => 503, 'it answered 503'],
  ])('believes no authority that %s', async (_, answer, problem) => {
    const { url } = await startAuthority(cwd, answer);
    await holdfast('backup daily --source data.txt');
    expect(await holdfast(`timestamp --url ${url} -o heads.json`)).toMatchObject(
      failure('E_TIME_STAMP', problem),
    );
  });

  it('believes no stamp of another time or of something else', async () => {
    const other = await startAuthority(cwd);
    await holdfast('backup daily --source data.txt');
    let first: Buffer | undefined;
    const { url } = await startAuthority(cwd, (query) => {
      first ??= other.stamp(query);
      return first;
    });
    expect(await holdfast(`timestamp --url ${url} -o first.json --json`)).toMatchObject({ status: 0 });
    expect(await holdfast(`timestamp --url ${url} -o second.json`)).toMatchObject(
      failure('E_TIME_STAMP', 'is an answer to another request'),
    );
    await holdfast('backup daily --source data.txt');
    expect(await holdfast(`timestamp --url ${url} -o third.json`)).toMatchObject(
      failure('E_TIME_STAMP', 'is about something else'),
    );
  });

  it.each([
    ['timestamp -o x', '--url is missing'],
    ['timestamp --url ftp://a -o x', 'give http'],
    ['timestamp --url http://127.0.0.1/', '--output is missing'],
  ])('refuses %s', async (line, problem) => {
    expect(await holdfast(line)).toMatchObject(failure('E_USAGE', problem));
  });

  it('says if nobody can be reached', async () => {
    await holdfast('backup daily --source data.txt');
    expect(await holdfast('timestamp --url http://127.0.0.1:1/ -o x')).toMatchObject(
      failure('E_TIME_STAMP', 'cannot be reached'),
    );
  });
});

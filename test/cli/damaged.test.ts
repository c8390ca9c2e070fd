import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, beforeEach, describe, expect, inject, onTestFinished } from 'vitest';
import { newBucket, RGW_CREDENTIALS } from '../support/aws/ceph-rgw.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { describeWithPart } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string, more: Record<string, string> = {}) =>
  runCommand(line, { env: { ...env, ...more }, cwd });

/** A repository with one backup of two files, made once. */
let template: string;

beforeAll(async () => {
  template = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
  await writeFiles(template);
  const world = {
    env: { HOLDFAST_REPOSITORY: 'repository', BACKUP_ENCRYPTION_KEY: TEST_KEY },
    cwd: template,
  };
  for (const line of ['init', 'backup daily --source ./data'])
    expect(await runCommand(line, world)).toMatchObject({ status: 0 });
  return () => rm(template, { recursive: true, force: true });
});

beforeEach(async () => {
  cwd = await newFolder();
  await cp(template, cwd, { recursive: true });
  env = { HOLDFAST_REPOSITORY: 'repository', BACKUP_ENCRYPTION_KEY: TEST_KEY };
});

async function writeFiles(folder: string): Promise<void> {
  await cp('test/fixtures/lines/1', path.join(folder, 'data'), { recursive: true });
  await writeFile(path.join(folder, 'data/large.txt'), seededRows(9_000, 1).join(''));
}

async function files(below: string): Promise<string[]> {
  const entries = await readdir(path.join(cwd, 'repository', below), {
    recursive: true,
    withFileTypes: true,
  }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

/** Changes a byte in the largest pack, which holds data. */
async function flipByte(): Promise<string> {
  const packs = await Promise.all(
    (await files('data')).map(async (file) => ({ file, bytes: await readFile(file) })),
  );
  packs.sort((a, b) => b.bytes.length - a.bytes.length);
  const { file, bytes } = packs[0]!;
  bytes[200] = (bytes[200] ?? 0) ^ 1;
  await writeFile(file, bytes);
  return file.slice(file.indexOf('data/'));
}

describe('verify', { timeout: 60_000 }, () => {
  it('keeps its result, and says where', async () => {
    const verified = await holdfast('verify --all --json');
    expect(verified.json()).toMatchObject({ findings: [], isProven: true, interrupted: null });
    expect(await files('reports/verify')).toEqual([expect.stringContaining(verified.json().report)]);
  });

  it('quickly without a key says that nothing is proven and nothing kept', async () => {
    const verified = await holdfast('verify --all --quick', { BACKUP_ENCRYPTION_KEY: '' });
    expect(verified).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('not proven'),
      stderr: expect.stringContaining('the result is not kept: no key is configured'),
    });
    expect(await files('reports')).toEqual([]);
  });

  it('since then leaves out what was found whole', async () => {
    expect((await holdfast('verify --since 1d')).stdout).toMatch(/whole \(full\)/);
    expect(await holdfast('verify --since 1d')).toMatchObject({
      status: 0,
      stdout: 'There is nothing to verify.\n',
    });
    await holdfast('backup daily --source ./data');
    expect((await holdfast('verify --since 1d --json')).json().backups).toHaveLength(1);
    for (const wrong of ['yesterday', '7', '3099-01-01', '7w'])
      expect(await holdfast(`verify --since ${wrong}`)).toMatchObject(
        failure('E_USAGE', `--since is '${wrong}'`),
      );
    expect(await holdfast('verify latest --since 1d')).toMatchObject(failure('E_USAGE', 'not both'));
  });
});

describe('a damaged repository', { timeout: 120_000 }, () => {
  it('is verified, backed up, repaired: then every backup restores whole again', async () => {
    // Made here: a backup of files knows its source by where it is.
    await rm(path.join(cwd, 'repository'), { recursive: true });
    for (const line of ['init', 'backup daily --source ./data'])
      expect(await holdfast(line)).toMatchObject({ status: 0 });
    const pack = await flipByte();
    const verified = await holdfast('verify');
    expect(verified).toMatchObject({ status: 20, stdout: expect.stringContaining(pack) });
    expect((await holdfast('repair --dry-run')).stdout).toMatch(
      /RECORDS ARE LOST[\s\S]*MISSING: [\d,]+ records/,
    );
    expect(await holdfast('repair')).toMatchObject({ status: 20 });
    expect(await holdfast('backup daily --source ./data')).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('was found damaged'),
    });
    expect(await holdfast('verify latest')).toMatchObject({ status: 0 });
    expect(await holdfast('repair --dry-run')).toMatchObject({
      status: 20,
      stdout: expect.stringContaining('a whole copy can be made'),
    });
    const repaired = await holdfast('repair --json');
    expect(repaired.status).toBe(0);
    const { damaged, report } = repaired.json();
    expect(damaged).toMatchObject([{ state: 'repaired', missing: [] }]);
    expect(await files('reports/repair')).toContainEqual(expect.stringContaining(report));
    expect(await holdfast(`restore ${damaged[0].copy} --to ./out`)).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'out/large.txt'), 'utf8')).toBe(
      await readFile(path.join(cwd, 'data/large.txt'), 'utf8'),
    );
    expect(await holdfast('verify --all')).toMatchObject({ status: 20 });
  });

  it('is salvaged: all but what is named', async () => {
    await flipByte();
    expect(await holdfast('restore latest --to ./other')).toMatchObject({ status: 20 });
    const planned = await holdfast('salvage latest --to ./nowhere --dry-run --json');
    expect(planned.status).toBe(20);
    expect(await readdir(cwd)).not.toContain('nowhere');
    const salvaged = await holdfast('salvage latest --to ./out --json');
    expect(salvaged.status).toBe(20);
    const { missing, records, comparison } = salvaged.json();
    expect(missing).toEqual(planned.json().missing);
    expect(missing).toMatchObject([{ dataset: 'large.txt', partition: '0', plainBytes: expect.any(Number) }]);
    const [{ fromRecord, records: lost }] = missing;
    const lines = (await readFile(path.join(cwd, 'data/large.txt'), 'utf8')).match(/.*\n/g) ?? [];
    lines.splice(fromRecord - 1, lost);
    expect(await readFile(path.join(cwd, 'out/large.txt'), 'utf8')).toBe(lines.join(''));
    expect(comparison.every(({ equal }: { readonly equal: boolean }) => equal)).toBe(true);
    expect(records).toBeGreaterThan(9000 - lost);
    expect(await holdfast('salvage latest --to ./out')).toMatchObject({ status: 11 });
    expect(await holdfast('salvage latest --to ./out --replace --yes -d rows.txt')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('nothing is missing'),
    });
  });
});

describe('JSON', { timeout: 60_000 }, () => {
  it('has the documented members', async () => {
    const check = expectDocumented;
    await flipByte();
    check('verify', (await holdfast('verify --json')).json());
    const repaired = (await holdfast('repair --json')).json();
    check('repair', repaired);
    const salvaged = (await holdfast('salvage latest --to ./out --json')).json();
    check('salvage', salvaged);
  });
});

/** Passes requests on to the store until it is told what to answer instead. */
async function proxyTo(
  endpoint: string,
  answer: (request: IncomingMessage, n: number) => number | undefined,
) {
  const to = new URL(endpoint);
  let n = 0;
  const server = createServer((incoming, outgoing: ServerResponse) => {
    const status = answer(incoming, n++);
    if (status !== undefined) {
      incoming.resume();
      const code = status === 503 ? 'SlowDown' : status === 403 ? 'AccessDenied' : 'NoSuchKey';
      outgoing.writeHead(status, { 'content-type': 'application/xml', date: new Date().toUTCString() });
      outgoing.end(
        incoming.method === 'HEAD' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`,
      );
      return;
    }
    const { method = 'GET', url: target = '/', headers } = incoming;
    const passed = request({ host: to.hostname, port: to.port, method, path: target, headers }, (back) => {
      outgoing.writeHead(back.statusCode ?? 500, back.headers);
      back.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describeWithPart('ceph-rgw', 'a store behind a bad line', () => {
  beforeEach(async () => {
    for (const [name, value] of [
      ['AWS_ACCESS_KEY_ID', RGW_CREDENTIALS.accessKeyId],
      ['AWS_SECRET_ACCESS_KEY', RGW_CREDENTIALS.secretAccessKey],
    ] as const) {
      const before = process.env[name];
      process.env[name] = value;
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ s3: { forcePathStyle: true } }));
    env = {
      HOLDFAST_REPOSITORY: `s3://${await newBucket()}`,
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      BACKUP_S3_REGION: 'us-east-1',
    };
    env['AWS_ENDPOINT_URL_S3'] = inject('rgwEndpoint');
    for (const line of ['init', 'backup daily --source ./data'])
      expect(await holdfast(line)).toMatchObject({ status: 0 });
  });

  const isPack = ({ method, url = '' }: IncomingMessage) => method === 'GET' && url.includes('/data/');

  it('that throttles: verified all the same', async () => {
    const endpoint = await proxyTo(inject('rgwEndpoint'), (_, n) => (n % 3 === 1 ? 503 : undefined));
    expect(await holdfast('verify', { AWS_ENDPOINT_URL_S3: endpoint })).toMatchObject({ status: 0 });
  });

  it('that has one pack no more: damage', async () => {
    let gone: string | undefined;
    const endpoint = await proxyTo(inject('rgwEndpoint'), (asked) => {
      if (isPack(asked)) gone ??= asked.url?.split('?')[0];
      return isPack(asked) && asked.url?.startsWith(gone ?? '-') ? 404 : undefined;
    });
    expect(await holdfast('verify', { AWS_ENDPOINT_URL_S3: endpoint })).toMatchObject({
      status: 20,
      stdout: expect.stringContaining('is missing'),
    });
  });

  it('that refuses from some request on: no word of damage, and no success', async () => {
    const endpoint = await proxyTo(inject('rgwEndpoint'), (_, n) => (n > 5 ? 403 : undefined));
    const result = await holdfast('verify', { AWS_ENDPOINT_URL_S3: endpoint });
    expect(result).toMatchObject(failure('E_STORE_DENIED', 'refused access'));
  });

  it('that refuses once damage was found: both are said', async () => {
    let packs = 0;
    const endpoint = await proxyTo(inject('rgwEndpoint'), (asked, n) => {
      if (packs > 1) return 403;
      return n > 4 && isPack(asked) && ++packs === 1 ? 404 : undefined;
    });
    const result = await holdfast('verify', { AWS_ENDPOINT_URL_S3: endpoint });
    expect(result).toMatchObject({
      status: 20,
      stdout: expect.stringMatching(/DAMAGED[\s\S]*NOT EVERYTHING WAS CHECKED/),
    });
    expect(result.stderr).toContain('the result is not kept');
  });

  it('that takes no writes: verified, with a warning', async () => {
    const endpoint = await proxyTo(inject('rgwEndpoint'), ({ method }) =>
      method === 'PUT' ? 403 : undefined,
    );
    expect(await holdfast('verify', { AWS_ENDPOINT_URL_S3: endpoint })).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('whole (full)'),
      stderr: expect.stringContaining('the result is not kept'),
    });
  });
});

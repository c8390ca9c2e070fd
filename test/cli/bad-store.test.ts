import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { beforeEach, expect, inject, onTestFinished } from 'vitest';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../support/aws/ceph-rgw.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { describeWithPart } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string) => runCommand(line, { env, cwd });

beforeEach(async () => {
  cwd = await newFolder();
  // The AWS SDK reads its credentials from the process.
  for (const [name, value] of Object.entries(credentials())) {
    const before = process.env[name];
    process.env[name] = value;
    onTestFinished(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
  await writeFile(path.join(cwd, 'data.txt'), seededRows(800, 1).join(''));
  env = { BACKUP_ENCRYPTION_KEY: TEST_KEY, BACKUP_S3_REGION: 'us-east-1' };
  await writeFile(
    path.join(cwd, 'holdfast.config.json'),
    JSON.stringify({ s3: { forcePathStyle: true }, sources: { lines: { kind: 'files', url: 'data.txt' } } }),
  );
});

function credentials() {
  return {
    AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
  };
}

describeWithPart('ceph-rgw', 'a repository in S3', () => {
  beforeEach(() => {
    env['AWS_ENDPOINT_URL_S3'] = inject('rgwEndpoint');
  });

  it('goes from init to restore, from the bucket that the environment names', async () => {
    env['BACKUP_S3_BUCKET'] = await newBucket();
    for (const line of [
      'init',
      'test',
      'backup daily',
      'backup',
      'verify --all',
      'restore latest --type daily --to ./out',
      'status',
    ])
      expect(await holdfast(line), line).toMatchObject({ status: 0 });
    expect((await holdfast('list --json')).json().backups).toHaveLength(2);
  });

  it('whose bucket is missing', async () => {
    env['BACKUP_S3_BUCKET'] = 'no-such-bucket-anywhere';
    for (const line of ['init', 'list', 'backup'])
      expect(await holdfast(`${line} -q`), line).toMatchObject(
        failure('E_NO_REPOSITORY', 'there is no bucket no-such-bucket-anywhere'),
      );
  });

  it('is not at that prefix', async () => {
    const bucket = await newBucket();
    expect(await holdfast(`list -r s3://${bucket}/shop`)).toMatchObject(
      failure('E_NO_REPOSITORY', `there is no repository at s3://${bucket}/shop`),
    );
  });

  it.each([{ AWS_SECRET_ACCESS_KEY: 'wrong-secret-word' }, { AWS_ACCESS_KEY_ID: 'AKIAUNKNOWNUNKNOWN00' }])(
    'that refuses access (%#)',
    async (wrong) => {
      env['BACKUP_S3_BUCKET'] = await newBucket();
      expect(await holdfast('init')).toMatchObject({ status: 0 });
      Object.assign(process.env, wrong);
      for (const line of ['list', 'backup', 'verify latest']) {
        const result = await holdfast(`${line} -q`);
        expect(result, line).toMatchObject(failure('E_STORE_DENIED', 'refused access'));
        expect(result.stderr).not.toContain('wrong-secret-word');
      }
    },
  );

  it('from which an object was taken', async () => {
    const bucket = await newBucket();
    env['BACKUP_S3_BUCKET'] = bucket;
    for (const line of ['init', 'backup']) expect(await holdfast(line)).toMatchObject({ status: 0 });
    const { endpoint = '', region = '' } = rgwOptions(bucket);
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: RGW_CREDENTIALS });
    const { Contents = [] } = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: 'data/' }),
    );
    await client.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } }),
    );
    client.destroy();
    for (const depth of ['--quick', '--full'])
      expect(await holdfast(`verify ${depth} latest`)).toMatchObject({
        status: 20,
        stdout: expect.stringContaining('DAMAGED'),
      });
    expect(await holdfast('restore latest --to ./out -q')).toMatchObject({ status: 20 });
    expect(await holdfast('backup')).toMatchObject({ status: 0 });
    expect(await holdfast('verify latest')).toMatchObject({ status: 0 });
  });
});

it('a store whose clock is another says that it is the clock', async () => {
  const server = createServer((_, response) => {
    response.writeHead(403, { date: new Date().toUTCString() });
    response.end('<?xml version="1.0"?><Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  env['AWS_ENDPOINT_URL_S3'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await holdfast('list -r s3://bucket')).toMatchObject(
    failure('E_CLOCK_SKEW', "this machine's clock differs too much from the store's"),
  );
});

it('a store that cannot be reached may be there later', async () => {
  env['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:1';
  expect(await holdfast('list -r s3://bucket')).toMatchObject(failure('E_STORE_UNAVAILABLE', 'ECONNREFUSED'));
});

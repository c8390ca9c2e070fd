import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, inject, onTestFinished } from 'vitest';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../support/aws/ceph-rgw.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { describeWithPart } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { ORIGINAL_PASSPHRASE, originalFile } from '../support/sources/original.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

/** As the original named its objects. */
const FILE = 'backups/daily/20240301/backup_daily_20240301_020000.json';

let cwd: string;
let env: Record<string, string>;
const holdfast = (line: string) => runCommand(line, { env, cwd });

beforeEach(async () => {
  cwd = await newFolder();
  env = { BACKUP_ENCRYPTION_KEY: TEST_KEY, HOLDFAST_REPOSITORY: path.join(cwd, 'place') };
});

async function put(name: string, content: string | Uint8Array): Promise<void> {
  const file = path.join(cwd, 'place', name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}

describe('variables of the original', () => {
  const url = 'https://game.firebaseio.com';
  const sourceOf = async (more: Record<string, string>, line = 'import export.json --at 2024-03-01') => {
    env = { ...env, ...more };
    await writeFile(path.join(cwd, 'export.json'), '{"a":1}');
    const made = await holdfast(`${line} --json`);
    return made.status === 0 ? made.json().source.name : made.json().error;
  };
  beforeEach(async () => {
    expect((await holdfast('init')).status).toBe(0);
  });

  it('name the database by DATABASE_URL where that is one of Firebase, and nothing says otherwise', async () => {
    expect(await sourceOf({ DATABASE_URL: 'postgres://hush:hush@db.example/app' })).toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining('no source was given'),
    });
    expect(await sourceOf({ DATABASE_URL: `${url}/?auth=hush` })).toBe(url);
    expect((await holdfast('import export.json --at 2024-03-01')).stderr).not.toMatch(/hush|warning/);
    expect(await sourceOf({ FIREBASE_DATABASE_URL: 'https://other.firebaseio.com' })).toBe(
      'https://other.firebaseio.com',
    );
    const { FIREBASE_DATABASE_URL: _, ...rest } = env;
    env = rest;
    const sources = { mine: { kind: 'firebase-rtdb', url: 'https://mine.firebaseio.com' } };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ sources }));
    expect(await sourceOf({})).toBe('mine');
  });

  it('are read from a file that is named, never from one that lies there, and lose to those that are set', async () => {
    const { HOLDFAST_REPOSITORY: place = '', ...rest } = env;
    env = rest;
    const text = `HOLDFAST_REPOSITORY=${place}\nDATABASE_URL="${url}"\nNODE_TLS_REJECT_UNAUTHORIZED=0\nSECRET=hush\n`;
    await writeFile(path.join(cwd, '.env'), text, { mode: 0o600 });
    const without = await holdfast('list');
    expect(without).toMatchObject(failure('E_CONFIG', 'no repository is configured'));
    expect(without.stderr).toContain('is read only with --env-file .env');
    expect(await holdfast('list --env-file .env')).toMatchObject({ status: 0, stderr: '' });
    expect(await sourceOf({}, 'import export.json --at 2024-03-01 --env-file=.env')).toBe(url);
    const elsewhere = path.join(cwd, 'nowhere');
    expect(await holdfast(`list --env-file .env -r ${elsewhere}`)).toMatchObject(
      failure('E_NO_REPOSITORY', elsewhere),
    );
    env = { ...env, HOLDFAST_REPOSITORY: elsewhere };
    expect(await holdfast('list --env-file .env')).toMatchObject(failure('E_NO_REPOSITORY', elsewhere));
    expect(process.env['NODE_TLS_REJECT_UNAUTHORIZED']).toBeUndefined();
    await writeFile(path.join(cwd, 'open.env'), text, { mode: 0o644 });
    expect((await holdfast('list --env-file open.env')).stderr).toContain('chmod 600');
    for (const name of ['none.env', '--json'])
      expect(await holdfast(`list --env-file ${name}`)).toMatchObject({ status: 2 });
  });

  it('are helped by the key file that lies in the folder, the last login that is tried', async () => {
    await writeFile(path.join(cwd, 'firebaseServiceAccountKey.json'), '{"private_key":"hush"}');
    const refused = await holdfast(`backup --source ${url}`);
    expect(refused).toMatchObject(
      failure('E_CONFIG', 'firebaseServiceAccountKey.json is not a service account: missing or wrong: type'),
    );
    expect(refused.stderr).not.toContain('hush');
    env = { ...env, FIREBASE_CLIENT_EMAIL: 'a@b', FIREBASE_PRIVATE_KEY: 'hush' };
    const parts = await holdfast(`backup --source ${url}`);
    expect(parts).toMatchObject(
      failure('E_CONFIG', 'what FIREBASE_CLIENT_EMAIL and FIREBASE_PRIVATE_KEY hold'),
    );
    expect(parts.stderr).not.toContain('hush');
  });
});

describe('a place with files of the original', () => {
  it.each([
    [`${FILE}.gz`, originalFile({}, { a: 1 }, ORIGINAL_PASSPHRASE)],
    [FILE, '{"metadata":{},"data":{"a":1}}'],
    [FILE, ''],
  ])('is told from a repository by every command alike: %s', async (name, content) => {
    await put(name, content);
    const refused = failure('E_FOREIGN_REPOSITORY', `holds backups of another system, such as ${name}`);
    for (const line of ['init', 'list', 'status', 'backup --source data', 'verify --all', 'test'])
      expect(await holdfast(line), line).toMatchObject(refused);
    expect((await holdfast('list')).stderr).toContain('holdfast import');
    expect((await holdfast(`init -r ${path.join(cwd, 'place', 'holdfast')}`)).status).toBe(0);
  });

  it('is not taken for one when a repository has lost its first file, nor is that made anew', async () => {
    await writeFile(path.join(cwd, 'data.txt'), 'a line\n');
    for (const line of ['init', 'backup --source data.txt']) expect((await holdfast(line)).status).toBe(0);
    await rm(path.join(cwd, 'place', 'repository.json'));
    const lost = failure(
      'E_NO_REPOSITORY',
      'repository.json is missing, but backups of its repository are there',
    );
    for (const line of ['init', 'list', 'status']) expect(await holdfast(line), line).toMatchObject(lost);
  });
});

describeWithPart('ceph-rgw', 'a bucket with rules of its own', () => {
  let bucket: string;
  beforeEach(async () => {
    bucket = await newBucket();
    env = {
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      BACKUP_S3_BUCKET: bucket,
      BACKUP_S3_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_S3: inject('rgwEndpoint'),
    };
    // The AWS SDK reads its credentials from the process.
    const { accessKeyId, secretAccessKey } = RGW_CREDENTIALS;
    for (const [name, value] of [
      ['AWS_ACCESS_KEY_ID', accessKeyId],
      ['AWS_SECRET_ACCESS_KEY', secretAccessKey],
    ] as const) {
      const before = process.env[name];
      process.env[name] = value;
      onTestFinished(() => {
        if (before === undefined) delete process.env[name];
        else process.env[name] = before;
      });
    }
    await writeFile(path.join(cwd, 'data.txt'), 'a line\n');
  });

  const client = () => {
    const { endpoint = '', region = '', credentials } = rgwOptions(bucket);
    return new S3Client({ endpoint, region, forcePathStyle: true, ...(credentials && { credentials }) });
  };
  const rule = (given: Partial<LifecycleRule>) =>
    client().send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: bucket,
        LifecycleConfiguration: {
          Rules: [{ ID: 'old-backups', Status: 'Enabled', Filter: { Prefix: 'backups/' }, ...given }],
        },
      }),
    );

  it('is refused where the rule of the original would expire manifests, and taken below a prefix', async () => {
    await client().send(
      new PutObjectCommand({ Bucket: bucket, Key: `${FILE}.gz`, Body: originalFile({}, { a: 1 }) }),
    );
    const taken = failure('E_FOREIGN_REPOSITORY', `holds backups of another system, such as ${FILE}.gz`);
    for (const line of ['init', 'list']) expect(await holdfast(line), line).toMatchObject(taken);
    await rule({ Expiration: { Days: 30 } });
    expect(await holdfast('init')).toMatchObject(
      failure('E_UNSAFE_BUCKET', 'rule old-backups removes what is below backups/ after 30 days'),
    );
    expect((await holdfast('init')).stderr).toContain(`s3://${bucket}/holdfast`);
    expect(await holdfast(`init -r s3://${bucket}/holdfast`)).toMatchObject({ status: 0, stderr: '' });
  });

  it('is looked at again by test, status and backup', async () => {
    for (const line of ['init', 'backup --source data.txt -q', 'test -q', 'status -q'])
      expect(await holdfast(line), line).toMatchObject({ status: 0, stderr: '' });
    await rule({ Expiration: { Days: 30 }, Filter: { Prefix: '' } });
    const danger = 'rule old-backups removes everything after 30 days';
    expect(await holdfast('test -q')).toMatchObject(failure('E_UNSAFE_BUCKET', danger));
    const status = await holdfast('status');
    expect(status.status).toBe(11);
    expect(status.stdout).toMatch(new RegExp(`Next:\n  - .*${danger}`, 'i'));
    expect((await holdfast('status --json')).json().bucket).toEqual({
      dangers: [{ rule: 'old-backups', effect: 'expires', problem: expect.stringContaining(danger) }],
      unread: null,
    });
    const made = await holdfast('backup --source data.txt -q');
    expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining(`warning: ${danger}`) });
  });

  it('is taken where its rules only touch what backups do not need', async () => {
    for (const harmless of [
      { Expiration: { Days: 7 }, Filter: { Prefix: 'exports/' } },
      { Expiration: { Days: 7 }, Filter: { Prefix: 'backups-of-others/' } },
      { Expiration: { Days: 7 }, Status: 'Disabled' as const },
      { Expiration: { Days: 7 }, Filter: { And: { Prefix: 'backups/', Tags: [{ Key: 'a', Value: 'b' }] } } },
      { NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
      { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } },
    ]) {
      await rule(harmless);
      const made = await holdfast(`init -r s3://${bucket}`);
      expect(['', 'E_REPOSITORY_EXISTS'], JSON.stringify(harmless)).toContain(
        /code: (\w+)/.exec(made.stderr)?.[1] ?? '',
      );
    }
  });
});

import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { App, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryStatements } from '../../infra/constructs/permissions.ts';
import type { DeployedFunction } from '../../shared/core/config-aws.ts';
import { hasPart } from '../support/parts.ts';
import { StsRgw } from '../support/sts-rgw.ts';

const BUCKET = 'roles';
const PACK = 'data/ab/abcd';
const MANIFEST = 'backups/daily/20261126/backup_daily_20261126_020000.json';
const OBJECTS = [
  'repository.json',
  PACK,
  MANIFEST,
  'reports/verify/x.json',
  `expired/20261126T020000Z/${MANIFEST}`,
  'runs/ab/plan',
  'exports/ab/shop.sql',
];
const place = { bucketArn: `arn:aws:s3:::${BUCKET}`, prefix: '', keyArn: 'arn:aws:kms:::key', deltas: true };

/** What the role of a job may do to S3, as it is synthesised. */
function policyOf(job: DeployedFunction): object {
  const stack = new Stack(new App(), 'Roles');
  const statements = repositoryStatements(job, place).map((statement) =>
    stack.resolve(statement.toStatementJson()),
  );
  return {
    Version: '2012-10-17',
    Statement: statements.filter(({ Action }) => JSON.stringify(Action).includes('s3:')),
  };
}

type Outcome = 'allowed' | 'AccessDenied' | 'PreconditionFailed';

async function outcome(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call;
    return 'allowed';
  } catch (error) {
    return (error as Error).name as Outcome;
  }
}

const put = (client: S3Client, Key: string) =>
  outcome(client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x', IfNoneMatch: '*' })));
const remove = (client: S3Client, Key: string) =>
  outcome(client.send(new DeleteObjectCommand({ Bucket: BUCKET, Key })));
const read = (client: S3Client, Key: string) =>
  outcome(client.send(new GetObjectCommand({ Bucket: BUCKET, Key })));

describe.runIf(hasPart('ceph-rgw'))('roles, as Ceph RGW enforces them', () => {
  let rgw: StsRgw;
  let owner: S3Client;

  beforeAll(async () => {
    rgw = await StsRgw.start();
    await rgw.makeBucket(BUCKET);
    owner = rgw.owner();
    for (const Key of OBJECTS) await owner.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'x' }));
  });
  afterAll(async () => {
    owner?.destroy();
    await rgw?.[Symbol.asyncDispose]();
  });

  it('backup adds packs, and deletes, overwrites and lists nothing as a backup', async () => {
    const client = await rgw.assume('backup-partition', policyOf('backup-partition'));
    for (const key of OBJECTS) expect(await remove(client, key), key).toBe('AccessDenied');
    expect(await put(client, PACK)).toBe('PreconditionFailed');
    expect(await put(client, MANIFEST.replace('02', '03'))).toBe('AccessDenied');
    expect(await put(client, 'data/cd/new')).toBe('allowed');
    expect(await read(client, PACK)).toBe('allowed');
  });

  it('prune reads no pack, and removes what it must', async () => {
    const client = await rgw.assume('prune', policyOf('prune'));
    expect(await read(client, PACK)).toBe('AccessDenied');
    expect(await put(client, 'data/ef/new')).toBe('AccessDenied');
    expect(await remove(client, 'reports/verify/x.json')).toBe('AccessDenied');
    expect(await read(client, MANIFEST)).toBe('allowed');
    await owner.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'data/ef/old', Body: 'x' }));
    expect(await remove(client, 'data/ef/old')).toBe('allowed');
  });

  it('restore writes reports, and neither data nor backups', async () => {
    const client = await rgw.assume('restore', policyOf('restore'));
    expect(await put(client, 'data/ef/restore')).toBe('AccessDenied');
    expect(await put(client, 'backups/daily/x.json')).toBe('AccessDenied');
    expect(await remove(client, PACK)).toBe('AccessDenied');
    expect(await read(client, PACK)).toBe('allowed');
    expect(await put(client, 'reports/restore/x.json')).toBe('allowed');
  });

  it('the watchdog lists and reads manifests, and no pack', async () => {
    const client = await rgw.assume('watchdog', policyOf('watchdog'));
    expect(await read(client, PACK)).toBe('AccessDenied');
    expect(await put(client, 'reports/x.json')).toBe('AccessDenied');
    expect(await remove(client, MANIFEST)).toBe('AccessDenied');
    expect(await read(client, MANIFEST)).toBe('allowed');
    expect(await outcome(client.send(new ListObjectsV2Command({ Bucket: BUCKET })))).toBe('allowed');
  });

  it('the API reads manifests and exports, no pack, and writes nothing', async () => {
    const client = await rgw.assume('admin-api', policyOf('admin-api'));
    expect(await read(client, PACK)).toBe('AccessDenied');
    expect(await read(client, 'runs/ab/plan')).toBe('AccessDenied');
    for (const key of ['reports/x.json', 'exports/x.sql', 'data/cd/x'])
      expect(await put(client, key), key).toBe('AccessDenied');
    for (const key of OBJECTS) expect(await remove(client, key), key).toBe('AccessDenied');
    expect(await read(client, MANIFEST)).toBe('allowed');
    expect(await read(client, 'exports/ab/shop.sql')).toBe('allowed');
    expect(await outcome(client.send(new ListObjectsV2Command({ Bucket: BUCKET })))).toBe('allowed');
  });

  it('decide writes reports, and nothing else', async () => {
    const client = await rgw.assume('decide', policyOf('decide'));
    expect(await read(client, PACK)).toBe('AccessDenied');
    expect(await put(client, 'backups/daily/x.json')).toBe('AccessDenied');
    expect(await remove(client, 'reports/verify/x.json')).toBe('AccessDenied');
    expect(await put(client, 'reports/hold/x.json')).toBe('allowed');
  });
});

import path from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { App, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyStatements } from '../../infra/constructs/copy-statements.ts';
import { repositoryStatements } from '../../infra/constructs/permissions.ts';
import type { DeployedFunction } from '../../shared/config/aws.ts';
import { resolveConfig } from '../../shared/config/config.ts';
import { API_BASE } from '../../shared/core/api-names.ts';
import { copyBackups } from '../../shared/jobs/copy/copy.ts';
import { S3Store } from '../../shared/store/s3-store.ts';
import { startAwsDoubles } from '../support/aws/aws-doubles.ts';
import { builtLambdas } from '../support/aws/bundles.ts';
import { RGW_CREDENTIALS } from '../support/aws/ceph-rgw.ts';
import { deploymentOf, IAM_CONFIG } from '../support/aws/deployment.ts';
import { rolePolicies } from '../support/aws/policy-simulator.ts';
import { startLambda } from '../support/aws/runtime-api.ts';
import { StsRgw } from '../support/aws/sts-rgw.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { hasPart } from '../support/parts.ts';
import { backUp, initRepository, never, openRepository } from '../support/repository/engine.ts';
import { hasTurn } from '../support/repository/torture.ts';
import { differences, keysBelow } from '../support/stores/second-place.ts';

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
const place = {
  bucketArn: `arn:aws:s3:::${BUCKET}`,
  prefix: '',
  keyArns: ['arn:aws:kms:::key'] as const,
  deltas: true,
};

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

describe.runIf(hasPart('ceph-rgw') && hasTurn(2, 3))('roles, as Ceph RGW enforces them', () => {
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

  it('restore writes what the audit asks for, and neither decisions, data nor backups', async () => {
    const client = await rgw.assume('restore', policyOf('restore'));
    expect(await put(client, 'data/ef/restore')).toBe('AccessDenied');
    expect(await put(client, 'backups/daily/x.json')).toBe('AccessDenied');
    expect(await remove(client, PACK)).toBe('AccessDenied');
    expect(await read(client, PACK)).toBe('allowed');
    expect(await put(client, 'reports/audit/x.json')).toBe('allowed');
    expect(await put(client, 'reports/hold/x.json')).toBe('AccessDenied');
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

  it.runIf(hasPart('runtime-client'))(
    'the bundle of the API lists with its variables and its role as synthesised, and asks for no key',
    async () => {
      const { api } = deploymentOf(IAM_CONFIG);
      const [, bucket = '', prefix = ''] = /^s3:\/\/(.+?)\/(.+)$/.exec(IAM_CONFIG.repository ?? '') ?? [];
      await rgw.makeBucket(bucket);
      const place = { bucket, prefix, endpoint: rgw.endpoint, credentials: RGW_CREDENTIALS };
      const store = new S3Store({ ...place, region: 'us-east-1', forcePathStyle: true });
      await initRepository(store);
      await using repository = await openRepository(store);
      const { key } = await backUp(repository, { orders: 'a\nb\n' });
      const statements = rolePolicies(api, 'admin-api').flatMap(({ Statement }) => Statement);
      const client = await rgw.assume('bundle-of-api', {
        Version: '2012-10-17',
        Statement: statements.filter((statement) => JSON.stringify(statement).includes('"s3:')),
      });
      const { accessKeyId, secretAccessKey, sessionToken = '' } = await client.config.credentials();
      await using aws = await startAwsDoubles();
      const secret = aws.addSecret('api-AbCdEf', 'x'.repeat(48));
      const nameOf = (id: string) =>
        /Bucket/.test(id)
          ? bucket
          : /Secret/.test(id)
            ? secret
            : /Key/.test(id)
              ? 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
              : `arn:aws:other:eu-west-1:111122223333:${id}`;
      const variables = Object.values(api.findResources('AWS::Lambda::Function'))
        .map(({ Properties }) => Properties.Environment.Variables)
        .find(({ POWERTOOLS_SERVICE_NAME }) => POWERTOOLS_SERVICE_NAME === 'admin-api');
      await using lambda = await startLambda('admin-api', {
        folder: path.join(await builtLambdas(), 'admin-api'),
        env: {
          ...(resolved(variables, nameOf) as Record<string, string>),
          ...aws.env,
          // Doubles have no such endpoints.
          AWS_USE_FIPS_ENDPOINT: 'false',
          AWS_ENDPOINT_URL_KMS: aws.endpoint,
          AWS_ENDPOINT_URL_S3: rgw.endpoint,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secretAccessKey,
          AWS_SESSION_TOKEN: sessionToken,
        },
      });
      const asks = (authorizer?: object) =>
        lambda.invoke({
          version: '2.0',
          rawPath: `${API_BASE}/list`,
          rawQueryString: 'limit=1',
          headers: { host: 'x' },
          isBase64Encoded: false,
          requestContext: {
            stage: '$default',
            http: { method: 'GET', path: `${API_BASE}/list`, sourceIp: '192.0.2.1' },
            authorizer,
          },
        }) as Promise<{ readonly statusCode: number; readonly body: string }>;
      const viewer = { iam: { userArn: 'arn:aws:sts::111122223333:assumed-role/view-all/ana' } };
      expect((await asks()).statusCode).toBe(401);
      const { statusCode, body } = await asks(viewer);
      expect([statusCode, JSON.parse(body)]).toMatchObject([200, { backups: [{ key, state: 'unproven' }] }]);
      expect(aws.kms).toEqual([]);
    },
    120_000,
  );

  it('copy brings a repository to another bucket, and replaces, removes and changes nothing in either', async () => {
    const [from, to] = ['copied-from', 'copied-to'];
    for (const bucket of [from, to]) await rgw.makeBucket(bucket);
    const settings = { endpoint: rgw.endpoint, region: 'us-east-1', forcePathStyle: true };
    const first = new S3Store({ ...settings, bucket: from, prefix: '', credentials: RGW_CREDENTIALS });
    await initRepository(first);
    await using repository = await openRepository(first);
    const { key } = await backUp(repository, { orders: 'a\nb\n' });
    const stack = new Stack(new App(), 'Copy');
    const own = repositoryStatements('copy', { ...place, bucketArn: `arn:aws:s3:::${from}` });
    const config = { copy: { there: { to: `s3://${to}/second` } } };
    const { copies } = resolveConfig({ file: config, fileName: 'config', env: {}, flags: {} });
    const statements = [...own, ...copyStatements(stack, copies)].map((statement) =>
      resolved(stack.resolve(statement.toStatementJson())),
    );
    const client = await rgw.assume('copy', { Version: '2012-10-17', Statement: statements });
    const credentials = await client.config.credentials();
    const open = (bucket: string, prefix: string) =>
      new S3Store({ ...settings, bucket, prefix, credentials });
    await using keyless = await openRepository(open(from, ''), { keys: undefined });
    const second = open(to, 'second');
    expect(await copyBackups(keyless, second, { signal: never })).toMatchObject({ passedOver: [], packs: 2 });
    expect(await differences(first, second)).toEqual([]);
    for (const object of await keysBelow(second, '')) {
      await expect(second.put(object, Buffer.from('x')), object).rejects.toMatchObject({
        code: 'E_OBJECT_EXISTS',
      });
      await expect(second.delete(object), object).rejects.toMatchObject({ code: 'E_STORE_DENIED' });
    }
    const denied = { code: 'E_STORE_DENIED' };
    for (const object of ['runs/ab/plan', 'exports/x.sql'])
      await expect(second.put(object, Buffer.from('x')), object).rejects.toMatchObject(denied);
    await expect(open(to, '').put('data/ab/x', Buffer.from('x'))).rejects.toMatchObject(denied);
    await expect(keyless.store.put('data/ab/x', Buffer.from('x'))).rejects.toMatchObject(denied);
    await expect(keyless.store.delete(key)).rejects.toMatchObject(denied);
  });

  it('decide writes reports and the word that a run is to stop, and nothing else', async () => {
    const client = await rgw.assume('decide', policyOf('decide'));
    expect(await read(client, PACK)).toBe('AccessDenied');
    expect(await put(client, 'backups/daily/x.json')).toBe('AccessDenied');
    expect(await remove(client, 'reports/verify/x.json')).toBe('AccessDenied');
    expect(await put(client, 'reports/hold/x.json')).toBe('allowed');
    expect(await put(client, 'runs/ab/plan')).toBe('AccessDenied');
    expect(await put(client, 'runs/ab/cancel')).toBe('allowed');
  });
});

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { App, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { repositoryStatements } from '../../infra/constructs/permissions.ts';
import { API_FUNCTION_NAMES, type DeployedFunction, FUNCTION_NAMES } from '../../shared/config/aws.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { verifyBackups } from '../../shared/jobs/verify/verify.ts';
import { S3Store } from '../../shared/store/s3-store.ts';
import { newLockedBucket, RGW_CREDENTIALS } from '../support/aws/ceph-rgw.ts';
import { type LockRulesProxy, lockRulesProxy } from '../support/aws/lock-rules-proxy.ts';
import { StsRgw } from '../support/aws/sts-rgw.ts';
import { hasPart } from '../support/parts.ts';
import { backUp, initRepository, never, openRepository } from '../support/repository/engine.ts';
import { seededRows } from '../support/repository/rows.ts';
import { hasTurn, turns } from '../support/repository/torture.ts';

const it = turns(3);

/** The policy that the page says, of what it says there. */
function documentedPolicy(bucket: string): object {
  const page = readFileSync('docs/guide/operations.md', 'utf8');
  const section = page.slice(page.indexOf('## Bringing older versions back')).split('\n## ')[0] ?? '';
  const [, text = ''] = /```json\n([\s\S]*?)```/.exec(section) ?? [];
  return JSON.parse(text.replaceAll('BUCKET', bucket)) as object;
}

function policyOf(jobs: readonly DeployedFunction[], bucket: string): object {
  const stack = new Stack(new App(), 'Roles');
  const place = {
    bucketArn: `arn:aws:s3:::${bucket}`,
    prefix: '',
    keyArns: ['arn:aws:kms:::key'] as const,
    deltas: true,
  };
  const statements = jobs
    .flatMap((job) => repositoryStatements(job, place))
    .map((statement) => stack.resolve(statement.toStatementJson()) as { Action: string; Sid?: string })
    .filter(({ Action }) => JSON.stringify(Action).includes('s3:'))
    .map(({ Sid: _, ...statement }) => statement);
  return { Version: '2012-10-17', Statement: statements };
}

describe.runIf(hasPart('ceph-rgw') && hasTurn(0, 3))(
  'an older version, in a bucket that takes no put twice',
  () => {
    let rgw: StsRgw;
    let proxy: LockRulesProxy;
    let bucket: string;
    let pack: string;
    let key: BackupKey;
    let roles = 0;

    /** A client with such a policy, to whom S3's rules apply. */
    async function assume(policy: object): Promise<S3Client> {
      const client = await rgw.assume(`person-${roles++}`, policy);
      return new S3Client({
        endpoint: proxy.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: await client.config.credentials(),
        requestChecksumCalculation: 'WHEN_REQUIRED',
        maxAttempts: 1,
      });
    }
    const place = () => ({
      bucket,
      prefix: '',
      endpoint: proxy.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: RGW_CREDENTIALS,
    });
    const sha256 = (body: Uint8Array) => createHash('sha256').update(body).digest();
    /** As `put-object --checksum-algorithm SHA256`, which stands for the signature of who puts. */
    const put = (client: S3Client, Key: string, Body: Uint8Array, given: object = { IfNoneMatch: '*' }) =>
      client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key,
          Body,
          ChecksumSHA256: sha256(Body).toString('base64'),
          ...given,
        }),
      );
    const hide = (client: S3Client, Key: string) =>
      client.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    async function versionsOf(client: S3Client, Key: string) {
      const { Versions = [], DeleteMarkers = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: Key }),
      );
      return { versions: Versions, markers: DeleteMarkers };
    }
    async function bytesOf(client: S3Client, Key: string, VersionId?: string): Promise<Uint8Array> {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key, VersionId }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    }
    async function findings(): Promise<number> {
      await using repository = await openRepository(new S3Store(place()));
      const keys = await repository.backupKeys(never);
      const report = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
      return keys.includes(key) ? report.findings.length : -1;
    }
    /** The steps of the page, for one object. */
    async function bringBack(client: S3Client, Key: string, isRight: (body: Uint8Array) => boolean) {
      const { versions, markers } = await versionsOf(client, Key);
      for (const { VersionId } of versions) {
        const body = await bytesOf(client, Key, VersionId);
        if (!isRight(body)) continue;
        if (!markers.some(({ IsLatest }) => IsLatest)) await hide(client, Key);
        await put(client, Key, body);
        return;
      }
      throw new Error(`no version of ${Key} is right`);
    }
    const isPack = (body: Uint8Array) => pack.endsWith(sha256(body).toString('hex'));

    beforeAll(async () => {
      rgw = await StsRgw.start();
      proxy = await lockRulesProxy(rgw.endpoint, { asWriteOnce: true });
    }, 60_000);
    afterAll(async () => {
      await proxy?.[Symbol.asyncDispose]();
      await rgw?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      bucket = await newLockedBucket({ mode: 'COMPLIANCE', days: 1 }, rgw.endpoint);
      const store = new S3Store(place());
      await initRepository(store);
      await using repository = await openRepository(store);
      ({ key } = await backUp(repository, { t: seededRows(300, 1).join('') }));
      const [first] = await Array.fromAsync(store.list('data/'));
      pack = first?.key ?? '';
      // Who took over prune, and the function that backs up: hidden, and other bytes in its place.
      const taker = await assume(policyOf([...FUNCTION_NAMES, ...API_FUNCTION_NAMES], bucket));
      await hide(taker, pack);
      await put(taker, pack, Buffer.from('garbage'));
      expect(await findings()).toBeGreaterThan(0);
    }, 60_000);

    it('cannot be put over what is there, nor can that be removed, by anybody', async () => {
      const owner = new S3Client({ ...place(), requestChecksumCalculation: 'WHEN_REQUIRED', maxAttempts: 1 });
      const { versions } = await versionsOf(owner, pack);
      const [wrong, right] = versions;
      const CopySource = `${bucket}/${pack}?versionId=${right?.VersionId}`;
      await expect(
        owner.send(new CopyObjectCommand({ Bucket: bucket, Key: pack, CopySource })),
      ).rejects.toMatchObject({ name: 'AccessDenied' });
      const body = await bytesOf(owner, pack, right?.VersionId);
      await expect(put(owner, pack, body, {})).rejects.toMatchObject({ name: 'AccessDenied' });
      await expect(put(owner, pack, body)).rejects.toMatchObject({ name: 'PreconditionFailed' });
      const version = {
        Bucket: bucket,
        Key: pack,
        VersionId: wrong?.VersionId,
        BypassGovernanceRetention: true,
      };
      await expect(owner.send(new DeleteObjectCommand(version))).rejects.toMatchObject({
        name: 'AccessDenied',
      });
      owner.destroy();
    }, 60_000);

    it('comes back by the way and with the policy that the page has', async () => {
      const person = await assume(documentedPolicy(bucket));
      await bringBack(person, pack, isPack);
      expect(await findings()).toBe(0);
    }, 60_000);

    it('of a manifest that was hidden too, when its packs are back', async () => {
      const prune = await assume(policyOf(['prune'], bucket));
      await hide(prune, key);
      expect(await findings()).toBe(-1);
      const person = await assume(documentedPolicy(bucket));
      await bringBack(person, pack, isPack);
      await bringBack(person, key, (body) => body.length > 0);
      expect(await findings()).toBe(0);
    }, 60_000);

    it('comes back when its delete marker is taken off, with a right to remove versions besides', async () => {
      const person = await assume(documentedPolicy(bucket));
      await hide(person, key);
      const { markers } = await versionsOf(person, key);
      const marker = {
        Bucket: bucket,
        Key: key,
        VersionId: markers.find(({ IsLatest }) => IsLatest)?.VersionId,
      };
      await expect(person.send(new DeleteObjectCommand(marker))).rejects.toMatchObject({
        name: 'AccessDenied',
      });
      const owner = rgw.owner();
      await owner.send(new DeleteObjectCommand(marker));
      owner.destroy();
      await bringBack(person, pack, isPack);
      expect(await findings()).toBe(0);
    }, 60_000);

    it('is read by no role of a function', async () => {
      const owner = rgw.owner();
      const { versions } = await versionsOf(owner, pack);
      owner.destroy();
      for (const job of [...FUNCTION_NAMES, ...API_FUNCTION_NAMES]) {
        const client = await assume(policyOf([job], bucket));
        const old = bytesOf(client, pack, versions[1]?.VersionId);
        await expect(old, job).rejects.toMatchObject({ name: 'AccessDenied' });
      }
    }, 60_000);
  },
);

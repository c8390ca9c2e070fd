import {
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { App, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, beforeEach, describe, expect } from 'vitest';
import { repositoryStatements } from '../../infra/constructs/permissions.ts';
import { API_FUNCTION_NAMES, type DeployedFunction, FUNCTION_NAMES } from '../../shared/config/aws.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import { lockBackups } from '../../shared/jobs/lock/lock.ts';
import { holdBackup } from '../../shared/jobs/retention/hold.ts';
import { preparePrune, runPrune } from '../../shared/jobs/retention/prune.ts';
import { verifyBackups } from '../../shared/jobs/verify/verify.ts';
import { S3Locks } from '../../shared/store/s3-locks.ts';
import { S3Store, type S3StoreOptions } from '../../shared/store/s3-store.ts';
import { newLockedBucket, RGW_CREDENTIALS } from '../support/aws/ceph-rgw.ts';
import { StsRgw } from '../support/aws/sts-rgw.ts';
import { hasPart } from '../support/parts.ts';
import { backUp, initRepository, never, openRepository } from '../support/repository/engine.ts';
import { keepLast } from '../support/repository/pruning.ts';
import { seededRows } from '../support/repository/rows.ts';
import { hasTurn, turns } from '../support/repository/torture.ts';

const it = turns(2);

const lock = { mode: 'compliance', mostMs: 365 * DAY_MS } as const;
const policy = { days: { daily: 30, weekly: 84, manual: 365 }, counts: {} };
/** Whatever may be taken over but the function of the locks. */
const OTHERS: readonly DeployedFunction[] = [...FUNCTION_NAMES, ...API_FUNCTION_NAMES];

interface Statement {
  readonly Action: string;
  readonly Condition?: object;
}

/** What the roles of these jobs may do to S3, together. Ceph knows none of S3's conditions on locks; roles.test.ts has those. */
function policyOf(jobs: readonly DeployedFunction[], bucket: string): object {
  const stack = new Stack(new App(), 'Roles');
  const place = {
    bucketArn: `arn:aws:s3:::${bucket}`,
    prefix: '',
    keyArns: ['arn:aws:kms:::key'] as const,
    deltas: true,
    lock,
  };
  const statements = jobs
    .flatMap((job) => repositoryStatements(job, place))
    .map((statement) => stack.resolve(statement.toStatementJson()) as Statement & { Sid?: string })
    .filter(({ Action }) => JSON.stringify(Action).includes('s3:'));
  return {
    Version: '2012-10-17',
    Statement: statements.map(({ Condition: _, Sid: __, ...statement }) => statement),
  };
}

describe.runIf(hasPart('ceph-rgw') && hasTurn(1, 3))(
  'a backup that is kept, in a bucket with Object Lock',
  () => {
    let rgw: StsRgw;
    let owner: S3Client;
    let bucket: string;
    let key: BackupKey;
    let roles = 0;

    const placeOf = (client?: { accessKeyId: string; secretAccessKey: string }): S3StoreOptions => ({
      bucket,
      prefix: '',
      endpoint: rgw.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: client ?? RGW_CREDENTIALS,
    });
    const assume = (jobs: readonly DeployedFunction[]) =>
      rgw.assume(`role-${roles++}`, policyOf(jobs, bucket));
    const credentialsOf = (client: S3Client) => client.config.credentials();
    const versions = async (of: S3Client = owner) =>
      (await of.send(new ListObjectVersionsCommand({ Bucket: bucket }))).Versions ?? [];
    const isDone = (call: Promise<unknown>) =>
      call.then(
        () => true,
        () => false,
      );
    /** Removes, lifts and shortens what it can; gives what it has done for good. */
    async function attack(client: S3Client): Promise<string[]> {
      const done: string[] = [];
      for (const { Key = '', VersionId } of await versions()) {
        const version = { Bucket: bucket, Key, VersionId };
        const soon = new Date(Date.now() + 60_000);
        const calls = {
          lifted: () =>
            client.send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status: 'OFF' } })),
          removed: () => client.send(new DeleteObjectCommand(version)),
          bypassed: () =>
            client.send(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true })),
          shortened: () =>
            client.send(
              new PutObjectRetentionCommand({
                ...version,
                BypassGovernanceRetention: true,
                Retention: { Mode: 'COMPLIANCE', RetainUntilDate: soon },
              }),
            ),
          hidden: () => client.send(new DeleteObjectCommand({ Bucket: bucket, Key })),
        };
        for (const [name, call] of Object.entries(calls))
          if (await isDone(call())) done.push(`${Key} ${name}`);
      }
      return done;
    }
    const lockAs = async (client: S3Client) => {
      const place = placeOf(await credentialsOf(client));
      await using keyless = await openRepository(new S3Store(place), { keys: undefined });
      return lockBackups(keyless, new S3Locks(place), { lock, policy, isDryRun: false, signal: never });
    };
    /** Digests of what is there, by name, without what hides it. */
    const contents = async () =>
      Object.fromEntries(
        (await versions()).map(({ Key = '', VersionId = '', ETag = '' }) => [`${Key} ${VersionId}`, ETag]),
      );

    beforeAll(async () => {
      rgw = await StsRgw.start({ daySeconds: 1 });
      owner = rgw.owner();
    }, 60_000);
    afterAll(async () => {
      owner?.destroy();
      await rgw?.[Symbol.asyncDispose]();
    });
    beforeEach(async () => {
      bucket = await newLockedBucket({ mode: 'COMPLIANCE', days: 0 }, rgw.endpoint);
      const store = new S3Store(placeOf());
      await initRepository(store);
      await using repository = await openRepository(store);
      await backUp(repository, { t: seededRows(300, 1).join('') }, { type: 'daily' });
      ({ key } = await backUp(repository, { t: seededRows(330, 1).join('') }, { type: 'weekly' }));
    });

    it('is locked by the role of the function, which lifts, shortens and removes nothing itself', async () => {
      const client = await assume(['lock']);
      const before = await contents();
      const result = await lockAs(client);
      expect(result).toMatchObject({ missing: [], unread: [], refused: [], extended: result.objects });
      const done = await attack(client);
      // A legal hold that it could take off on Ceph is a condition of its policy on AWS: roles.test.ts.
      expect(done.filter((what) => !what.endsWith('lifted'))).toEqual([]);
      expect(await contents()).toEqual(before);
    }, 60_000);

    it('outlives the rule of the bucket that removes what these roles have hidden', async () => {
      const locked = bucket;
      await lockAs(await assume(['lock']));
      const lockedBefore = await contents();
      bucket = await newLockedBucket({ mode: 'COMPLIANCE', days: 0 }, rgw.endpoint);
      await initRepository(new S3Store(placeOf()));
      const unlocked = bucket;
      for (const Bucket of [locked, unlocked]) {
        bucket = Bucket;
        if (Bucket === unlocked) {
          await using repository = await openRepository(new S3Store(placeOf()));
          await backUp(repository, { t: 'a\nb\n' });
        }
        const Rules = [
          {
            ID: 'removed-versions',
            Status: 'Enabled' as const,
            Filter: { Prefix: '' },
            NoncurrentVersionExpiration: { NoncurrentDays: 1 },
          },
        ];
        const rules = { Bucket, LifecycleConfiguration: { Rules } };
        await owner.send(new PutBucketLifecycleConfigurationCommand(rules));
        await attack(await assume(OTHERS));
      }
      bucket = unlocked;
      const isPack = ({ Key = '' }) => Key.startsWith('data/');
      // Each time it looks at both buckets, unless the gateway's own thread is at it, which takes what time it takes.
      const until = performance.now() + 240_000;
      while (performance.now() < until && (await versions()).some(isPack)) await rgw.processLifecycle();
      expect((await versions()).filter(isPack)).toEqual([]);
      bucket = locked;
      expect(await contents()).toEqual(lockedBefore);
    }, 300_000);

    it('cannot be removed with all rights of backup, prune and API together', async () => {
      const before = await contents();
      await lockAs(await assume(['lock']));
      const attacker = await assume(OTHERS);
      const done = await attack(attacker);
      // What prune may: hide packs and manifests.
      expect(
        done.every((what) => /^(data|backups|expired)\/.* hidden$/.test(what)),
        done.join('\n'),
      ).toBe(true);
      expect(done.length).toBeGreaterThan(2);
      expect(await contents()).toEqual(before);
      // And somebody with every right there is, who looks only for what hides it, has it back.
      const { DeleteMarkers = [] } = await owner.send(new ListObjectVersionsCommand({ Bucket: bucket }));
      for (const { Key, VersionId } of DeleteMarkers)
        await owner.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId }));
      await using repository = await openRepository(new S3Store(placeOf()));
      const report = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
      expect(report.findings).toEqual([]);
    }, 60_000);

    it('can be removed for good without the locks, which so are what keeps it', async () => {
      const done = await attack(owner);
      expect(done.some((what) => what === `${key} removed`)).toBe(true);
      expect(await versions()).toEqual([]);
    }, 60_000);

    it('cannot be removed by the owner of the bucket either, until its retention is over', async () => {
      await lockAs(await assume(['lock']));
      const before = await contents();
      const done = await attack(owner);
      expect(done.filter((what) => /(removed|bypassed|shortened)$/.test(what))).toEqual([]);
      expect(await contents()).toEqual(before);
      const { Versions = [] } = await owner.send(
        new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }),
      );
      const version = { Bucket: bucket, Key: key, VersionId: Versions[0]?.VersionId };
      const { Retention } = await owner.send(new GetObjectRetentionCommand(version));
      const days = ((Retention?.RetainUntilDate?.getTime() ?? 0) - Date.now()) / DAY_MS;
      expect([Math.round(days), Retention?.Mode]).toEqual([84, 'COMPLIANCE']);
    }, 60_000);

    it('with a hold is under a legal hold, which none of those roles takes off', async () => {
      await using repository = await openRepository(new S3Store(placeOf()));
      await holdBackup(repository, key, { reason: 'audit', signal: never });
      await lockAs(await assume(['lock']));
      const done = await attack(await assume(OTHERS));
      expect(done.filter((what) => !what.endsWith('hidden'))).toEqual([]);
    }, 60_000);

    it('is passed over by a prune with its own role, which says so and fails at nothing', async () => {
      await lockAs(await assume(['lock']));
      const place = placeOf(await credentialsOf(await assume(['prune'])));
      await using repository = await openRepository(new S3Store(place));
      const rules = { policy: keepLast(1), maxShare: 1 };
      const locks = new S3Locks(place);
      const prepared = await preparePrune(repository, rules, { isDryRun: false, locks, signal: never });
      const result = await runPrune(repository, prepared, { signal: never });
      expect(result).toMatchObject({ expired: [], removedPacks: 0, locked: { backups: 1 } });
      expect(await repository.backupKeys(never)).toHaveLength(2);
    }, 60_000);
  },
);

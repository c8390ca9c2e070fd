import { App, CfnResource, PermissionsBoundary, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { PermissionsBoundary as Boundary, ManagedPolicy } from 'aws-cdk-lib/aws-iam';
import { Bucket, type IBucket, ObjectLockRetention, StorageClass } from 'aws-cdk-lib/aws-s3';
import { Duration } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { BackupStorage, type BackupStorageProps } from '../../infra/constructs/backup-storage.ts';
import { DatabaseBackups } from '../../infra/constructs/database-backups.ts';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { resolved } from '../support/aws/synthesised.ts';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';
import { sample } from '../support/repository/torture.ts';

const KEY_ARN = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555';
const SOURCES = { shop: { kind: 'postgres' as const, secret: SECRETS.source } };
const bundles = standInBundles();
const env = { account: '111122223333', region: 'eu-west-1' };

describe('a bucket and a key that are there', () => {
  const left: HoldfastConfig = {
    repository: 's3://shop-backups/live',
    kmsKey: KEY_ARN,
    sources: SOURCES,
    aws: { ...env, storage: { existing: true } },
  };

  it('are used by their names: nothing of them is made, changed or removed', () => {
    const { storage, pipeline } = deploymentOf(left);
    expect(Object.keys(storage.toJSON()['Resources'] ?? {})).toEqual([]);
    storage.hasOutput('Repository', { Value: 's3://shop-backups/live' });
    storage.hasOutput('KeyArn', { Value: KEY_ARN });
    const variables = Object.values(pipeline.findResources('AWS::Lambda::Function')).flatMap(
      ({ Properties }) => Properties.Environment?.Variables ?? [],
    );
    for (const { HOLDFAST_REPOSITORY, HOLDFAST_KMS_KEY } of variables)
      expect([HOLDFAST_REPOSITORY, HOLDFAST_KMS_KEY]).toEqual(['s3://shop-backups/live', KEY_ARN]);
    const policies = JSON.stringify(resolved(pipeline.findResources('AWS::IAM::Policy')));
    expect(policies).toContain('arn:aws:s3:::shop-backups/live/data/*');
  });

  it.each<[HoldfastConfig, RegExp]>([
    [{ ...left, kmsKey: undefined }, /repository and kmsKey must name the bucket and its key/],
    [{ ...left, repository: undefined }, /repository and kmsKey must name/],
    [
      { ...left, aws: { storage: { existing: true, noncurrentDays: 9 } } },
      /aws.storage.noncurrentDays is for a bucket that the deployment makes/,
    ],
  ])('are refused where they are not whole: %#', (config, message) => {
    expect(() => deploymentOf(config).storage).toThrow(message);
  });

  it('are one call in a CDK app', () => {
    const stack = new Stack(new App(), 'Mine', { env });
    const attributes = { bucketName: 'shop-backups', keyArn: KEY_ARN, prefix: 'live' };
    const storage = BackupStorage.fromBucketAttributes(stack, 'Storage', attributes);
    expect(stack.resolve(storage.repository)).toBe('s3://shop-backups/live');
    expect(storage.key.keyArn).toBe(KEY_ARN);
    expect(Template.fromStack(stack).toJSON()['Resources'] ?? {}).toEqual({});
    // Nobody but its owner can say that no object is replaced.
    Annotations.fromStack(stack).hasWarning(
      '*',
      Match.stringLikeRegexp('policy cannot be changed from here'),
    );
  });

  it('get the policy that no object is replaced, where the app has the bucket itself', () => {
    const stack = new Stack(new App(), 'Mine', { env });
    const bucket = new Bucket(stack, 'Bucket', { versioned: true }) as IBucket;
    const { storage } = new DatabaseBackups(stack, 'Backups', {
      bucket,
      encryptionKey: BackupStorage.fromBucketAttributes(stack, 'Other', {
        bucketName: 'elsewhere',
        keyArn: KEY_ARN,
      }).key,
      sources: SOURCES,
      bundles,
    });
    expect(storage.bucket).toBe(bucket);
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::S3::Bucket', 1);
    template.resourceCountIs('AWS::KMS::Key', 0);
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([Match.objectLike({ Sid: 'WriteOnce', Effect: 'Deny' })]),
      },
    });
  });

  it.each<[BackupStorageProps, RegExp]>([
    [{}, /without encryptionKey: a new key could not open/],
    [
      { objectLock: ObjectLockRetention.governance(Duration.days(7)) },
      /^objectLock: only for a bucket that is made here/,
    ],
    [{ noncurrentFor: Duration.days(7), bucketName: 'a' }, /^bucketName, noncurrentFor: only for a bucket/],
    [
      { transitions: [{ storageClass: StorageClass.INTELLIGENT_TIERING, after: Duration.days(0) }] },
      /transitions is for a bucket that is made here/,
    ],
  ])('take no settings of a new one: %#', (props, message) => {
    const stack = new Stack(new App(), 'Mine');
    const bucket = Bucket.fromBucketName(stack, 'Bucket', 'shop-backups');
    expect(() => new BackupStorage(stack, 'Storage', { bucket, ...props })).toThrow(message);
  });
});

describe('variables of your own', () => {
  const environment = { POWERTOOLS_LOG_LEVEL: 'DEBUG' };
  const { pipeline } = deploymentOf({
    ...FULL_CONFIG,
    aws: { ...FULL_CONFIG.aws, functions: { drill: { environment } } },
  });

  it('are those of one function, and of its task', () => {
    const having = Object.values(pipeline.findResources('AWS::Lambda::Function'))
      .map(({ Properties }) => Properties.Environment?.Variables ?? {})
      .filter(({ POWERTOOLS_LOG_LEVEL: level }) => level === 'DEBUG');
    expect(having.map(({ POWERTOOLS_SERVICE_NAME: job }) => job)).toEqual(['drill']);
    const tasks = Object.values(pipeline.findResources('AWS::ECS::TaskDefinition'))
      .map(({ Properties }) => Properties.ContainerDefinitions[0])
      .filter(({ Environment }) => JSON.stringify(Environment).includes('POWERTOOLS_LOG_LEVEL'));
    expect(tasks.map(({ Command }) => Command)).toEqual([['drill']]);
  });

  it.each(['HOLDFAST_KMS_KEY', 'AWS_REGION', 'no-name'])('are not %s', (name) => {
    const functions = { drill: { environment: { [name]: 'x' } } };
    expect(() => deploymentOf({ sources: SOURCES, aws: { functions } })).toThrow(/a variable name has/);
  });
});

/** Roles without the boundary, in any stack. */
function unbounded(templates: readonly Template[]): string[] {
  return templates.flatMap((template) => {
    const roles = Object.entries(template.findResources('AWS::IAM::Role'));
    return roles.flatMap(([id, { Properties }]) => (Properties.PermissionsBoundary ? [] : [id]));
  });
}

describe('a permissions boundary', () => {
  it.each(sample(['bound', 'arn:aws:iam::111122223333:policy/bound'], 1))(
    'of the configuration is on every role of every stack: %s',
    (permissionsBoundary) => {
      const config = { ...FULL_CONFIG, aws: { ...FULL_CONFIG.aws, permissionsBoundary } };
      const { storage, pipeline, api, monitoring } = deploymentOf(config);
      const templates = [storage, pipeline, api, monitoring];
      const roles = templates.flatMap((template) => Object.keys(template.findResources('AWS::IAM::Role')));
      expect(roles.length).toBeGreaterThan(20);
      expect(unbounded(templates)).toEqual([]);
      pipeline.allResourcesProperties('AWS::IAM::Role', {
        PermissionsBoundary: Match.anyValue(),
      });
      expect(JSON.stringify(resolved(pipeline.findResources('AWS::IAM::Role')))).toContain(
        'arn:aws:iam::111122223333:policy/bound',
      );
    },
  );

  it('of a CDK app is on every role, by its aspect or by the setting of the stack', () => {
    const make = (stack: Stack) => new DatabaseBackups(stack, 'Backups', { sources: SOURCES, bundles });
    const byAspect = new Stack(new App(), 'Aspect', { env });
    make(byAspect);
    Boundary.of(byAspect).apply(ManagedPolicy.fromManagedPolicyName(byAspect, 'Bound', 'bound'));
    const permissionsBoundary = PermissionsBoundary.fromName('bound');
    const bySetting = new Stack(new App(), 'Setting', { env, permissionsBoundary });
    make(bySetting);
    expect(unbounded([Template.fromStack(byAspect), Template.fromStack(bySetting)])).toEqual([]);
    // The judge can tell: without, no role has one.
    const without = new Stack(new App(), 'Without', { env });
    make(without);
    const roles = without.node
      .findAll()
      .filter((one) => CfnResource.isCfnResource(one) && one.cfnResourceType === 'AWS::IAM::Role');
    expect(unbounded([Template.fromStack(without)])).toHaveLength(roles.length);
  });
});

import validateStates from 'asl-validator';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import { describe, expect, it } from 'vitest';
import { BackupReceiver, BackupReceiverStack } from '../../infra/constructs/backup-receiver.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { isAllowed, type Request, rolePolicies } from '../support/aws/policy-simulator.ts';
import { schemaProblems } from '../support/aws/resource-schemas.ts';
import { resolved, stateMachinesOf } from '../support/aws/synthesised.ts';

const COPY = 'arn:aws:iam::111122223333:role/Shop-copy';
const WATCHDOG = 'arn:aws:iam::111122223333:role/Shop-watchdog';
const STRANGER = 'arn:aws:iam::999988887777:role/stranger';
const OWN_ADMIN = 'arn:aws:iam::444455556666:role/admin';
const SECOND = 'arn:aws:s3:::shop-backups-elsewhere';
const MANIFEST = 'backups/daily/20261126/backup_daily_20261126_020000.json';
const OBJECTS = [
  'repository.json',
  'repository-2.json',
  'keys/0123.json',
  'data/ab/abcd',
  MANIFEST,
  `expired/20261126T020000Z/${MANIFEST}`,
  'reports/hold/20261126/hold_20261126_020000_abcdef01.json',
];
const OTHERS = ['runs/abcd/plan', 'exports/shop.sql', 'else'];
const ONCE = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' };
const ADMIN_POLICY = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
};

const { pipeline, monitoring, api } = deploymentOf(FULL_CONFIG);

function receiverOf(props: Partial<ConstructorParameters<typeof BackupReceiver>[2]> = {}): Template {
  const stack = new BackupReceiverStack(new App(), 'Receiver', {
    env: { account: '444455556666', region: 'eu-central-1' },
    bucketName: 'shop-backups-elsewhere',
    prefix: 'live',
    copyRoleArns: [COPY],
    listRoleArns: [WATCHDOG],
    ...props,
  });
  return Template.fromStack(stack);
}

const receiver = receiverOf();
const [found] = Object.values(receiver.findResources('AWS::S3::BucketPolicy'));
const bucketPolicy = resolved(found?.['Properties'].PolicyDocument, () => SECOND) as never;

/** Whether it is allowed in the bucket of the second account, by the role's policy and the bucket's. */
function allowed(
  principal: string,
  policies: readonly object[],
  request: Omit<Request, 'principal'>,
): boolean {
  const context = { 'aws:PrincipalArn': principal, ...request.context };
  return isAllowed(policies as never, bucketPolicy, {
    ...request,
    context,
    principal,
    accountId: '444455556666',
  });
}

const on = (key: string) => `${SECOND}/live/${key}`;
const copyRole = rolePolicies(pipeline, 'copy');
const watchdogRole = rolePolicies(pipeline, 'watchdog');
const apiRole = rolePolicies(api, 'admin-api');

describe('the role that copies, in the second account', () => {
  it('puts what a repository is made of, once, and reads that back', () => {
    for (const key of OBJECTS) {
      const resource = on(key);
      expect(allowed(COPY, copyRole, { action: 's3:PutObject', resource, context: ONCE }), key).toBe(true);
      expect(allowed(COPY, copyRole, { action: 's3:GetObject', resource }), key).toBe(true);
      const replacing = { 's3:ObjectCreationOperation': 'true' };
      expect(allowed(COPY, copyRole, { action: 's3:PutObject', resource, context: replacing }), key).toBe(
        false,
      );
    }
    expect(allowed(COPY, copyRole, { action: 's3:ListBucket', resource: SECOND })).toBe(true);
  });

  it('removes, locks and opens nothing, and reaches nothing else', () => {
    for (const key of OBJECTS)
      for (const action of [
        's3:DeleteObject',
        's3:DeleteObjectVersion',
        's3:PutObjectRetention',
        's3:PutObjectAcl',
      ])
        expect(allowed(COPY, copyRole, { action, resource: on(key), context: ONCE }), action).toBe(false);
    for (const key of OTHERS)
      expect(allowed(COPY, copyRole, { action: 's3:PutObject', resource: on(key), context: ONCE })).toBe(
        false,
      );
    const outside = `${SECOND}/data/ab/abcd`;
    expect(allowed(COPY, copyRole, { action: 's3:PutObject', resource: outside, context: ONCE })).toBe(false);
    const plain = { ...ONCE, 'aws:SecureTransport': 'false' };
    const pack = on('data/ab/abcd');
    expect(allowed(COPY, copyRole, { action: 's3:PutObject', resource: pack, context: plain })).toBe(false);
  });

  it('could remove nothing either if its own policy were opened: the bucket denies it', () => {
    for (const action of ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:BypassGovernanceRetention'])
      expect(allowed(COPY, [ADMIN_POLICY], { action, resource: on('data/ab/abcd') }), action).toBe(false);
  });

  it('is the only one that puts packs: neither a stranger nor the account itself does', () => {
    const resource = on('data/ab/abcd');
    for (const principal of [STRANGER, OWN_ADMIN, WATCHDOG])
      expect(allowed(principal, [ADMIN_POLICY], { action: 's3:PutObject', resource, context: ONCE })).toBe(
        false,
      );
    expect(allowed(STRANGER, [ADMIN_POLICY], { action: 's3:GetObject', resource })).toBe(false);
  });

  it('leaves prune to the account itself', () => {
    const remove = { action: 's3:DeleteObject', resource: on('data/ab/abcd') };
    expect(allowed(OWN_ADMIN, [ADMIN_POLICY], remove)).toBe(true);
    const expire = {
      action: 's3:PutObject',
      resource: on(`expired/20261126T020000Z/${MANIFEST}`),
      context: ONCE,
    };
    expect(allowed(OWN_ADMIN, [ADMIN_POLICY], expire)).toBe(true);
  });
});

it('the watchdog and the API list second places, and read nothing there', () => {
  for (const role of [watchdogRole, apiRole]) {
    expect(allowed(WATCHDOG, role, { action: 's3:ListBucket', resource: SECOND })).toBe(true);
    expect(allowed(WATCHDOG, role, { action: 's3:GetObject', resource: on(MANIFEST) })).toBe(false);
  }
});

describe('the receiving account', () => {
  it('has what CloudFormation knows, a bucket with versions that outlives its stack', () => {
    expect(schemaProblems(receiver.toJSON())).toEqual([]);
    receiver.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: Match.objectLike({ VersioningConfiguration: { Status: 'Enabled' } }),
    });
    receiver.hasOutput('*', { Value: Match.anyValue(), Description: Match.stringLikeRegexp('copy.NAME.to') });
  });

  it('locks what is put, if it is asked to', () => {
    const locked = receiverOf({ objectLock: ObjectLockRetention.compliance(Duration.days(30)) });
    expect(schemaProblems(locked.toJSON())).toEqual([]);
    locked.hasResourceProperties('AWS::S3::Bucket', { ObjectLockEnabled: true });
  });

  it.each([
    [{ copyRoleArns: [] }, /copyRoleArns is empty/],
    [{ copyRoleArns: ['Shop-copy'] }, /not the ARN of a role/],
    [{ prefix: '/live/' }, /prefix is '\/live\/'/],
  ])('refuses %o', (props, message) => {
    const stack = new Stack(new App(), 'Wrong');
    expect(() => new BackupReceiver(stack, 'Receiver', { copyRoleArns: [COPY], ...props })).toThrow(message);
  });
});

describe('the deployment', () => {
  it('copies after each backup, and daily', () => {
    pipeline.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['holdfast'],
        'detail-type': ['Backup Succeeded', 'Backup Suspect'],
        detail: { deployment: [Match.anyValue()] },
      },
      State: 'ENABLED',
      Targets: [
        Match.objectLike({
          InputTransformer: Match.objectLike({ InputPathsMap: { 'detail-backup': '$.detail.backup' } }),
        }),
      ],
    });
    pipeline.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'copy',
      ScheduleExpression: 'cron(0 8 * * ? *)',
    });
  });

  it('is alarmed where a second place is behind, or nobody can see it', () => {
    for (const place of ['elsewhere', 'near'])
      monitoring.hasResourceProperties('AWS::CloudWatch::Alarm', {
        MetricName: 'CopyLag',
        Dimensions: Match.arrayWith([{ Name: 'place', Value: place }]),
        Threshold: 26 * 3600,
        ComparisonOperator: 'GreaterThanThreshold',
      });
  });

  it('says which roles the second account must let in', () => {
    for (const name of ['CopyRoleArn', 'WatchdogRoleArn']) pipeline.hasOutput(name, {});
  });

  it('calls the function until there is no more, by a machine that is right by the rules of its language', () => {
    const machines = Object.entries(stateMachinesOf(pipeline));
    const [, machine] = machines.find(([id]) => id.includes('Copies')) ?? [];
    expect(machine && validateStates(machine)).toMatchObject({ isValid: true, errors: [] });
    expect(machine).toMatchObject({
      StartAt: 'Copy',
      States: {
        Copy: { Next: 'IsThereMore', ResultPath: '$.done', Catch: [{ Next: 'NotifyCopyFailed' }] },
        IsThereMore: { Choices: [{ Variable: '$.done.more', BooleanEquals: true, Next: 'Copy' }] },
        NotifyCopyFailed: { Next: 'Failed' },
      },
    });
  });

  it('has nothing of it without a second place', () => {
    const { copy: _, ...without } = FULL_CONFIG;
    const { pipeline: plain } = deploymentOf(without);
    expect(
      Object.keys(plain.findResources('AWS::Events::Rule')).filter((id) => /AfterBackup/.test(id)),
    ).toEqual([]);
    expect(
      Object.keys(pipeline.findResources('AWS::Events::Rule')).filter((id) => /AfterBackup/.test(id)),
    ).toHaveLength(1);
    expect(JSON.stringify(plain.toJSON())).not.toContain('Copies');
  });

  it.each([
    [{ to: './folder' }, /copy\.there\.to is '\.\/folder'; on AWS/],
    [{ to: 's3://there', profile: 'x' }, /copy\.there\.profile is set/],
  ])('refuses %o', (there, message) => {
    const sources = { shop: { kind: 'postgres' as const, secret: SECRETS.source } };
    expect(() => deploymentOf({ sources, copy: { there } })).toThrow(message);
  });
});

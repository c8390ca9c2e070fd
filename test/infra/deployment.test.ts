import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { StorageClass } from 'aws-cdk-lib/aws-s3';
import { Duration } from 'aws-cdk-lib/core';
import { describe, expect, it } from 'vitest';
import { BackupStorage, type BackupStorageProps } from '../../infra/constructs/backup-storage.ts';
import { bundleOf } from '../../infra/constructs/bundles.ts';
import { DatabaseBackups } from '../../infra/constructs/database-backups.ts';
import type { DatabaseBackupsProps } from '../../infra/constructs/database-backups-props.ts';
import { FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { deploymentOf, FULL_CONFIG, SECRETS } from '../support/aws/deployment.ts';
import { resolved, stateMachinesOf } from '../support/aws/synthesised.ts';
import { standInBundles } from '../support/repository/stand-in-bundles.ts';

const full = deploymentOf(FULL_CONFIG);
const [storage, pipeline, monitoring] = [full.storage, full.pipeline, full.monitoring];
const bundles = standInBundles();
const resources = (template: Template, type: string) => Object.values(template.findResources(type));
const properties = (template: Template, type: string) =>
  resources(template, type).map(({ Properties }) => Properties);

function small(props: Partial<DatabaseBackupsProps> = {}) {
  const stack = new Stack(new App(), 'Small');
  const backups = new DatabaseBackups(stack, 'Backups', {
    sources: { shop: { kind: 'postgres', secret: SECRETS.source } },
    bundles,
    ...props,
  });
  return { stack, backups };
}

function storageWith(props: BackupStorageProps): Template {
  const stack = new Stack(new App(), 'Storage');
  new BackupStorage(stack, 'Storage', props);
  return Template.fromStack(stack);
}

interface Rule {
  readonly Id: string;
  readonly Prefix?: string;
  readonly ExpirationInDays?: number;
  readonly Transitions?: object[];
}
const rulesOf = (template: Template): Rule[] =>
  properties(template, 'AWS::S3::Bucket')[0].LifecycleConfiguration.Rules;

describe('storage', () => {
  it('expires no packs, manifests or reports by age', () => {
    const expiring = rulesOf(storage).filter(({ ExpirationInDays }) => ExpirationInDays !== undefined);
    expect(expiring.map(({ Prefix, ExpirationInDays }) => [Prefix, ExpirationInDays])).toEqual([
      ['live/exports/', 3],
      ['live/runs/', 20],
    ]);
  });

  it('moves packs alone to another class', () => {
    const moving = rulesOf(storage).filter(({ Transitions }) => Transitions);
    expect(moving).toEqual([
      expect.objectContaining({
        Prefix: 'live/data/',
        Transitions: [{ StorageClass: 'GLACIER_IR', TransitionInDays: 30 }],
      }),
    ]);
  });

  it('is neither public nor deleted with its stack', () => {
    storage.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      VersioningConfiguration: { Status: 'Enabled' },
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
      },
      BucketName: 'shop-backups',
    });
    // A deployment that failed the first time takes them along: nothing is in them, and the next one makes them anew.
    for (const type of ['AWS::S3::Bucket', 'AWS::KMS::Key'])
      storage.hasResource(type, { DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
  });

  it('ends uploads that stopped, and keeps removed versions as long as said', () => {
    expect(rulesOf(storage)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 2 } }),
        expect.objectContaining({ NoncurrentVersionExpiration: { NoncurrentDays: 60 } }),
      ]),
    );
  });

  it('keeps no older versions of exports, which are plain text, beyond a day', () => {
    const [exports] = rulesOf(storage).filter(({ Prefix }) => Prefix === 'live/exports/');
    expect(exports).toMatchObject({ NoncurrentVersionExpiration: { NoncurrentDays: 1 } });
  });

  it('locks objects only where that is asked for', () => {
    storage.hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 14 } } },
    });
    storageWith({}).hasResourceProperties('AWS::S3::Bucket', { ObjectLockEnabled: Match.absent() });
  });

  it('has a key that is rotated, with the longest time to cancel its deletion', () => {
    storage.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true, PendingWindowInDays: 30 });
  });

  it.each<[BackupStorageProps, RegExp]>([
    [{ prefix: '/live/' }, /prefix is '\/live\/'/],
    [{ runsFor: Duration.hours(5) }, /at least 2 days/],
    [
      { transitions: [{ storageClass: StorageClass.DEEP_ARCHIVE, after: Duration.days(90) }] },
      /could not read them/,
    ],
    [
      { transitions: [{ storageClass: StorageClass.ONE_ZONE_INFREQUENT_ACCESS, after: Duration.days(90) }] },
      /lost with their zone/,
    ],
    [
      { transitions: [{ storageClass: StorageClass.INFREQUENT_ACCESS, after: Duration.days(7) }] },
      /S3 requires at least 30/,
    ],
  ])('refuses %j', (props, message) => {
    expect(() => storageWith(props)).toThrow(message);
  });
});

const ALL = [...FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES];

const functionsOf = (template: Template) =>
  properties(template, 'AWS::Lambda::Function').filter(
    ({ Environment }) => Environment?.Variables.POWERTOOLS_SERVICE_NAME,
  );

describe('functions', () => {
  const functions = functionsOf(pipeline);

  it('are one a job, each with a role of its own', () => {
    expect(functions.map(({ Environment }) => Environment.Variables.POWERTOOLS_SERVICE_NAME).sort()).toEqual(
      [...ALL].sort(),
    );
    expect(new Set(functions.map(({ Role }) => JSON.stringify(Role))).size).toBe(ALL.length);
  });

  it('have no secret in their environment, but ARNs', () => {
    for (const { Environment } of functions) {
      const config = JSON.parse(Environment.Variables.HOLDFAST_CONFIG);
      expect(config.sources.shop).toMatchObject({ kind: 'postgres', secret: SECRETS.source });
      expect(config).not.toHaveProperty('repository');
      expect(config.aws ?? {}).not.toHaveProperty('notifications');
    }
  });

  it('run on Node 24 and arm64, traced, never begun again by Lambda, with a place for dead letters', () => {
    for (const made of functions)
      expect(made).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        TracingConfig: { Mode: 'Active' },
        DeadLetterConfig: { TargetArn: expect.anything() },
      });
    const calls = properties(pipeline, 'AWS::Lambda::EventInvokeConfig');
    expect(new Set(calls.map(({ MaximumRetryAttempts }) => MaximumRetryAttempts))).toEqual(new Set([0]));
    const ages = calls
      .filter(({ Qualifier }) => Qualifier === '$LATEST')
      .map(({ MaximumEventAgeInSeconds }) => MaximumEventAgeInSeconds);
    // What is called each minute, and a holder.
    expect(ages.toSorted((a, b) => a - b)).toEqual([60, 60, 300, ...ALL.slice(3).map(() => 3600)]);
    for (const log of properties(pipeline, 'AWS::Logs::LogGroup')) expect(log.RetentionInDays).toBe(30);
  });

  it('are in the VPC where they log in to a database, and nowhere else', () => {
    const inside = functions.filter(({ VpcConfig }) => VpcConfig !== undefined);
    expect(inside.map(({ Environment }) => Environment.Variables.POWERTOOLS_SERVICE_NAME).sort()).toEqual([
      'backup-partition',
      'drill',
      'hold',
      'look',
      'plan',
      'poll',
      'poll-watchdog',
      'put-back',
      'restore',
    ]);
    for (const { VpcConfig } of inside)
      expect(VpcConfig).toMatchObject({ SecurityGroupIds: ['sg-0123456789abcdef0'] });
  });

  it('have no more variables than Lambda takes, with the longest configuration that is let through', () => {
    for (const { Environment } of functions) {
      const { HOLDFAST_CONFIG: _, ...others } = resolved(Environment.Variables) as Record<string, string>;
      const words = Object.entries(others).flat();
      const longest = 'HOLDFAST_CONFIG'.length + 3300;
      expect(longest + Buffer.byteLength(words.join(''))).toBeLessThanOrEqual(4096);
    }
  });

  it('have the size that is said', () => {
    pipeline.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 3008,
      Timeout: 600,
      ReservedConcurrentExecutions: 7,
      Environment: { Variables: Match.objectLike({ POWERTOOLS_SERVICE_NAME: 'backup-partition' }) },
    });
  });

  it('that are not built are named, with what to do', () => {
    expect(() => bundleOf('plan', '/nowhere')).toThrow(
      'there is no /nowhere/plan: the functions are not built; run: npm run build',
    );
  });
});

describe('schedules', () => {
  const schedules = properties(pipeline, 'AWS::Scheduler::Schedule');
  const of = (text: string) => schedules.find(({ Description }) => Description === `Holdfast: ${text}`);

  it('start backups with the scheduled time, in their time zone, with retries and dead letters', () => {
    expect(of('daily backup of shop')).toMatchObject({
      ScheduleExpression: 'cron(15 1 * * ? *)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
      State: 'ENABLED',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 10 },
      Target: {
        Arn: { Ref: expect.stringContaining('Backup') },
        Input: '{"source":"shop","type":"daily","scheduledTime":"<aws.scheduler.scheduled-time>"}',
        RetryPolicy: { MaximumRetryAttempts: 10, MaximumEventAgeInSeconds: 3600 },
        DeadLetterConfig: { Arn: expect.anything() },
      },
    });
  });

  it('are those of the configuration, for the sources that it says', () => {
    expect(schedules.map(({ Description }) => Description).sort()).toEqual(
      [
        'copy',
        'daily backup of game',
        'daily backup of shop',
        'drill of shop',
        'hourly backup of shop',
        'lock',
        'poll of shop',
        'poll-watchdog',
        'prune',
        'verify',
        'watchdog',
        'weekly backup of game',
        'weekly backup of shop',
      ].map((text) => `Holdfast: ${text}`),
    );
    expect(of('hourly backup of shop').ScheduleExpression).toBe('rate(1 hour)');
    expect(of('hourly backup of shop').FlexibleTimeWindow).toEqual({ Mode: 'OFF' });
    expect(of('weekly backup of game').ScheduleExpression).toMatch(/^cron\(\d+ 3 \? \* SUN \*\)$/);
    expect(of('verify')).toMatchObject({
      ScheduleExpression: 'cron(0 4 ? * SAT *)',
      // Weekly, and so all of it at once; every day it would be a seventh.
      Target: {
        Input: '{"since":"6d","days":1,"scheduledTime":"<aws.scheduler.scheduled-time>"}',
      },
    });
    expect(of('drill of shop').Target.Input).toBe('{"source":"shop"}');
  });

  it('leave the watchdog to itself', () => {
    const watchdog = of('watchdog');
    expect(watchdog.ScheduleExpression).toBe('rate(10 minutes)');
    const others = schedules.filter((schedule) => schedule !== watchdog);
    expect(others.map(({ GroupName }) => JSON.stringify(GroupName))).not.toContain(
      JSON.stringify(watchdog.GroupName),
    );
  });

  it('do not fire where ENABLE_BACKUPS is false', () => {
    const off = small({ enabled: false });
    const states = properties(Template.fromStack(off.stack), 'AWS::Scheduler::Schedule').map(
      ({ State }) => State,
    );
    expect(new Set(states)).toEqual(new Set(['DISABLED']));
  });
});

const [{ Environment }] = properties(pipeline, 'AWS::Lambda::Function').filter(
  (made) => made.Environment?.Variables.POWERTOOLS_SERVICE_NAME === 'commit',
) as [{ Environment: { Variables: Record<string, string> } }];
const deployment = Environment.Variables['HOLDFAST_DEPLOYMENT'];

interface MathLine {
  readonly Id: string;
  readonly Expression?: string;
  readonly MetricStat?: object;
}

describe('monitoring', () => {
  const alarms = properties(monitoring, 'AWS::CloudWatch::Alarm');
  const about = (text: string) =>
    alarms.find(({ AlarmDescription }) => JSON.stringify(AlarmDescription).includes(text));

  it('alarms by few alarms: four for each source, and five; of continuous backup four for each, and one', () => {
    const names = alarms.map(({ AlarmDescription }) => JSON.stringify(AlarmDescription));
    expect(names.filter((name) => / (shop|game) /.test(name) || /of (shop|game)/.test(name))).toHaveLength(
      12,
    );
    const one = properties(
      deploymentOf({ sources: { shop: { kind: 'postgres', secret: SECRETS.source } } }).monitoring,
      'AWS::CloudWatch::Alarm',
    );
    expect(one).toHaveLength(9);
  });

  it('takes what stops being measured for a missed backup, and for a watchdog that stopped', () => {
    expect(about('newest good backup of shop')).toMatchObject({
      // What the verdict finds: the age that is allowed is of each source.
      MetricName: 'BackupMissed',
      Namespace: 'Holdfast',
      Dimensions: [
        { Name: 'deployment', Value: deployment },
        { Name: 'source', Value: 'shop' },
      ],
      Threshold: 0,
      // Data that stop are told of; on installing there are none yet, and nobody is called.
      TreatMissingData: 'missing',
      InsufficientDataActions: [expect.anything()],
    });
    expect(about('watchdog did not run')).toMatchObject({
      Threshold: 1,
      TreatMissingData: 'missing',
      InsufficientDataActions: [expect.anything()],
    });
  });

  it('tells of a poll for a proof, and of a proof, that could not be called', () => {
    const rules = properties(pipeline, 'AWS::Events::Rule').filter(({ Description }) =>
      /stored up to|new backup to begin with|can be proven/.test(String(Description)),
    );
    expect(rules).toHaveLength(3);
    const watched = JSON.stringify(about('in a dead-letter queue'));
    for (const { Targets } of rules)
      for (const { DeadLetterConfig } of Targets as readonly { DeadLetterConfig: { Arn: object } }[]) {
        const [id = ''] = (DeadLetterConfig.Arn as { 'Fn::GetAtt': readonly string[] })['Fn::GetAtt'];
        expect(id).not.toBe('');
        expect(watched).toContain(id);
      }
    expect(about('no longer compared with its stored changes')).toMatchObject({
      MetricName: 'ProofLate',
      Dimensions: [
        { Name: 'deployment', Value: deployment },
        { Name: 'source', Value: 'shop' },
      ],
      Threshold: 0,
    });
  });

  it('notices a watchdog that never ran: data of others is there, and none of it on two days', () => {
    expect(about('did not run on two days')).toMatchObject({
      EvaluationPeriods: 2,
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1_000_000,
      // Before anything ran there is nothing to notice.
      TreatMissingData: 'notBreaching',
    });
    const { Metrics } = about('did not run on two days') as { Metrics: MathLine[] };
    expect(Metrics.find(({ Expression }) => Expression)?.Expression).toBe(
      'MAX([runs * 1000000, backups, prunes])',
    );
    const calls = Metrics.filter(({ MetricStat }) => MetricStat);
    expect(calls.map(({ Id }) => Id).toSorted()).toEqual(['backups', 'prunes', 'runs']);
    for (const { MetricStat } of calls)
      expect(MetricStat).toMatchObject({
        Period: 86_400,
        Stat: 'Sum',
        Metric: { MetricName: 'Invocations' },
      });
  });

  it('tells of its own deployment alone: every event of its state machines says whose it is', () => {
    const definitions = JSON.stringify(stateMachinesOf(pipeline));
    const count = (text: string) => definitions.split(text).length - 1;
    expect(count('"DetailType"')).toBeGreaterThan(8);
    expect(count(`"deployment":"${deployment}"`)).toBe(count('"DetailType"'));
    const other = small().stack;
    expect(JSON.stringify(Template.fromStack(other).toJSON())).not.toContain(`"${deployment}"`);
  });

  it('lets state machines put events in the name of Holdfast alone, and Lambda tell what polls answered', () => {
    const statements = properties(pipeline, 'AWS::IAM::Policy').flatMap(
      ({ PolicyDocument }) => PolicyDocument.Statement as { Action: unknown; Condition?: object }[],
    );
    const puts = statements.filter(({ Action }) => [Action].flat().includes('events:PutEvents'));
    expect(puts.length).toBeGreaterThan(12);
    const names = puts.map(({ Condition }) => JSON.stringify(Condition));
    const inName = (source: string) => JSON.stringify({ StringEquals: { 'events:source': source } });
    expect(new Set(names)).toEqual(new Set([inName('holdfast'), inName('lambda')]));
    expect(names.filter((name) => name === inName('lambda'))).toHaveLength(1);
  });

  it.each([
    'a backup of game is suspect, damaged',
    'no backup of shop has been verified, or restored',
    'is scheduled for deletion',
    'an execution of a state machine failed',
    'something could not be started',
  ])('alarms somebody: %s', (text) => {
    expect(about(text)?.AlarmActions).toHaveLength(1);
  });

  it('takes alarms of its own account alone', () => {
    monitoring.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: Match.objectLike({
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': '111122223333' } },
          }),
        ]),
      }),
    });
  });

  it('tells of the deletion of the key at once', () => {
    monitoring.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: Match.objectLike({
        source: ['aws.kms'],
        detail: Match.objectLike({ eventName: ['ScheduleKeyDeletion', 'DisableKey'] }),
      }),
    });
  });

  it('tells people of what they must look at, and the webhook of everything, its token in no template', () => {
    monitoring.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['holdfast'],
        'detail-type': [
          'Backup Suspect',
          'Backup Failed',
          'Backup Missed',
          'Schedule Off',
          'Verification Failed',
          'Lock Failed',
          'Drill Failed',
          'Proof Failed',
          'Copy Failed',
        ],
        detail: { deployment: [deployment] },
      },
    });
    monitoring.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
    monitoring.hasResourceProperties('AWS::Events::Connection', {
      AuthParameters: {
        ApiKeyAuthParameters: {
          ApiKeyName: 'Authorization',
          ApiKeyValue: `{{resolve:secretsmanager:${SECRETS.webhook}:SecretString:token::}}`,
        },
      },
    });
    monitoring.resourceCountIs('AWS::CloudWatch::Dashboard', 1);
  });
});

describe('DatabaseBackups', () => {
  it.each<[string, Partial<DatabaseBackupsProps>, RegExp]>([
    ['not a source', { sources: {} }, /nothing to back up/],
    ['files', { sources: { disk: { kind: 'files', url: '/data' } } }, /disk: a function has no files/],
    [
      'a password',
      { sources: { shop: { kind: 'postgres', url: 'postgres://a:b@c/d' } } },
      /contains a password/,
    ],
    ['no cron', { schedules: { daily: '0 25 * * *' } }, /'25' as hour/],
    ['an unknown setting', { jobs: { watchdog: 'off' } }, /must be a rate of 30 minutes/],
  ])('refuses %s', (_, props, message) => {
    expect(() => small(props)).toThrow(message);
  });

  it('shows a password in no message', () => {
    const props = { sources: { shop: { kind: 'postgres' as const, url: 'postgres://a:hunter2@c/d' } } };
    expect(() => small(props)).toThrow(/^(?!.*hunter2).*$/s);
  });

  it('has metrics of a source', () => {
    expect(small().backups.metricBackupAge('shop')).toMatchObject({
      namespace: 'Holdfast',
      metricName: 'BackupAge',
      dimensions: { deployment: expect.stringContaining('Small'), source: 'shop' },
    });
  });
});

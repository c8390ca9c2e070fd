import { CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import {
  GetAccountSettingsCommand,
  InvokeCommand,
  LambdaClient,
  ListFunctionsCommand,
} from '@aws-sdk/client-lambda';
import { ListSchedulesCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { ListSubscriptionsByTopicCommand, ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest';
import { FUNCTION_NAMES } from '../../shared/config/aws.ts';
import { resolveConfig } from '../../shared/config/config.ts';
import { scheduleNames } from '../../shared/config/schedule-names.ts';
import { S3Store } from '../../shared/store/s3-store.ts';
import { type AwsRig, startAwsRig } from '../support/aws/aws-rig.ts';
import { RGW_CREDENTIALS, rgwOptions } from '../support/aws/ceph-rgw.ts';
import { runCommand } from '../support/command-line.ts';
import { type Diagnosis, diagnose, expectFault, healthyBucket } from '../support/doctor.ts';
import { describeInTurn } from '../support/parts.ts';
import { turns } from '../support/repository/torture.ts';
import { type StrictStore, strictStore } from '../support/stores/strict-store.ts';

const describeWithParts = describeInTurn(4, 6);
const it = turns(4);

const GROUP = 'HoldfastPipelineSchedules';
const TOPIC = 'arn:aws:sns:eu-west-1:111122223333:HoldfastMonitoring-MonitoringAlerts0A1B2C3D';
const KEYLESS = ['watchdog', 'lock'];
const GiB = 2 ** 30;

describeWithParts(['ceph-rgw', 'runtime-client'], 'holdfast doctor --deployed', () => {
  let rig: AwsRig;
  let strict: StrictStore;
  let bucket: string;
  let file: { sources: Record<string, object>; [name: string]: unknown };
  const lambda = mockClient(LambdaClient);
  const scheduler = mockClient(SchedulerClient);
  const sns = mockClient(SNSClient);
  const cloudWatch = mockClient(CloudWatchClient);

  /** As it is deployed: each function's bundle, with the variables that it is given. */
  const envOf = (job: string) => ({
    ...rig.env(),
    POWERTOOLS_SERVICE_NAME: job,
    HOLDFAST_REPOSITORY: `s3://${bucket}/backups-of-shop`,
    AWS_ENDPOINT_URL_S3: strict.endpoint,
    HOLDFAST_SCHEDULE_GROUP: GROUP,
    ...(KEYLESS.includes(job) ? { HOLDFAST_KMS_KEY: '' } : {}),
  });
  const nameOf = (job: string) => `HoldfastPipeline-Pipeline${job}-A1B2C3D4`;
  const deployed = (...left: readonly string[]) =>
    FUNCTION_NAMES.filter((job) => !left.includes(job)).map((job) => ({
      FunctionName: nameOf(job),
      Environment: { Variables: envOf(job) },
    }));
  const look = (...only: readonly string[]): Promise<Diagnosis> =>
    diagnose({
      argv: ['--deployed', 'Holdfast', '--region', 'eu-west-1', ...only.flatMap((name) => ['--only', name])],
      env: { AWS_ENDPOINT_URL_S3: strict.endpoint, AWS_REGION: 'us-east-1' },
    });
  const configure = (more: object = {}) => rig.configure({ ...file, ...more });

  beforeAll(async () => {
    rig = await startAwsRig();
    strict = await strictStore();
    bucket = await healthyBucket();
    vi.stubEnv('AWS_ACCESS_KEY_ID', RGW_CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', RGW_CREDENTIALS.secretAccessKey);
    vi.stubEnv('AWS_ENDPOINT_URL_KMS', rig.aws.endpoint);
    const { status, stderr } = await runCommand('init', { cwd: '/', env: envOf('plan') });
    if (status !== 0) throw new Error(stderr);
    await rig.postgres.createDatabase('shop');
    await rig.postgres.createDatabase('scratch');
    await rig.postgres.query(
      'shop',
      `CREATE TABLE orders AS SELECT 1 AS id; CREATE ROLE limited LOGIN PASSWORD 'pw';
       GRANT pg_read_all_data TO limited`,
    );
    file = {
      sources: { shop: { kind: 'postgres', secret: rig.secretOf('shop') } },
      targets: { scratch: { kind: 'postgres', secret: rig.secretOf('scratch') } },
      drill: { postgres: { secret: rig.aws.addParameter('/drill', rig.postgres.url()) } },
    };
  }, 120_000);
  afterAll(async () => {
    vi.unstubAllEnvs();
    await strict?.[Symbol.asyncDispose]();
    await rig?.[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    configure();
    const names = scheduleNames(resolveConfig({ file, fileName: '', env: {}, flags: {} }));
    lambda.reset();
    lambda.on(ListFunctionsCommand).callsFake(() => ({ Functions: deployed() }));
    lambda.on(GetAccountSettingsCommand).resolves({
      AccountLimit: {
        ConcurrentExecutions: 1000,
        UnreservedConcurrentExecutions: 1000,
        TotalCodeSize: 75 * GiB,
      },
      AccountUsage: { TotalCodeSize: GiB },
    });
    lambda.on(InvokeCommand).callsFake(invoke);
    scheduler.reset();
    scheduler.on(ListSchedulesCommand).resolves({
      Schedules: names.map((Name) => ({ Name, State: 'ENABLED' })),
    });
    cloudWatch.reset();
    alarms({ AlarmName: 'HoldfastMonitoring-MonitoringOld', StateValue: 'OK', ActionsEnabled: true });
    sns.reset();
    sns
      .on(ListTopicsCommand)
      .resolves({ Topics: [{ TopicArn: TOPIC }, { TopicArn: 'arn:aws:sns:::Other' }] });
    subscribe(`${TOPIC}:1`);
  });

  /** What the double of Lambda lists now. */
  async function listed(): Promise<ReturnType<typeof deployed>> {
    const answer = await new LambdaClient({}).send(new ListFunctionsCommand({}));
    return answer.Functions as ReturnType<typeof deployed>;
  }

  /** In a process of its own, under AWS's runtime client. */
  async function invoke({ FunctionName = '', Payload }: { FunctionName?: string; Payload?: Uint8Array }) {
    const found = (await listed()).find((one) => one.FunctionName === FunctionName);
    const env = found?.Environment.Variables ?? envOf('');
    const event = JSON.parse(Buffer.from(Payload ?? []).toString());
    try {
      const answer = await rig.invoke(env.POWERTOOLS_SERVICE_NAME, event, { env });
      return { Payload: Buffer.from(JSON.stringify(answer)) };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      const failure = { errorType, errorMessage };
      return { FunctionError: 'Unhandled', Payload: Buffer.from(JSON.stringify(failure)) };
    }
  }

  function alarms(...MetricAlarms: readonly MetricAlarm[]): void {
    cloudWatch
      .on(DescribeAlarmsCommand, { AlarmNamePrefix: 'Holdfast' })
      .resolves({ MetricAlarms: [...MetricAlarms] });
  }

  function subscribe(SubscriptionArn: string): void {
    sns
      .on(ListSubscriptionsByTopicCommand, { TopicArn: TOPIC })
      .resolves({ Subscriptions: [{ Endpoint: 'ops@example.com', SubscriptionArn }] });
  }

  it('finds nothing where all is well, in every function, and leaves nothing', async () => {
    const { rows, status } = await look();
    expect(rows.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
    expect(status).toBe(0);
    const names = rows.map(({ name }) => name);
    const wanted = [
      'functions',
      'schedules',
      'subscriptions',
      'alarms',
      'concurrency',
      'versioning',
      'key-state',
    ];
    const inside = ['plan/shop/secret', 'plan/shop/rights', 'plan/write-once', 'backup-partition/shop/tls'];
    const others = ['restore/scratch/create', 'drill/drill/create-database', 'prune/write', 'verify/key-use'];
    expect(names).toEqual(expect.arrayContaining([...wanted, ...inside, ...others, 'watchdog/bucket']));
    expect(names).not.toContain('watchdog/key-use');
    const left = await Array.fromAsync(new S3Store(rgwOptions(bucket, 'backups-of-shop')).list(''));
    expect(left.map(({ key }) => key)).toEqual(['repository.json']);
  });

  it.each<[string, string, object, RegExp, RegExp]>([
    [
      'a secret that is not there',
      'plan/shop/secret',
      { secret: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:gone' },
      /gone cannot be read \(ResourceNotFoundException\)/,
      /the function's role may read it/,
    ],
  ])('%s', async (_what, name, source, seen, fix) => {
    configure({ sources: { shop: { kind: 'postgres', ...source } } });
    expectFault(await look('plan'), { name, code: 'E_SOURCE_REFUSED', seen, fix });
  });

  it.each([
    [
      'that is neither a URL nor JSON',
      '{"password":"secret-word"',
      /neither a URL nor JSON/,
      /Store a connection URL/,
    ],
    [
      'of another database',
      '{"engine":"mysql","password":"secret-word"}',
      /engine is 'mysql'/,
      /Store a connection/,
    ],
  ])('a secret %s', async (_what, text, seen, fix) => {
    const secret = rig.aws.addSecret(`odd-${text.length}`, text);
    configure({ sources: { shop: { kind: 'postgres', secret } } });
    expectFault(await look('plan'), { name: 'plan/shop/secret', code: 'E_CONFIG', seen, fix });
  });

  it('logins that may not do what a restore and a drill do', async () => {
    const limited = rig.postgres.url('scratch').replace(/\/\/[^@]*@/, '//limited:pw@');
    const secret = rig.aws.addSecret('limited', limited);
    configure({ targets: { scratch: { kind: 'postgres', secret } }, drill: { postgres: { secret } } });
    expectFault(await look('restore'), {
      name: 'restore/scratch/create',
      code: 'E_SOURCE_DENIED',
      seen: /no CREATE on scratch/,
      fix: /GRANT CREATE ON DATABASE/,
    });
    expectFault(await look('drill'), {
      name: 'drill/drill/create-database',
      code: 'E_SOURCE_DENIED',
      seen: /may not create databases/,
      fix: /CREATEDB/,
    });
  });

  it('schedules that are off or gone', async () => {
    scheduler.on(ListSchedulesCommand).resolves({
      Schedules: [
        { Name: 'backup-daily-shop', State: 'DISABLED' },
        ...['backup-weekly-shop', 'verify', 'prune'].map((Name) => ({ Name, State: 'ENABLED' as const })),
      ],
    });
    expectFault(await look('schedules'), {
      name: 'schedules',
      code: 'E_DEPLOYMENT',
      seen: /backup-daily-shop is off, drill-shop is gone/,
      fix: /Deploy again/,
    });
  });

  it('a subscription that nobody confirmed, and none at all', async () => {
    subscribe('PendingConfirmation');
    const warning = { name: 'subscriptions', outcome: 'warning', code: 'E_DEPLOYMENT' } as const;
    const unconfirmed = { ...warning, seen: /not confirmed by ops@example\.com/, fix: /Follow the link/ };
    expectFault(await look('subscriptions'), unconfirmed);
    sns.on(ListSubscriptionsByTopicCommand).resolves({ Subscriptions: [] });
    expectFault(await look('subscriptions'), { ...warning, seen: /nobody receives alarms/, fix: /emails/ });
  });

  it('alarms that stand, that tell nobody, and none at all', async () => {
    const warning = { name: 'alarms', outcome: 'warning', code: 'E_DEPLOYMENT' } as const;
    alarms(
      { AlarmName: 'BackupOld-shop', StateValue: 'ALARM', ActionsEnabled: true },
      { AlarmName: 'KeyDeletion', StateValue: 'OK', ActionsEnabled: false },
    );
    const seen = /in alarm: BackupOld-shop; with actions disabled: KeyDeletion/;
    expectFault(await look('alarms'), { ...warning, seen, fix: /operations\.md/ });
    alarms();
    expectFault(await look('alarms'), { ...warning, seen: /no alarms/, fix: /monitoring/ });
  });

  it('a new account, where few functions may run at once, and one that is full of code', async () => {
    lambda.on(GetAccountSettingsCommand).resolves({
      AccountLimit: { ConcurrentExecutions: 10, UnreservedConcurrentExecutions: 10, TotalCodeSize: 75 * GiB },
      AccountUsage: { TotalCodeSize: 74 * GiB },
    });
    const warning = { outcome: 'warning', code: 'E_DEPLOYMENT', fix: /higher quota/ } as const;
    const few = { ...warning, name: 'concurrency', seen: /10 of 10 .* takes up to 15/ };
    expectFault(await look('concurrency'), few);
    expectFault(await look('code-storage'), {
      ...warning,
      name: 'code-storage',
      seen: /74\.0 GiB of 75\.0 GiB/,
    });
  });

  it('what these credentials may not see is no failure, and is said', async () => {
    const denied = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    scheduler.on(ListSchedulesCommand).rejects(denied);
    expectFault(await look('schedules'), {
      name: 'schedules',
      outcome: 'warning',
      code: 'E_DEPLOYMENT',
      seen: /may not see the schedules/,
      fix: /Allow scheduler:ListSchedules/,
    });
  });

  it('a function that is gone, one that fails, and one that may not be invoked', async () => {
    lambda.on(ListFunctionsCommand).callsFake(() => ({ Functions: deployed('prune') }));
    expectFault(await look('functions'), {
      name: 'functions',
      code: 'E_DEPLOYMENT',
      seen: /missing: prune/,
      fix: /Deploy again/,
    });
    lambda.on(ListFunctionsCommand).callsFake(() => ({ Functions: deployed() }));
    configure({ lock: { mode: 'governance' } });
    expectFault(await look('functions'), {
      name: 'functions',
      code: 'E_DEPLOYMENT',
      seen: /missing: lock/,
      fix: /Deploy again/,
    });
    lambda.on(ListFunctionsCommand).callsFake(() => {
      configure();
      const Functions = deployed();
      rig.configure({ ...file, sources: { shop: { kind: 'oracle' } } });
      return { Functions };
    });
    const failed = { name: 'verify/invoke', code: 'E_DEPLOYMENT' };
    expectFault(await look('verify'), { ...failed, seen: /E_CONFIG: .*sources\.shop\.kind/s, fix: /./ });
    lambda.on(InvokeCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));
    expectFault(await look('verify'), {
      ...failed,
      seen: /AccessDenied/,
      fix: /Allow lambda:InvokeFunction/,
    });
  });

  it('each poller of several, and names the source whose poller is gone', async () => {
    const shop = file.sources['shop'] as object;
    const stock = { kind: 'postgres', secret: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:gone' };
    const sources = { shop: { ...shop, continuous: {} }, stock: { ...stock, continuous: {} } };
    configure({ sources });
    /** As it is deployed: each with the part of the configuration that is its own. */
    const poller = (name: 'shop' | 'stock') => ({
      FunctionName: nameOf(`poll${name}`),
      Environment: {
        Variables: {
          ...envOf('poll'),
          HOLDFAST_CONFIG: JSON.stringify({ sources: { [name]: sources[name] } }),
        },
      },
    });
    const besides = ['poll-watchdog', 'prove'].map((job) => ({
      FunctionName: nameOf(job),
      Environment: { Variables: envOf(job) },
    }));
    const list = (...pollers: readonly ('shop' | 'stock')[]) =>
      lambda
        .on(ListFunctionsCommand)
        .callsFake(() => ({ Functions: [...deployed(), ...besides, ...pollers.map(poller)] }));
    list('shop', 'stock');
    const { rows } = await look('poll');
    const outcomeOf = (name: string) => rows.find((row) => row.name === name)?.outcome;
    expect(['poll/shop/secret', 'poll/stock/secret'].map(outcomeOf)).toEqual(['ok', 'failed']);
    expect(rows.filter(({ name }) => name.startsWith('poll/stock/')).length).toBeGreaterThan(2);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    list('shop');
    expectFault(await look('functions'), {
      name: 'functions',
      code: 'E_DEPLOYMENT',
      seen: /missing: poll of stock/,
      fix: /Deploy again/,
    });
  });

  it('tells people of a function in one line, and of what is wrong there in full', async () => {
    const drill = { postgres: { secret: rig.aws.addSecret('nowhere', 'postgres://me:pw@127.0.0.1:1/x') } };
    configure({ drill });
    const env = { AWS_ENDPOINT_URL_S3: strict.endpoint };
    const line = 'doctor --deployed Holdfast --region eu-west-1 --only drill --only restore';
    const { stdout } = await runCommand(line, { cwd: '/', env, columns: 120 });
    expect(stdout).toMatch(/^ok +restore +\d+ checks\n/);
    expect(stdout).toMatch(
      /^FAILED +drill\/drill\/route +postgres:\/\/127\.0\.0\.1:1\/x: .*\n +fix: Start the server/m,
    );
    expect(stdout).toMatch(/^ok +drill +\d+ of \d+ checks$/m);
  });

  it('refuses a name that no deployment has, and one that two have', async () => {
    await expect(diagnose({ argv: ['--deployed', 'Nothing', '--region', 'eu-west-1'] })).rejects.toThrow(
      /no functions of a deployment Nothing/,
    );
    lambda.on(ListFunctionsCommand).callsFake(() => ({
      Functions: deployed().flatMap((one) => [
        one,
        { ...one, FunctionName: `HoldfastTest${one.FunctionName}` },
      ]),
    }));
    await expect(look()).rejects.toThrow(/2 deployments have names that begin with Holdfast/);
  });
});

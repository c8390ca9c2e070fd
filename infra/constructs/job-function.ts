import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { DeployedFunction } from '../../shared/config/aws.ts';
import { bundleOf } from './bundles.ts';

/** Where functions run, so that they reach the database. */
export interface FunctionNetwork {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection;
  readonly securityGroups: ISecurityGroup[];
}

/** How much a function gets. */
export interface FunctionSize {
  /** MiB; CPU grows with it. */
  readonly memoryMiB?: number | undefined;
  readonly timeoutMinutes?: number | undefined;
  /**
   * At most this many run at once, taken from the account's total; 0: as many as the account allows.
   *
   * @default 0
   */
  readonly reservedConcurrency?: number | undefined;
  /** Environment variables of your own. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** What a function runs, may do, and is told. */
export interface JobFunctionProps {
  readonly job: DeployedFunction;
  readonly environment: Readonly<Record<string, string>>;
  readonly statements: readonly PolicyStatement[];

  /**
   * Folder with one folder per function, as `npm run build` makes them.
   *
   * @default - the package's own
   */
  readonly bundles?: string | undefined;

  /** @default - by job: docs/guide/aws.md */
  readonly size?: FunctionSize | undefined;

  /** @default - not in a VPC */
  readonly network?: FunctionNetwork | undefined;

  /** ARN of the event bus that Lambda sends what it answered to calls that nobody waits for. @default - nobody is told */
  readonly onSuccess?: string | undefined;

  /** @default RetentionDays.THREE_MONTHS */
  readonly logRetention?: RetentionDays | undefined;
}

interface Defaults {
  readonly memoryMiB: number;
  readonly timeout: Duration;
  readonly description: string;
}

const size = (memoryMiB: number, timeoutMinutes: number, description: string): Defaults => ({
  memoryMiB,
  timeout: Duration.minutes(timeoutMinutes),
  description,
});
/**
 * If there is no capacity for a function that is called without waiting, Lambda tries again for this long.
 */
const EVENT_AGE = Duration.hours(1);
/** For a holder: shorter than its state machine waits, which then calls another. */
export const HOLD_EVENT_AGE = Duration.minutes(5);
/** What is called every minute: the next call does it too. */
const MINUTE_EVENT_AGE = Duration.minutes(1);
const EVENT_AGES: Readonly<Partial<Record<DeployedFunction, Duration>>> = {
  hold: HOLD_EVENT_AGE,
  poll: MINUTE_EVENT_AGE,
  'poll-watchdog': MINUTE_EVENT_AGE,
};
/** API Gateway waits for 30 seconds: a longer request must end itself first. */
const API_TIMEOUT = Duration.seconds(29);

const DEFAULTS: Readonly<Record<DeployedFunction, Defaults>> = {
  plan: size(1024, 15, 'Plans a backup in shares'),
  hold: size(1024, 15, 'Plans a backup, and holds the snapshot that its shares read'),
  'backup-partition': size(1769, 15, 'Backs up one share of a plan'),
  commit: size(1769, 15, 'Lists a backup once all its shares are stored, or gives it up'),
  verify: size(1769, 15, 'Reads stored backups and checks them'),
  restore: size(1769, 15, 'Restores a backup into a target'),
  export: size(1769, 15, 'Prepares a backup for download'),
  prune: size(1024, 15, 'Removes what retention no longer keeps'),
  drill: size(1769, 15, 'Restores into a scratch database and compares'),
  lock: size(1024, 15, 'Locks what backups need until retention lets them go'),
  copy: size(1769, 15, 'Copies backups to second places'),
  poll: size(512, 15, 'Stores what changed in one source since the last poll'),
  'poll-watchdog': size(
    256,
    1,
    'Makes servers release the log that they hold for polls before it fills their disks',
  ),
  prove: size(1769, 15, 'Compares a backup with the one before it and the changes between them'),
  watchdog: size(512, 5, 'Measures how old the newest good backup is'),
  'admin-api': { ...size(1024, 1, 'Answers the admin API'), timeout: API_TIMEOUT },
  'put-back': size(1769, 15, 'Puts rows of backups back into a target'),
  look: { ...size(1769, 1, 'Shows rows of backups to the admin API'), timeout: API_TIMEOUT },
  decide: size(1024, 1, 'Writes down what somebody decides by the admin API'),
};

/** One function with a role, a log and a dead-letter queue of its own. */
export class JobFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: JobFunctionProps) {
    super(scope, id);
    const { job, network, environment } = props;
    const defaults = DEFAULTS[job];
    const { memoryMiB = defaults.memoryMiB, timeoutMinutes, reservedConcurrency = 0 } = props.size ?? {};
    const timeout = timeoutMinutes === undefined ? defaults.timeout : Duration.minutes(timeoutMinutes);
    this.deadLetterQueue = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention ?? RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Holdfast: ${defaults.description}`,
    });
    logGroup.grantWrite(this.role);
    for (const statement of props.statements) this.role.addToPolicy(statement);
    if (network) for (const statement of networkStatements()) this.role.addToPolicy(statement);
    // The caller repeats a failed step, and never Lambda on its own.
    const calls = { retryAttempts: 0, maxEventAge: EVENT_AGES[job] ?? EVENT_AGE };
    const { onSuccess: destination } = props;
    const told = destination === undefined ? {} : { onSuccess: { bind: () => ({ destination }) } };
    this.function = new LambdaFunction(this, 'Resource', {
      description: `Holdfast: ${defaults.description}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(bundleOf(job, props.bundles)),
      memorySize: memoryMiB,
      timeout,
      ...(reservedConcurrency > 0 ? { reservedConcurrentExecutions: reservedConcurrency } : {}),
      ...calls,
      ...told,
      // Lambda applies them only to the unpublished code.
      currentVersionOptions: calls,
      deadLetterQueue: this.deadLetterQueue,
      tracing: Tracing.ACTIVE,
      logGroup,
      role: this.role,
      ...network,
      environment: {
        POWERTOOLS_SERVICE_NAME: job,
        ...GIVE_BACK_MEMORY,
        ...props.size?.environment,
        ...environment,
      },
    });
  }
}

/** Makes glibc return the memory of large buffers to the system (docs/internals/performance.md). */
const GIVE_BACK_MEMORY = { MALLOC_MMAP_THRESHOLD_: '2097152', MALLOC_TRIM_THRESHOLD_: '4194304' };

/**
 * For Lambda itself, to attach functions to a VPC; it has no resource for these. Calls by a function's code
 * carry a source function.
 */
function networkStatements(): PolicyStatement[] {
  const calls = {
    actions: [
      'ec2:CreateNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:DeleteNetworkInterface',
      'ec2:AssignPrivateIpAddresses',
      'ec2:UnassignPrivateIpAddresses',
    ],
    resources: ['*'],
  };
  const conditions = { Null: { 'lambda:SourceFunctionArn': 'false' } };
  return [
    new PolicyStatement({ sid: 'Network', ...calls }),
    new PolicyStatement({ sid: 'NotByCode', effect: Effect.DENY, ...calls, conditions }),
  ];
}

import path from 'node:path';
import { Names } from 'aws-cdk-lib';
import type { IConnectable } from 'aws-cdk-lib/aws-ec2';
import { Connections, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { EventBus, type IEventBus } from 'aws-cdk-lib/aws-events';
import { type Grant, type IGrantable, type IRole, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { FUNCTION_NAMES, type FunctionName, type OptionalFunctionName } from '../../shared/config/aws.ts';
import { type HoldfastConfig, type ResolvedConfig, resolveConfig } from '../../shared/config/config.ts';
import { drilledSources, jobOfSource } from '../../shared/config/schedule-names.ts';
import { BackupCopies } from './backup-copies.ts';
import { BackupEndpoints, endpointServices } from './backup-endpoints.ts';
import type { BackupPipelineProps } from './backup-pipeline-props.ts';
import { BackupSchedules } from './backup-schedules.ts';
import { BackupStateMachine } from './backup-state-machine.ts';
import { bundleOf } from './bundles.ts';
import { ContinuousBackup } from './continuous-backup.ts';
import { copyListStatements, copyStatements } from './copy-statements.ts';
import { loginsOf } from './database-logins.ts';
import { DecryptRule } from './decrypt-rule.ts';
import { FargateTasks, TASK_JOBS, type TaskJob } from './fargate-runtime.ts';
import {
  fipsEnvironment,
  functionConfig,
  functionEnvironment,
  notifyEnvironment,
} from './function-settings.ts';
import { type FunctionNetwork, JobFunction } from './job-function.ts';
import { type JobStatementsOptions, jobStatements, reachesDatabases } from './job-statements.ts';
import { notifyStatements } from './notify-statements.ts';
import { checkConfig, withLock } from './pipeline-checks.ts';
import { type MadeFunctions, madeForPolls } from './polled-functions.ts';
import { DEPLOYMENT } from './put-event.ts';
import { removable } from './removable.ts';
import { HANDED_OVER, TaskRun } from './task-run.ts';
import { VerificationStateMachine } from './verification-state-machine.ts';

const CALL_BACK = ['states:SendTaskSuccess', 'states:SendTaskFailure'];

/** Jobs that open records; so does a backup that stores deltas. */
const OPENERS = ['restore', 'drill', 'export', 'verify'] as const satisfies FunctionName[];

/** Made only if the configuration asks for what they do. */
const REMOVABLE: readonly string[] = [
  'copy',
  'lock',
  'poll',
  'poll-watchdog',
  'prove',
] satisfies OptionalFunctionName[];

/** Functions with a role each, the state machine of a backup, and the schedules that start everything. */
export class BackupPipeline extends Construct implements IConnectable {
  readonly config: ResolvedConfig;
  readonly eventBus: IEventBus;
  /** Its own name in its account and region: metrics and events carry it. */
  readonly deployment: string;
  readonly stateMachine: BackupStateMachine['stateMachine'];
  /** Verifies backups of any size. */
  readonly verification: VerificationStateMachine['stateMachine'];
  readonly schedules: BackupSchedules;
  /** Renews locks, if there are any. */
  readonly lock: JobFunction | undefined;
  /** Show rows to the admin API, and put them back. */
  readonly ofRows: Readonly<Record<'look' | 'put-back', JobFunction>>;
  readonly #tasks: FargateTasks | undefined;
  readonly #connections: Connections | undefined;
  /** Copies backups, if there are second places. */
  readonly copies: BackupCopies | undefined;
  /** Stores changes between backups, if that is configured. */
  readonly continuous: ContinuousBackup | undefined;
  /** Detects others who open records, if that is configured. */
  readonly decrypts: DecryptRule | undefined;
  readonly #functions: Readonly<Record<FunctionName, JobFunction>>;

  constructor(scope: Construct, id: string, given: BackupPipelineProps) {
    super(scope, id);
    const props = { ...given, bundles: given.bundles ?? this.node.tryGetContext('holdfast:bundles') };
    const file = withLock(props.config, props.storage);
    this.config = resolveConfig({ file, fileName: 'config', env: {}, flags: {} });
    checkConfig(this.config);
    this.deployment = Names.uniqueResourceName(this, { maxLength: 64 });
    this.node.setContext(DEPLOYMENT, this.deployment);
    this.eventBus = props.eventBus ?? EventBus.fromEventBusName(this, 'Bus', 'default');
    const { aws, deltas, signing } = this.config;
    const network = this.#network(props);
    this.#connections = network && new Connections({ securityGroups: network.securityGroups });
    if (props.endpoints) this.#makeEndpoints(network);
    const statements = {
      place: {
        ...props.storage.placeFor(deltas),
        sources: this.config.sources.map(({ name }) => name),
        ownSourcesOnly: aws.ownSourcesOnly,
        lock: this.config.lock,
        signingKeyArn: signing.kmsKey,
      },
      logins: loginsOf(this, this.config),
      eventBusArn: this.eventBus.eventBusArn,
    };
    const environment = {
      ...functionEnvironment(props.storage, this.eventBus, functionConfig(file)),
      ...fipsEnvironment(aws),
      HOLDFAST_DEPLOYMENT: this.deployment,
    };
    this.#functions = this.#makeFunctions(props, { network, statements, environment });
    this.lock = this.config.lock && this.#makeFunction('lock', props, { network, statements, environment });
    this.ofRows = {
      look: this.#makeFunction('look', props, { network, statements, environment }),
      'put-back': this.#makeFunction('put-back', props, { network, statements, environment }),
    };
    this.copies = this.#makeCopies(props, { network, statements, environment });
    this.#makeNotifications(file, statements);
    const fargate = this.#fargate(props, { network, statements, environment });
    this.#tasks = fargate;
    if (fargate) this.#makeTaskRuns(fargate);
    this.stateMachine = new BackupStateMachine(this, 'Backup', {
      functions: {
        plan: this.job('plan').function,
        hold: this.job('hold').function,
        backupPartition: this.job('backup-partition').function,
        commit: this.job('commit').function,
        verify: this.job('verify').function,
        lock: this.lock?.function,
      },
      eventBus: this.eventBus,
      fargate,
      holdOnFargate: aws.fargate?.holder,
      maxConcurrency: aws.maxConcurrency,
      logRetention: aws.logDays,
    }).stateMachine;
    this.verification = new VerificationStateMachine(this, 'Verification', {
      functions: { verify: this.job('verify').function, commit: this.job('commit').function },
      eventBus: this.eventBus,
      maxConcurrency: aws.maxConcurrency,
      logRetention: aws.logDays,
    }).stateMachine;
    this.#allowCallback(fargate);
    this.schedules = this.#makeSchedules(props);
    this.continuous = this.#makeContinuous(file, props, { network, statements, environment });
    this.decrypts = this.#makeDecryptRule(props);
  }

  /**
   * What connects to the databases. `connections.allowToDefaultPort(database)` lets it in, in the same stack
   * or another.
   *
   * @throws if there is no VPC
   */
  get connections(): Connections {
    if (this.#connections) return this.#connections;
    throw new Error('vpc is not set: functions outside of a VPC have no security group');
  }

  /** Whether functions that connect to databases are in a VPC. */
  get isInVpc(): boolean {
    return this.#connections !== undefined;
  }

  /** The function of a job. */
  function(job: FunctionName): IFunction {
    return this.#functions[job].function;
  }

  /** A job's function with its role and its dead letters. */
  job(job: FunctionName): JobFunction {
    return this.#functions[job];
  }

  /**
   * A command line that starts a job's task, with the event that its function takes
   * (docs/reference/functions.md).
   *
   * @throws if there is no Fargate
   */
  taskCommand(job: TaskJob, event: object): string {
    if (this.#tasks) return this.#tasks.commandOf(job, event);
    throw new Error('fargate is not set: there are no tasks');
  }

  /** Lets `grantee` start backups. */
  grantStartBackup(grantee: IGrantable): Grant {
    return this.stateMachine.grantStartExecution(grantee);
  }

  /** Lets `grantee` restore into the configured targets by invoking the function. */
  grantInvokeRestore(grantee: IGrantable): Grant {
    return this.function('restore').grantInvoke(grantee);
  }

  #network({ vpc, vpcSubnets, securityGroups }: BackupPipelineProps): FunctionNetwork | undefined {
    if (!vpc) return undefined;
    return {
      vpc,
      vpcSubnets: vpcSubnets ?? {
        subnets: vpc.privateSubnets.length > 0 ? vpc.privateSubnets : vpc.isolatedSubnets,
      },
      securityGroups: securityGroups ?? [
        new SecurityGroup(this, 'SecurityGroup', { vpc, description: 'Holdfast: out only' }),
      ],
    };
  }

  #makeEndpoints(network: FunctionNetwork | undefined): void {
    if (!network) throw new Error('endpoints is set, but there is no vpc to make them in');
    if (this.config.aws.fips)
      throw new Error(
        'endpoints and aws.fips are both set: not every service has a FIPS endpoint in a VPC; make the ones that your region has',
      );
    new BackupEndpoints(this, 'Endpoints', { ...network, services: endpointServices(this.config) });
  }

  #makeFunctions(props: BackupPipelineProps, made: Made): Readonly<Record<FunctionName, JobFunction>> {
    const functions = FUNCTION_NAMES.map((job) => [job, this.#makeFunction(job, props, made)]);
    return Object.fromEntries(functions) as Record<FunctionName, JobFunction>;
  }

  #makeFunction(
    job: FunctionName | OptionalFunctionName,
    { bundles, storage }: BackupPipelineProps,
    { network, statements, environment, id = job, onSuccess }: Made & JobMade,
  ): JobFunction {
    const { functions = {}, logDays } = this.config.aws;
    const made = new JobFunction(this, id, {
      job,
      environment,
      statements: jobStatements(job, statements),
      size: functions[job],
      network: reachesDatabases(job) ? network : undefined,
      bundles,
      logRetention: logDays,
      onSuccess,
    });
    // Its variables name the bucket by reference: the same text for another bucket, and so the same version.
    if (storage.madeName !== undefined) made.function.invalidateVersionBasedOn(storage.madeName);
    if (REMOVABLE.includes(job)) removable(made.function, made.deadLetterQueue);
    return made;
  }

  /** A function for each source, which knows and may read nothing of the others. */
  #makeContinuous(
    file: HoldfastConfig,
    props: BackupPipelineProps,
    made: MadeFunctions,
  ): ContinuousBackup | undefined {
    const { eventBus, deployment, stateMachine, schedules } = this;
    const of = madeForPolls(this, { file, config: this.config, made });
    if (of.polled.length === 0) return undefined;
    const polled = of.polled.map(({ name, everyMs, ...own }) => {
      const onSuccess = eventBus.eventBusArn;
      const job = this.#makeFunction('poll', props, { ...own, id: jobOfSource('poll', name), onSuccess });
      return { name, everyMs, job };
    });
    const continuous = new ContinuousBackup(this, 'Continuous', {
      polled,
      watchdog: this.#makeFunction('poll-watchdog', props, of.watchdog),
      proof: this.#makeFunction('prove', props, made),
      stateMachine,
      eventBus,
      deployment,
      scheduleGroup: schedules.group,
      deadLetterQueue: schedules.deadLetterQueue,
      enabled: props.enabled ?? true,
    });
    continuous.madeSureBy(this.job('watchdog'));
    return continuous;
  }

  /** The watchdog checks how far second places are behind. */
  #makeCopies(props: BackupPipelineProps, made: Made): BackupCopies | undefined {
    const { copies, aws } = this.config;
    if (copies.length === 0) return undefined;
    for (const statement of copyListStatements(this, copies))
      this.#functions.watchdog.role.addToPolicy(statement);
    const job = this.#makeFunction('copy', props, made);
    for (const statement of copyStatements(this, copies)) job.role.addToPolicy(statement);
    const { eventBus } = this;
    return new BackupCopies(this, 'Copies', {
      job,
      eventBus,
      deployment: this.deployment,
      enabled: props.enabled,
      logRetention: aws.logDays,
    });
  }

  /** The watchdog notifies channels. */
  #makeNotifications(file: HoldfastConfig, { place }: JobStatementsOptions): void {
    const { function: watchdog, role } = this.#functions.watchdog;
    for (const statement of notifyStatements(place, this.config.channels)) role.addToPolicy(statement);
    for (const [name, value] of Object.entries(notifyEnvironment(file))) watchdog.addEnvironment(name, value);
  }

  #fargate(
    { bundles }: BackupPipelineProps,
    { network, statements, environment }: Made,
  ): FargateTasks | undefined {
    const { fargate, functions = {}, logDays = RetentionDays.THREE_MONTHS } = this.config.aws;
    if (!fargate) return undefined;
    if (!network) throw new Error('aws.fargate is set, but there is no vpc for its tasks');
    const image = bundleOf('task', bundles === undefined ? undefined : path.resolve(bundles));
    return new FargateTasks(this, 'Tasks', {
      ...network,
      ...fargate,
      image,
      environment: (job) => ({ ...functions[job]?.environment, ...environment }),
      statements: (job) => jobStatements(job, statements),
      logRetention: logDays,
    });
  }

  /** A function starts only the tasks of its own job. */
  #makeTaskRuns(fargate: FargateTasks): void {
    for (const job of HANDED_OVER) {
      const { eventBus } = this;
      const logRetention = this.config.aws.logDays;
      const { stateMachine } = new TaskRun(this, `${job}-task`, { job, fargate, eventBus, logRetention });
      this.job(job).function.addEnvironment('HOLDFAST_TASK_MACHINE', stateMachine.stateMachineArn);
      stateMachine.grantStartExecution(this.job(job).role);
    }
  }

  #makeDecryptRule({ storage }: BackupPipelineProps): DecryptRule | undefined {
    const { aws, deltas } = this.config;
    const { decrypts } = aws.alarms;
    if (!decrypts) return undefined;
    const jobs: readonly FunctionName[] = [...OPENERS, ...(deltas ? (['backup-partition'] as const) : [])];
    const tasks = this.#tasks;
    const asTasks = tasks ? TASK_JOBS.filter((job) => jobs.includes(job)).map((job) => tasks.task(job)) : [];
    const roles: IRole[] = [
      ...jobs.map((job) => this.#functions[job].role),
      ...Object.values(this.ofRows).map(({ role }) => role),
      ...(this.continuous ? [this.continuous.proof.role] : []),
      ...asTasks.map(({ taskDefinition }) => taskDefinition.taskRole),
    ];
    return new DecryptRule(this, 'Decrypts', {
      keyArns: storage.placeFor(deltas).keyArns,
      roleArns: [...roles.map(({ roleArn }) => roleArn), ...decrypts.alsoBy],
    });
  }

  /** In a policy of its own: the state machine names the function, and the policy the state machine. */
  #allowCallback(fargate: FargateTasks | undefined): void {
    const allow = (id: string, roles: IRole[], actions: string[]) =>
      new Policy(this, id, {
        roles,
        statements: [new PolicyStatement({ actions, resources: [this.stateMachine.stateMachineArn] })],
      });
    const roleOf = (job: TaskJob) => (fargate ? [fargate.task(job).taskDefinition.taskRole] : []);
    allow('Callback', [this.#functions.hold.role, ...roleOf('hold')], CALL_BACK);
    const shares = roleOf('backup-partition');
    if (shares.length > 0) allow('ShareCallback', shares, [...CALL_BACK, 'states:SendTaskHeartbeat']);
  }

  #makeSchedules({ enabled }: BackupPipelineProps): BackupSchedules {
    const { sources, aws } = this.config;
    const schedules = new BackupSchedules(this, 'Schedules', {
      stateMachine: this.stateMachine,
      verification: this.verification,
      functions: {
        prune: this.function('prune'),
        drill: this.function('drill'),
        lock: this.lock?.function,
        watchdog: this.function('watchdog'),
      },
      sources: sources.map(({ name }) => name),
      drilled: drilledSources(this.config),
      copies: this.copies?.stateMachine,
      backups: aws.schedules,
      jobs: aws.jobs,
      enabled,
    });
    schedules.watchedBy(this.job('watchdog').function);
    return schedules;
  }
}

type Made = MadeFunctions;

/** What is said of one function. */
interface JobMade {
  /** @default its job */
  readonly id?: string;
  /** ARN of the bus that Lambda sends its answers to. @default they go nowhere */
  readonly onSuccess?: string;
}

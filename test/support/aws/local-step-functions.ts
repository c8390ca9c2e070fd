import { App, Stack } from 'aws-cdk-lib';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage, FargateTaskDefinition, type ICluster } from 'aws-cdk-lib/aws-ecs';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import { BackupStateMachine } from '../../../infra/constructs/backup-state-machine.ts';
import type { BackupStateMachineProps } from '../../../infra/constructs/backup-state-machine-props.ts';
import type { FargateRuntime } from '../../../infra/constructs/fargate-runtime.ts';
import { VerificationStateMachine } from '../../../infra/constructs/verification-state-machine.ts';
import type { AwsRig, Settings } from './aws-rig.ts';
import { expectDocumented } from './event-schema.ts';
import { stateMachineOf } from './synthesised.ts';

/** Functions by the state that invokes them. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  Plan: 'plan',
  BackupPartition: 'backup-partition',
  Commit: 'commit',
  NoteShareFailure: 'commit',
  Abort: 'commit',
  VerifyPart: 'verify',
  PlanVerification: 'verify',
  ExplainPlan: 'commit',
  GatherParts: 'verify',
  ExplainParts: 'commit',
  ExplainLock: 'commit',
  Lock: 'lock',
};

export interface Execution {
  /** `succeeded`, or the name of the error that it failed with. */
  readonly outcome: string;
  /** Names of states that called something, in order. */
  readonly states: readonly string[];
  /** Events that it put on the bus. */
  readonly events: readonly { readonly type: string; readonly detail: Readonly<Record<string, unknown>> }[];
}

/** What may be done about one call of a function; undefined: nothing. Called before it. */
export type Meddle = (
  state: string,
  event: Readonly<Record<string, unknown>>,
) => Promise<Settings | undefined>;

/** Step Functions gets what a function fails with as JSON; what Lambda itself says is text. */
export async function asFunctionsFail<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { name, message } = error as Error;
    if (/^(Lambda|States)\./.test(name)) throw error;
    const cause = JSON.stringify({ errorType: name, errorMessage: message, trace: [] });
    throw Object.assign(new Error(cause), { name });
  }
}

/** What a task is started with: the name of its job, and its variables. */
export type RunTask = (job: string, env: Readonly<Record<string, string>>) => Promise<unknown>;

interface TaskParameters {
  readonly Overrides: {
    readonly ContainerOverrides: readonly [
      {
        readonly Command: readonly [string];
        readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
      },
    ];
  };
}

/** The state machine of a backup, as the stacks have it. @param settings.isLocked where there are locks to be kept up */
export function backupMachine(
  props: Partial<BackupStateMachineProps> = {},
  { isLocked = false, hasTasks = false }: { readonly isLocked?: boolean; readonly hasTasks?: boolean } = {},
): StateMachineDefinition {
  const stack = new Stack(new App(), 'Test');
  const lambda = (name: string) => functionNamed(stack, name);
  new BackupStateMachine(stack, 'Backup', {
    functions: {
      plan: lambda('plan'),
      hold: lambda('hold'),
      backupPartition: lambda('backup-partition'),
      commit: lambda('commit'),
      verify: lambda('verify'),
      ...(isLocked ? { lock: lambda('lock') } : {}),
    },
    eventBus: EventBus.fromEventBusName(stack, 'Bus', 'default'),
    ...(hasTasks ? { fargate: tasksIn(stack) } : {}),
    ...props,
  });
  return stateMachineOf(stack);
}

function tasksIn(stack: Stack): FargateRuntime {
  const vpc = new Vpc(stack, 'Vpc') as IVpc;
  const taskDefinition = new FargateTaskDefinition(stack, 'Task');
  const container = taskDefinition.addContainer('holdfast', {
    image: ContainerImage.fromRegistry('holdfast'),
  });
  return {
    cluster: new Cluster(stack, 'Cluster', { vpc }) as ICluster,
    subnets: { subnets: vpc.privateSubnets },
    securityGroups: [new SecurityGroup(stack, 'Group', { vpc })],
    assignPublicIp: false,
    task: () => ({ taskDefinition, container }),
  };
}

/** The state machine of verifications, as the stacks have it. */
export function verificationMachine(): StateMachineDefinition {
  const stack = new Stack(new App(), 'Test');
  new VerificationStateMachine(stack, 'Verification', {
    functions: { verify: functionNamed(stack, 'verify'), commit: functionNamed(stack, 'commit') },
    eventBus: EventBus.fromEventBusName(stack, 'Bus', 'default'),
  });
  return stateMachineOf(stack);
}

function functionNamed(stack: Stack, name: string): LambdaFunction {
  return new LambdaFunction(stack, name, {
    runtime: Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: Code.fromInline('exports.handler = async () => {}'),
  });
}

/** Runs it in a local interpreter; each task is a function in a process of its own. */
export async function execute(
  machine: StateMachineDefinition,
  input: Readonly<Record<string, unknown>>,
  {
    rig,
    id,
    meddle = async () => undefined,
    retriesWait = false,
    runTask,
  }: {
    readonly rig: AwsRig;
    readonly id: string;
    readonly meddle?: Meddle | undefined;
    /** As long as the machine says, instead of not at all. */
    readonly retriesWait?: boolean;
    /** Where shares may run as tasks; what it answers, the task has called back. */
    readonly runTask?: RunTask;
  },
): Promise<Execution> {
  const states: string[] = [];
  const events: { type: string; detail: Record<string, unknown> }[] = [];
  const holders: Promise<unknown>[] = [];
  const invoke = (state: string) => async (event: Record<string, unknown>) => {
    states.push(state);
    const settings = await meddle(state, event);
    return asFunctionsFail(() => rig.invoke(FUNCTIONS[state] ?? '', event, settings));
  };
  const hold = async ({ Payload }: { Payload: Record<string, unknown> }) => {
    states.push('Hold');
    const holder = rig.invoke('hold', Payload, await meddle('Hold', Payload));
    holders.push(holder.catch(() => {}));
    const answer = await rig.aws.task(String(Payload['taskToken']));
    if ('output' in answer) return answer.output;
    throw Object.assign(new Error(answer.cause), { name: answer.error });
  };
  const task = async ({ Overrides }: TaskParameters) => {
    states.push('BackupPartitionTask');
    const [{ Command, Environment }] = Overrides.ContainerOverrides;
    return runTask?.(Command[0], Object.fromEntries(Environment.map(({ Name, Value }) => [Name, Value])));
  };
  const notify = async ({
    Entries,
  }: {
    Entries: readonly { DetailType: string; Detail: Record<string, unknown> }[];
  }) => {
    for (const { DetailType: type, Detail: detail } of Entries) {
      states.push(type);
      events.push({ type, detail });
    }
    return { FailedEntryCount: 0 };
  };
  const names = [
    ...Object.keys(machine.States),
    'BackupPartition',
    'BackupPartitionTask',
    'NoteShareFailure',
    'VerifyPart',
  ];
  const others: Readonly<Record<string, unknown>> = { Hold: hold, BackupPartitionTask: task };
  const handlers = Object.fromEntries(
    names.map((name) => [name, others[name] ?? (name in FUNCTIONS ? invoke(name) : notify)]),
  );
  const execution = new StateMachine(machine, { validationOptions: { noValidate: true } }).run(
    input as never,
    {
      overrides: {
        taskResourceLocalHandlers: handlers as never,
        ...(retriesWait
          ? {}
          : { retryIntervalOverrides: Object.fromEntries(names.map((name) => [name, 0])) }),
      },
      context: {
        Execution: { Id: `arn:aws:states:eu-west-1:111122223333:execution:backup:${id}`, Input: input },
        Task: { Token: `token of ${id}` },
      } as never,
    },
  );
  const outcome = await execution.result.then(
    () => 'succeeded',
    (error: Error & { cause?: Error }) => String(error.cause?.name ?? error.name),
  );
  await Promise.all(holders);
  expectDocumented(events);
  return { outcome, states, events };
}

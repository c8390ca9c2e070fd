import { Duration } from 'aws-cdk-lib';
import { FargatePlatformVersion } from 'aws-cdk-lib/aws-ecs';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import {
  Choice,
  Condition,
  DistributedMap,
  Fail,
  type IChainable,
  IntegrationPattern,
  JsonPath,
  Pass,
  type RetryProps,
  StateMachineType,
  TaskInput,
  type TaskStateBase,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { EcsFargateLaunchTarget, LambdaInvocationType } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { DEFAULT_SHARES_AT_ONCE } from '../../shared/config/aws.ts';
import type { BackupStateMachineProps } from './backup-state-machine-props.ts';
import type { FargateRuntime, TaskJob } from './fargate-runtime.ts';
import { HOLD_EVENT_AGE } from './job-function.ts';
import { CAUGHT, jobStep, runEvent } from './job-step.ts';
import { RevisionTask, VersionInvoke } from './pinned-steps.ts';
import { HOLD_RETRIES, TASK_RETRIES } from './retries.ts';

/** Partitions that are read at a time unless something else is said. */
export const DEFAULT_CONCURRENCY = DEFAULT_SHARES_AT_ONCE;
const DEFAULT_HOLD_START = HOLD_EVENT_AGE.plus(Duration.minutes(5));
/** Longer than the task's own twelve hours, so that the task itself can say that they are over. */
const TASK_TIMEOUT = Duration.hours(12).plus(Duration.minutes(30));
/** A task has started by then, with its image fetched; a live one sends a heartbeat every minute. */
const TASK_SILENCE = Duration.minutes(10);
const TOKEN = { name: 'HOLDFAST_TASK_TOKEN', value: JsonPath.taskToken };
const SHARE_EVENT = { ...runEvent('$.run'), share: JsonPath.numberAt('$.share') };

/**
 * Has a function, or a task, plan and then keep the database's snapshot open; goes on to `next` when it has
 * called back.
 *
 * @returns the first state
 */
export function holdStep(
  scope: Construct,
  props: BackupStateMachineProps,
  { next, failed }: { readonly next: IChainable; readonly failed: IChainable },
): IChainable {
  const { fargate, holdOnFargate, functions, holdStartTimeout = DEFAULT_HOLD_START } = props;
  const common = {
    integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
    taskTimeout: Timeout.duration(holdStartTimeout),
    resultPath: '$.plan',
  };
  const event = {
    ...runEvent('$.plan.run'),
    note: JsonPath.stringAt('$.note'),
    noParent: JsonPath.objectAt('$.plan.noParent'),
  };
  if (fargate && holdOnFargate) {
    const task = new RevisionTask(scope, 'Hold', {
      ...common,
      ...taskProps(fargate, 'hold', '$.hold', [TOKEN]),
    });
    retrying(task, HOLD_RETRIES).addCatch(failed, CAUGHT).next(next);
    return new Pass(scope, 'HoldEvent', { parameters: event, resultPath: '$.hold' }).next(task);
  }
  const hold = new VersionInvoke(scope, 'Hold', {
    ...common,
    lambdaFunction: functions.hold,
    invocationType: LambdaInvocationType.EVENT,
    retryOnServiceExceptions: false,
    payload: TaskInput.fromObject({ ...event, taskToken: JsonPath.taskToken }),
  });
  retrying(hold, HOLD_RETRIES).addCatch(failed, CAUGHT).next(next);
  return hold;
}

function retrying(step: TaskStateBase, retries: readonly RetryProps[]): TaskStateBase {
  for (const retry of retries) step.addRetry(retry);
  return step;
}

/**
 * Every share of the plan, each in an execution of its own. The answer of a share is small: there may be
 * thousands.
 */
export function partitionStep(scope: Construct, props: BackupStateMachineProps): DistributedMap {
  const { fargate, functions, maxConcurrency = DEFAULT_CONCURRENCY } = props;
  const inFunction = jobStep(scope, 'BackupPartition', {
    lambdaFunction: functions.backupPartition,
    event: SHARE_EVENT,
    resultSelector: { 'share.$': '$.share' },
  });
  const failed = shareFailure(scope, functions.commit);
  inFunction.addCatch(failed, CAUGHT);
  const runtime = new Choice(scope, 'Runtime')
    .when(Condition.stringEquals('$.runtime', 'fargate'), taskStep(scope, fargate, failed))
    .otherwise(inFunction);
  const map = new DistributedMap(scope, 'Partitions', {
    itemsPath: '$.plan.shares',
    label: 'Partitions',
    maxConcurrency,
    mapExecutionType: StateMachineType.STANDARD,
    resultPath: JsonPath.DISCARD,
  });
  return map.itemProcessor(runtime);
}

/** Records the reason: the map itself only says that a share failed. */
function shareFailure(scope: Construct, commit: LambdaFunction): IChainable {
  const failed = new Fail(scope, 'ShareFailed', {
    errorPath: '$.failure.Error',
    cause: 'a share could not be backed up',
  });
  const note = jobStep(scope, 'NoteShareFailure', {
    lambdaFunction: commit,
    event: { ...SHARE_EVENT, failure: JsonPath.objectAt('$.failure') },
    resultPath: JsonPath.DISCARD,
  });
  return note.addCatch(failed, { resultPath: JsonPath.DISCARD }).next(failed);
}

/** A share in a task, which calls back: so it fails with its own code and message, like a function. */
function taskStep(scope: Construct, fargate: FargateRuntime | undefined, failed: IChainable): IChainable {
  if (!fargate)
    return new Fail(scope, 'NoFargate', {
      error: 'E_RUN_TOO_LONG',
      cause:
        'a partition is planned for Fargate, but the configuration has none; set aws.fargate, or make aws.shareMiB smaller',
    });
  const task = new RevisionTask(scope, 'BackupPartitionTask', {
    ...taskProps(fargate, 'backup-partition', '$.event', [TOKEN]),
    integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
    taskTimeout: Timeout.duration(TASK_TIMEOUT),
    heartbeatTimeout: Timeout.duration(TASK_SILENCE),
    resultSelector: { 'share.$': '$.share' },
  });
  retrying(task, TASK_RETRIES).addCatch(failed, CAUGHT);
  // The function's event has no other members.
  return new Pass(scope, 'ShareEvent', { parameters: SHARE_EVENT, resultPath: '$.event' }).next(task);
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

/** The task gets the name of the function as its command, and the event in HOLDFAST_EVENT. */
export function taskProps(
  fargate: FargateRuntime,
  job: TaskJob,
  eventPath: string,
  environment: readonly Variable[],
) {
  const { cluster, subnets, securityGroups, assignPublicIp } = fargate;
  const { taskDefinition, container } = fargate.task(job);
  return {
    cluster,
    taskDefinition,
    subnets,
    securityGroups,
    assignPublicIp,
    launchTarget: new EcsFargateLaunchTarget({ platformVersion: FargatePlatformVersion.LATEST }),
    containerOverrides: [
      {
        containerDefinition: container,
        command: [job],
        environment: [
          { name: 'HOLDFAST_EVENT', value: JsonPath.jsonToString(JsonPath.objectAt(eventPath)) },
          ...environment,
        ],
      },
    ],
  };
}

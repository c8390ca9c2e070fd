import { Duration } from 'aws-cdk-lib';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import {
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  type IChainable,
  JsonPath,
  LogLevel,
  Pass,
  Result,
  type State,
  StateMachine,
  Succeed,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import type { BackupStateMachineProps, StepFunctions } from './backup-state-machine-props.ts';
import { deliveredLog } from './delivered-log.ts';
import { EventStates } from './event-states.ts';
import { HOLD_EVENT_AGE } from './job-function.ts';
import { CAUGHT, jobStep, runEvent } from './job-step.ts';
import { lockThen } from './lock-step.ts';
import { DEFAULT_CONCURRENCY, holdStep, partitionStep } from './partition-steps.ts';
import { explainStep, verifySteps } from './verify-steps.ts';

const MOST_CONCURRENCY = 1000;

/**
 * One backup: plan, partitions in parallel, commit, verify, publish. Its input is `{source, type,
 * scheduledTime?, note?, noParent?}`; executions with the same scheduled time make one backup between them.
 */
export class BackupStateMachine extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: BackupStateMachineProps) {
    super(scope, id);
    checkProps(props);
    this.stateMachine = new StateMachine(this, 'Resource', {
      definitionBody: DefinitionBody.fromChainable(defineBackup(this, props)),
      timeout: props.timeout ?? Duration.hours(26),
      tracingEnabled: true,
      logs: {
        destination: deliveredLog(this, 'Log', { service: 'states', retention: props.logRetention }),
        level: LogLevel.ALL,
        includeExecutionData: true,
      },
    });
  }

  /** Lets `grantee` start backups. */
  grantStart(grantee: IGrantable): Grant {
    return this.stateMachine.grantStartExecution(grantee);
  }
}

function checkProps(props: BackupStateMachineProps): void {
  const { maxConcurrency = 1, holdOnFargate, fargate, holdStartTimeout } = props;
  if (!(Number.isInteger(maxConcurrency) && maxConcurrency >= 1 && maxConcurrency <= MOST_CONCURRENCY))
    throw new Error(`maxConcurrency is ${maxConcurrency}; allowed are 1 to ${MOST_CONCURRENCY}`);
  if (holdStartTimeout && holdStartTimeout.toSeconds() <= HOLD_EVENT_AGE.toSeconds())
    throw new Error(
      `holdStartTimeout is ${holdStartTimeout.toHumanString()}; it must be more than ${HOLD_EVENT_AGE.toHumanString()}: until then Lambda may still start the holder`,
    );
  if (holdOnFargate && !fargate) throw new Error('holdOnFargate is set, but there is no fargate to hold on');
}

function defineBackup(scope: Construct, props: BackupStateMachineProps): IChainable {
  const { functions, eventBus } = props;
  const events = new EventStates(scope, 'Events', eventBus);
  const done = new Succeed(scope, 'Done');
  const failed = failureStates(scope, functions, events);
  const commit = jobStep(scope, 'Commit', {
    lambdaFunction: functions.commit,
    event: runEvent('$.plan.run'),
    resultPath: '$.commit',
  });
  commit
    .addCatch(failed, CAUGHT)
    .next(lockThen(scope, { functions, events }, verifyStates(scope, props, events, done)));
  const partitions = partitionStep(scope, props);
  partitions.addCatch(failed, CAUGHT).next(commit);
  const hold = holdStep(scope, props, { next: partitions, failed });
  const mode = new Choice(scope, 'Mode')
    .when(Condition.stringEquals('$.plan.mode', 'duplicate'), thenDone(events.duplicate, done))
    .when(Condition.stringEquals('$.plan.mode', 'hold'), hold)
    .otherwise(partitions);
  const plan = jobStep(scope, 'Plan', { lambdaFunction: functions.plan, resultPath: '$.plan' });
  plan.addCatch(failed, CAUGHT).next(mode);
  return inputStates(scope, plan);
}

/** Refuses input that lacks what every event contains; gives the rest the same members always. */
function inputStates(scope: Construct, next: IChainable): IChainable {
  const execution = new Pass(scope, 'Execution', {
    inputPath: '$$.Execution.Id',
    resultPath: '$.execution',
  });
  execution.next(next);
  const noNote = new Pass(scope, 'NoNote', {
    parameters: { 'input.$': `States.JsonMerge($, States.StringToJson('{"note":""}'), false)` },
    outputPath: '$.input',
  });
  const note = new Choice(scope, 'Note')
    .when(Condition.isPresent('$.note'), execution)
    .otherwise(noNote.next(execution));
  const isText = (path: string) => Condition.and(Condition.isPresent(path), Condition.isString(path));
  return new Choice(scope, 'Input').when(Condition.and(isText('$.source'), isText('$.type')), note).otherwise(
    new Fail(scope, 'BadInput', {
      error: 'E_USAGE',
      cause: 'start an execution with {"source": "a name of the configuration", "type": "manual"}',
    }),
  );
}

/**
 * Releases the holder, publishes, fails. The failure is at `$.failure`; before a plan there is nothing to
 * release.
 */
function failureStates(scope: Construct, functions: StepFunctions, events: EventStates): State {
  const failed = new Fail(scope, 'Failed', { errorPath: '$.failure.Error', causePath: '$.failure.Cause' });
  const event = {
    ...runEvent('$.plan.run'),
    abort: true,
    error: JsonPath.stringAt('$.failure.Error'),
    cause: JsonPath.stringAt('$.failure.Cause'),
  };
  // Its answer says what failed, as far as it could find out more.
  const abort = jobStep(scope, 'Abort', {
    lambdaFunction: functions.commit,
    event,
    resultSelector: {
      Error: JsonPath.stringAt('$.failure.Error'),
      Cause: JsonPath.stringAt('$.failure.Cause'),
    },
    resultPath: '$.failure',
  });
  const { failure, planFailure } = events;
  abort.addCatch(failure, { resultPath: '$.abortFailure' }).next(failure);
  failure.addCatch(failed, { resultPath: JsonPath.DISCARD }).next(failed);
  planFailure.addCatch(failed, { resultPath: JsonPath.DISCARD }).next(failed);
  const planned = new Choice(scope, 'WasPlanned')
    .when(Condition.isPresent('$.plan.run'), abort)
    .otherwise(explainStep(scope, 'ExplainPlan', { explain: functions.commit, next: planFailure }));
  // A timeout has no cause.
  return new Choice(scope, 'Failure').when(Condition.isPresent('$.failure.Cause'), planned).otherwise(
    new Pass(scope, 'NoCause', {
      result: Result.fromString('the step gave no details'),
      resultPath: '$.failure.Cause',
    }).next(planned),
  );
}

/** Reads what was written. Damage is published and fails the execution; the backup stays listed. */
function verifyStates(
  scope: Construct,
  { functions, maxConcurrency = DEFAULT_CONCURRENCY }: BackupStateMachineProps,
  events: EventStates,
  done: Succeed,
): IChainable {
  const unverified = new Fail(scope, 'NotVerified', {
    error: 'E_VERIFY_FAILED',
    cause: 'the backup is listed, but its verification failed; the event Verification Failed has the details',
  });
  const { damage, verificationFailure } = events;
  for (const state of [damage, verificationFailure])
    state.addCatch(unverified, { resultPath: JsonPath.DISCARD }).next(unverified);
  const whole = new Choice(scope, 'Outcome')
    .when(Condition.isPresent('$.commit.suspect.findings'), thenDone(events.suspect, done))
    .otherwise(thenDone(events.success, done));
  const newParts = new Pass(scope, 'NewParts', {
    inputPath: '$.commit.verification',
    resultPath: '$.verification',
  });
  return newParts.next(
    verifySteps(scope, {
      verify: functions.verify,
      explain: functions.commit,
      maxConcurrency,
      whole,
      damaged: damage,
      failed: verificationFailure,
    }),
  );
}

/** A listed backup has not failed because publishing failed. */
function thenDone(told: EventStates['success'], done: Succeed): IChainable {
  return told.addCatch(done, { resultPath: JsonPath.DISCARD }).next(done);
}

import { Duration } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  DefinitionBody,
  Fail,
  type IChainable,
  JsonPath,
  LogLevel,
  Pass,
  StateMachine,
  Succeed,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { EVENT_SCHEMA } from '../../shared/config/events.ts';
import { deliveredLog } from './delivered-log.ts';
import { FAILURE } from './event-states.ts';
import { CAUGHT, jobStep } from './job-step.ts';
import { DEFAULT_CONCURRENCY } from './partition-steps.ts';
import { putEventState } from './put-event.ts';
import { explainStep, verifySteps } from './verify-steps.ts';

/** What the state machine of verifications runs. */
export interface VerificationStateMachineProps {
  readonly functions: {
    readonly verify: LambdaFunction;
    /** Puts another step's failure into words. */
    readonly commit: LambdaFunction;
  };
  /** Where damage is published. */
  readonly eventBus: IEventBus;

  /**
   * Parts to read at the same time.
   *
   * @default 10
   */
  readonly maxConcurrency?: number | undefined;

  /**
   * How long the log of executions is kept. It contains no data of the database.
   *
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays | undefined;
}

const TIMEOUT = Duration.hours(26);

/**
 * Verifies backups of any size: plans parts, reads them in parallel, publishes. Its input is an event of the
 * function `verify` (docs/reference/functions.md): `{backup, depth?}` or `{since, depth?, days?,
 * scheduledTime?}`.
 */
export class VerificationStateMachine extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, props: VerificationStateMachineProps) {
    super(scope, id);
    this.stateMachine = new StateMachine(this, 'Resource', {
      definitionBody: DefinitionBody.fromChainable(defineVerification(this, props)),
      timeout: TIMEOUT,
      tracingEnabled: true,
      logs: {
        destination: deliveredLog(this, 'Log', { service: 'states', retention: props.logRetention }),
        level: LogLevel.ALL,
        includeExecutionData: true,
      },
    });
  }
}

function defineVerification(
  scope: Construct,
  { functions, eventBus, maxConcurrency = DEFAULT_CONCURRENCY }: VerificationStateMachineProps,
): IChainable {
  const about = { schema: EVENT_SCHEMA, execution: JsonPath.stringAt('$$.Execution.Id') };
  const unverified = new Fail(scope, 'NotVerified', {
    error: 'E_VERIFY_FAILED',
    cause: 'backups are damaged, or could not be verified; the event Verification Failed says which, or why',
  });
  const [damaged, failed] = [
    putEventState(scope, 'NotifyDamage', {
      eventBus,
      detailType: 'Verification Failed',
      detail: {
        ...about,
        backup: JsonPath.stringAt('$.verification.damaged[0]'),
        damaged: JsonPath.listAt('$.verification.damaged'),
      },
    }),
    putEventState(scope, 'NotifyVerificationFailed', {
      eventBus,
      detailType: 'Verification Failed',
      detail: { ...about, ...FAILURE },
    }),
  ];
  for (const state of [damaged, failed])
    state.addCatch(unverified, { resultPath: JsonPath.DISCARD }).next(unverified);
  const parts = verifySteps(scope, {
    verify: functions.verify,
    explain: functions.commit,
    maxConcurrency,
    whole: new Succeed(scope, 'Done'),
    damaged,
    failed,
  });
  const plan = jobStep(scope, 'PlanVerification', {
    lambdaFunction: functions.verify,
    resultPath: '$.verification',
  });
  const explained = explainStep(scope, 'ExplainPlan', { explain: functions.commit, next: failed });
  plan.addCatch(explained, CAUGHT).next(parts);
  const event = new Pass(scope, 'PlanEvent', {
    parameters: { 'event.$': `States.JsonMerge($, States.StringToJson('{"plan":true}'), false)` },
    outputPath: '$.event',
  });
  return event.next(plan);
}

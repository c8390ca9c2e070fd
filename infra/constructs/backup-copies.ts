import { Duration } from 'aws-cdk-lib';
import { EventField, type IEventBus, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import {
  Choice,
  Condition,
  DefinitionBody,
  Fail,
  JsonPath,
  LogLevel,
  StateMachine,
  Succeed,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { EVENT_SCHEMA, EVENT_SOURCE, type EventType } from '../../shared/config/events.ts';
import { deliveredLog } from './delivered-log.ts';
import { FAILURE } from './event-states.ts';
import type { JobFunction } from './job-function.ts';
import { CAUGHT, jobStep } from './job-step.ts';
import { putEventState } from './put-event.ts';
import { removable } from './removable.ts';

/** What copies to second places are made of. */
export interface BackupCopiesProps {
  /** The function `copy`. */
  readonly job: JobFunction;
  /** Where backups and failures are published. */
  readonly eventBus: IEventBus;

  /**
   * The deployment whose backups to copy: another one in the account may use the same bus.
   *
   * @default - all on the bus
   */
  readonly deployment?: string | undefined;

  /**
   * Whether a finished backup is copied at once.
   *
   * @default true
   */
  readonly enabled?: boolean | undefined;

  /** @default RetentionDays.THREE_MONTHS */
  readonly logRetention?: RetentionDays | undefined;
}

/** A first copy of many terabytes takes days; the next run continues it. */
const TIMEOUT = Duration.hours(23);
const MAX_EVENT_AGE = Duration.hours(6);
const RETRIES = 20;
/** A suspect backup may be the last one there is. */
const COPIED_EVENTS: readonly EventType[] = ['Backup Succeeded', 'Backup Suspect'];

/**
 * Calls the function `copy` until everything is copied: the backup that was just made, and by its schedule
 * whatever a second place lacks.
 */
export class BackupCopies extends Construct {
  readonly stateMachine: StateMachine;
  readonly job: JobFunction;
  /** Backups whose copy could not be started. */
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: BackupCopiesProps) {
    super(scope, id);
    const { job, eventBus, deployment, enabled = true, logRetention } = props;
    this.job = job;
    this.deadLetterQueue = new Queue(this, 'DeadLetters', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    removable(this.deadLetterQueue);
    this.stateMachine = new StateMachine(this, 'Resource', {
      comment: 'Holdfast: copies backups to second places',
      definitionBody: DefinitionBody.fromChainable(this.#define(job.function, eventBus)),
      timeout: TIMEOUT,
      tracingEnabled: true,
      logs: {
        destination: deliveredLog(this, 'Log', { service: 'states', retention: logRetention }),
        level: LogLevel.ALL,
      },
    });
    new Rule(this, 'AfterBackup', {
      description: 'Holdfast: copies a backup that was just made to second places',
      eventBus,
      enabled,
      eventPattern: {
        source: [EVENT_SOURCE],
        detailType: [...COPIED_EVENTS],
        ...(deployment === undefined ? {} : { detail: { deployment: [deployment] } }),
      },
      targets: [
        new SfnStateMachine(this.stateMachine, {
          input: RuleTargetInput.fromObject({ backup: EventField.fromPath('$.detail.backup') }),
          deadLetterQueue: this.deadLetterQueue,
          retryAttempts: RETRIES,
          maxEventAge: MAX_EVENT_AGE,
        }),
      ],
    });
  }

  #define(copy: LambdaFunction, eventBus: IEventBus) {
    const detail = { schema: EVENT_SCHEMA, execution: JsonPath.stringAt('$$.Execution.Id'), ...FAILURE };
    const failed = new Fail(this, 'Failed', { causePath: '$.failure.Cause', errorPath: '$.failure.Error' });
    const tell = putEventState(this, 'NotifyCopyFailed', { eventBus, detailType: 'Copy Failed', detail });
    tell.addCatch(failed, { resultPath: JsonPath.DISCARD }).next(failed);
    const step = jobStep(this, 'Copy', { lambdaFunction: copy, resultPath: '$.done' });
    // The function takes the execution's input, without the members that this state machine adds.
    const again = new Choice(this, 'IsThereMore')
      .when(Condition.booleanEquals('$.done.more', true), step)
      .otherwise(new Succeed(this, 'Done'));
    step.addCatch(tell, CAUGHT);
    return step.next(again);
  }
}

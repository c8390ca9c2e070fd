import { Duration } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  DefinitionBody,
  Fail,
  IntegrationPattern,
  JsonPath,
  LogLevel,
  StateMachine,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { EVENT_SCHEMA, type EventType } from '../../shared/config/events.ts';
import { deliveredLog } from './delivered-log.ts';
import type { FargateRuntime } from './fargate-runtime.ts';
import { taskProps } from './partition-steps.ts';
import { RevisionTask } from './pinned-steps.ts';
import { putEventState } from './put-event.ts';

/** Jobs whose functions start a task by themselves, if a backup is too large for them. */
export const HANDED_OVER = ['restore', 'drill'] as const;
/** A job that goes on as a task if a function has too little time. */
export type HandedOverJob = (typeof HANDED_OVER)[number];

/** What a task is started for, and who hears of its end. */
export interface TaskRunProps {
  readonly job: HandedOverJob;
  readonly fargate: FargateRuntime;
  /** Where the death of a task is published. */
  readonly eventBus: IEventBus;
  readonly logRetention?: RetentionDays | undefined;
}

const LIMIT = Duration.hours(12);

const NOTHING_DONE = { restoreMs: 0, compareMs: 0, records: 0, plainBytes: 0 };
/** What the event of a job's end contains besides its run and its backup, taken from the task's event. */
const TOLD = {
  restore: {
    type: 'Restore Finished',
    detail: {
      target: JsonPath.stringAt('$.event.to'),
      requestedBy: JsonPath.stringAt('$.event.requestedBy'),
    },
  },
  drill: {
    type: 'Drill Failed',
    detail: { source: JsonPath.stringAt('$.event.source'), figures: NOTHING_DONE },
  },
} as const satisfies Record<HandedOverJob, { type: EventType; detail: object }>;
const DIED = 'the task failed, or died; its log says why';

/**
 * Runs one job's task and waits for it, so that its death is published. Started by the job's function with
 * `{run, event}`. Retries nothing: a restore never starts twice.
 */
export class TaskRun extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { job, fargate, eventBus, logRetention }: TaskRunProps) {
    super(scope, id);
    const run = { name: 'HOLDFAST_RUN', value: JsonPath.stringAt('$.run') };
    const task = new RevisionTask(this, 'Run', {
      ...taskProps(fargate, job, '$.event', [run]),
      integrationPattern: IntegrationPattern.RUN_JOB,
      taskTimeout: Timeout.duration(LIMIT),
      resultSelector: { 'task.$': '$.TaskArn' },
    });
    const failed = new Fail(this, 'Failed', { errorPath: '$.failure.Error', cause: DIED });
    const { type: detailType, detail } = TOLD[job];
    const tell = putEventState(this, 'Tell', {
      eventBus,
      detailType,
      detail: {
        schema: EVENT_SCHEMA,
        run: JsonPath.stringAt('$.run'),
        backup: JsonPath.stringAt('$.event.backup'),
        ...detail,
        outcome: 'failed',
        error: { code: JsonPath.stringAt('$.failure.Error'), message: DIED },
      },
    });
    tell.addCatch(failed, { resultPath: JsonPath.DISCARD }).next(failed);
    task.addCatch(tell, { resultPath: '$.failure' });
    this.stateMachine = new StateMachine(this, 'Resource', {
      comment: `Holdfast: ${job} of a backup that is too large for a function`,
      definitionBody: DefinitionBody.fromChainable(task),
      timeout: LIMIT.plus(Duration.minutes(10)),
      tracingEnabled: true,
      logs: {
        destination: deliveredLog(this, 'Log', { service: 'states', retention: logRetention }),
        level: LogLevel.ALL,
        includeExecutionData: true,
      },
    });
  }
}

import { Duration, Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction, Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import {
  ContextAttribute,
  Schedule,
  ScheduleExpression,
  ScheduleGroup,
  ScheduleTargetInput,
  TimeWindow,
} from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke, StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { TimeZone } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { MaintenanceJob } from '../../shared/config/aws.ts';
import {
  backupScheduleName,
  backupsOfSource,
  jobOfSource,
  jobScheduleName,
} from '../../shared/config/schedule-names.ts';
import { expressionFor, type Schedule as When } from '../../shared/config/schedules.ts';
import { DAY_MS } from '../../shared/core/units.ts';

/** What schedules begin. */
export interface BackupSchedulesProps {
  /** Makes backups. */
  readonly stateMachine: IStateMachine;
  /** Verifies backups. */
  readonly verification: IStateMachine;
  /** Functions that are invoked directly. */
  readonly functions: Readonly<Record<Exclude<MaintenanceJob, 'lock' | 'verify' | 'copy'>, IFunction>> & {
    /** Renews locks, if there are any. */
    readonly lock?: IFunction | undefined;
  };
  /**
   * Copies what second places lack.
   *
   * @default - there is no second place
   */
  readonly copies?: IStateMachine | undefined;
  /** Names of all sources. */
  readonly sources: readonly string[];
  /** Those that can be drilled: there is a server for it. */
  readonly drilled: readonly string[];
  /** Schedules of backups, by type. */
  readonly backups: Readonly<Record<string, When>>;
  readonly jobs: Readonly<Partial<Record<MaintenanceJob, When>>>;

  /**
   * Whether schedules are on.
   *
   * @default true
   */
  readonly enabled?: boolean | undefined;
}

/** Scheduler delivers at least once; a backup that is later than this is left to the next one. */
const MAX_EVENT_AGE = Duration.hours(1);
const RETRIES = 10;
/**
 * Jobs that run at most daily may begin this much later, so that an account's jobs do not all begin on the
 * hour.
 */
const WINDOW = Duration.minutes(10);
/** Everything is verified once in this many days, a share at a time if verification runs daily. */
const VERIFY_DAYS = 7;

/** When backups, verification, prune and drills begin. The watchdog has a group of its own. */
export class BackupSchedules extends Construct {
  /** What could not be started. */
  readonly deadLetterQueue: Queue;
  /** Names of the sources that are drilled. */
  readonly drilled: readonly string[];
  /** Of all schedules except the watchdog's. */
  readonly groupName: string;
  /** The same. */
  readonly group: ScheduleGroup;
  /** When each type of backup begins, by source, for people to read. */
  readonly times: Readonly<Record<string, string>>;
  readonly #isEnabled: boolean;

  constructor(scope: Construct, id: string, props: BackupSchedulesProps) {
    super(scope, id);
    this.#isEnabled = props.enabled ?? true;
    this.drilled = props.drilled;
    this.deadLetterQueue = deadLetters(this, 'DeadLetters');
    // Groups have names: one that stayed would block the next deployment.
    const removalPolicy = RemovalPolicy.DESTROY;
    // Known in advance: the watchdog, which schedules invoke, needs it.
    this.groupName = Names.uniqueResourceName(this, { maxLength: 64 });
    const group = new ScheduleGroup(this, 'Group', { scheduleGroupName: this.groupName, removalPolicy });
    this.group = group;
    for (const [type, when] of Object.entries(props.backups))
      for (const source of when.sources ?? props.sources)
        this.#backup(type, source, when, { group, stateMachine: props.stateMachine });
    this.times = Object.fromEntries(
      Object.entries(props.backups).map(([type, when]) => [type, timesOf(when, props.sources)]),
    );
    this.#verify(props, group);
    this.#maintain('prune', {}, props, group);
    this.#maintain('lock', {}, props, group);
    for (const source of props.drilled) this.#maintain('drill', { source }, props, group);
    this.#copy(props, group);
    this.#maintain('watchdog', {}, props, new ScheduleGroup(this, 'WatchdogGroup', { removalPolicy }));
  }

  /** Lets the watchdog check whether they are on, if they should be. */
  watchedBy(watchdog: LambdaFunction): void {
    if (!this.#isEnabled) return;
    watchdog.addEnvironment('HOLDFAST_SCHEDULE_GROUP', this.groupName);
    const name = { service: 'scheduler', resource: 'schedule', resourceName: `${this.groupName}/*` };
    watchdog.addToRolePolicy(
      new PolicyStatement({
        sid: 'Schedules',
        actions: ['scheduler:GetSchedule'],
        resources: [Stack.of(this).formatArn(name)],
      }),
    );
  }

  #backup(
    type: string,
    source: string,
    when: When,
    { group, stateMachine }: { readonly group: ScheduleGroup; readonly stateMachine: IStateMachine },
  ): void {
    new Schedule(this, backupsOfSource(type, source), {
      scheduleName: backupScheduleName(type, source),
      description: `Holdfast: ${type} backup of ${source}`,
      scheduleGroup: group,
      enabled: this.#isEnabled,
      ...timingOf(when, source),
      target: this.#start(stateMachine, { source, type }),
    });
  }

  #copy({ copies, jobs: { copy: when } }: BackupSchedulesProps, group: ScheduleGroup): void {
    if (!when || !copies) return;
    const input = ScheduleTargetInput.fromObject({});
    new Schedule(this, 'copy', {
      scheduleName: jobScheduleName('copy'),
      description: 'Holdfast: copy',
      scheduleGroup: group,
      enabled: this.#isEnabled,
      ...timingOf(when, undefined),
      target: new StepFunctionsStartExecution(copies, { ...targetProps(this.deadLetterQueue), input }),
    });
  }

  /**
   * Skips what was read in the week before: a share that ran twice, or a backup that somebody had verified.
   */
  #verify({ jobs, verification }: BackupSchedulesProps, group: ScheduleGroup): void {
    const when = jobs.verify;
    if (!when) return;
    const days = when.intervalMs <= DAY_MS ? VERIFY_DAYS : 1;
    new Schedule(this, 'verify', {
      scheduleName: jobScheduleName('verify'),
      description: 'Holdfast: verify',
      scheduleGroup: group,
      enabled: this.#isEnabled,
      ...timingOf(when, undefined),
      target: this.#start(verification, { since: `${VERIFY_DAYS - 1}d`, days }),
    });
  }

  #start(stateMachine: IStateMachine, event: Readonly<Record<string, unknown>>): StepFunctionsStartExecution {
    const input = ScheduleTargetInput.fromObject({ ...event, scheduledTime: ContextAttribute.scheduledTime });
    return new StepFunctionsStartExecution(stateMachine, { ...targetProps(this.deadLetterQueue), input });
  }

  #maintain(
    job: Exclude<MaintenanceJob, 'verify' | 'copy'>,
    event: Readonly<Record<string, string>>,
    { functions, jobs }: BackupSchedulesProps,
    group: ScheduleGroup,
  ): void {
    const when = jobs[job];
    const jobFunction = functions[job];
    if (!when || !jobFunction) return;
    const { source } = event;
    const input = ScheduleTargetInput.fromObject(event);
    new Schedule(this, source === undefined ? job : jobOfSource(job, source), {
      scheduleName: jobScheduleName(job, source),
      description: `Holdfast: ${job}${source === undefined ? '' : ` of ${source}`}`,
      scheduleGroup: group,
      enabled: this.#isEnabled,
      ...timingOf(when, source),
      target: new LambdaInvoke(jobFunction, { ...targetProps(this.deadLetterQueue), input }),
    });
  }
}

function targetProps(deadLetterQueue: IQueue) {
  return { deadLetterQueue, retryAttempts: RETRIES, maxEventAge: MAX_EVENT_AGE };
}

function timingOf(when: When, source: string | undefined) {
  const expression = source === undefined ? when.expression : expressionFor(when, source);
  return {
    schedule: ScheduleExpression.expression(expression, TimeZone.of(when.timeZone)),
    timeWindow: when.intervalMs >= DAY_MS ? TimeWindow.flexible(WINDOW) : TimeWindow.off(),
  };
}

function timesOf(when: When, all: readonly string[]): string {
  const times = (when.sources ?? all).map((source) => `${source}: ${expressionFor(when, source)}`);
  return `${times.join(', ')} (${when.timeZone})`;
}

function deadLetters(scope: Construct, id: string): Queue {
  return new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
  });
}

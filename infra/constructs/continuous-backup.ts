import { Duration } from 'aws-cdk-lib';
import { EventField, type IEventBus, Match, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import {
  Schedule,
  ScheduleExpression,
  type ScheduleGroup,
  ScheduleTargetInput,
  TimeWindow,
} from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { EVENT_SOURCE, type EventType } from '../../shared/config/events.ts';
import { jobOfSource, jobScheduleName } from '../../shared/config/schedule-names.ts';
import { MINUTE_MS } from '../../shared/core/units.ts';
import type { JobFunction } from './job-function.ts';

/** A source whose changes are stored, and the function that does it. */
export interface PolledSource {
  readonly name: string;
  readonly everyMs: number;
  readonly job: JobFunction;
}

/** What continuous backup is made of. */
export interface ContinuousBackupProps {
  readonly polled: readonly PolledSource[];
  /** Lets servers go of the log that they hold. */
  readonly watchdog: JobFunction;
  /** Compares each backup with the one before it and the changes between them. */
  readonly proof: JobFunction;
  /** Makes backups. */
  readonly stateMachine: IStateMachine;
  /** Where Lambda sends what polls answered. */
  readonly eventBus: IEventBus;
  /** Name of the deployment, which answers carry. */
  readonly deployment: string;
  /** Of all schedules that the watchdog of backups looks at. */
  readonly scheduleGroup: ScheduleGroup;
  readonly deadLetterQueue: IQueue;
  /** Whether schedules are on. */
  readonly enabled: boolean;
}

/** What a backup that changes need is listed as. */
const BASE_TYPE = 'daily';
/** They say that there is a new backup to prove. */
const MADE: readonly EventType[] = ['Backup Succeeded', 'Backup Suspect'];
/** By which Lambda tells what a function answered. */
const ANSWERED = {
  source: ['lambda'],
  detailType: ['Lambda Function Invocation Result - Success'],
};
/** The next poll does what this one could not begin. */
const CALLS = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };

/**
 * Polls sources each minute, watches what their servers hold for that, has a new backup made when changes need one, and each backup
 * proven.
 */
export class ContinuousBackup extends Construct {
  readonly polled: readonly PolledSource[];
  readonly watchdog: JobFunction;
  readonly proof: JobFunction;
  readonly #props: ContinuousBackupProps;

  constructor(scope: Construct, id: string, props: ContinuousBackupProps) {
    super(scope, id);
    this.#props = props;
    this.polled = props.polled;
    this.watchdog = props.watchdog;
    this.proof = props.proof;
    for (const { name, everyMs, job } of props.polled)
      this.#schedule(jobOfSource('poll', name), job, {
        scheduleName: jobScheduleName('poll', name),
        description: `Holdfast: poll of ${name}`,
        minutes: Math.max(1, Math.floor(everyMs / MINUTE_MS)),
        event: { source: name },
      });
    this.#schedule('poll-watchdog', props.watchdog, {
      scheduleName: jobScheduleName('poll-watchdog'),
      description: 'Holdfast: poll-watchdog',
      minutes: 1,
      event: {},
    });
    this.#makeBases();
    for (const source of props.polled) this.#storeUpToBackups(source);
    this.#proveBackups();
  }

  /** Lets the watchdog of backups have one made that is still due: the first may have failed. */
  madeSureBy({ function: watchdog, role }: JobFunction): void {
    const { stateMachine } = this.#props;
    watchdog.addEnvironment('HOLDFAST_BACKUP_MACHINE', stateMachine.stateMachineArn);
    stateMachine.grantStartExecution(role);
    stateMachine.grant(role, 'states:ListExecutions');
  }

  #schedule(
    id: string,
    { function: called }: JobFunction,
    {
      minutes,
      event,
      ...named
    }: {
      readonly scheduleName: string;
      readonly description: string;
      readonly minutes: number;
      readonly event: Readonly<Record<string, string>>;
    },
  ): void {
    const { scheduleGroup, enabled, deadLetterQueue } = this.#props;
    new Schedule(this, id, {
      ...named,
      scheduleGroup,
      enabled,
      schedule: ScheduleExpression.rate(Duration.minutes(minutes)),
      timeWindow: TimeWindow.off(),
      target: new LambdaInvoke(called, {
        ...CALLS,
        deadLetterQueue,
        input: ScheduleTargetInput.fromObject(event),
      }),
    });
  }

  /** By Lambda's own report of what a poll answered: the function needs no way to Step Functions, and no right to begin anything. */
  #makeBases(): void {
    const { eventBus, deployment, stateMachine, deadLetterQueue } = this.#props;
    new Rule(this, 'BaseDue', {
      description: 'Holdfast: stored changes need a new backup to begin with',
      eventBus,
      eventPattern: {
        ...ANSWERED,
        detail: { responsePayload: { deployment: [deployment], base: Match.exists() } },
      },
      targets: [
        new SfnStateMachine(stateMachine, {
          deadLetterQueue,
          input: RuleTargetInput.fromObject({
            source: EventField.fromPath('$.detail.responsePayload.source'),
            type: BASE_TYPE,
            scheduledTime: EventField.time,
          }),
        }),
      ],
    });
  }

  /** A backup can be proven only if changes are stored up to it, which a source at rest would have put off. */
  #storeUpToBackups({ name, job }: PolledSource): void {
    const { eventBus, deployment, deadLetterQueue } = this.#props;
    new Rule(this, `backup-${name}`, {
      description: `Holdfast: changes of ${name} are stored up to each of its backups`,
      eventBus,
      eventPattern: {
        source: [EVENT_SOURCE],
        detailType: [...MADE],
        detail: { deployment: [deployment], source: [name] },
      },
      targets: [
        new LambdaFunction(job.function, {
          deadLetterQueue,
          event: RuleTargetInput.fromObject({
            source: name,
            backup: EventField.fromPath('$.detail.backup'),
          }),
        }),
      ],
    });
  }

  /** When that poll has answered. It has no right to call anybody. */
  #proveBackups(): void {
    const { eventBus, deployment, deadLetterQueue, proof } = this.#props;
    new Rule(this, 'ProofDue', {
      description: 'Holdfast: changes are stored up to a backup, which can be proven',
      eventBus,
      eventPattern: {
        ...ANSWERED,
        detail: { responsePayload: { deployment: [deployment], backup: Match.exists() } },
      },
      targets: [
        new LambdaFunction(proof.function, {
          deadLetterQueue,
          event: RuleTargetInput.fromObject({
            backup: EventField.fromPath('$.detail.responsePayload.backup'),
          }),
        }),
      ],
    });
  }
}

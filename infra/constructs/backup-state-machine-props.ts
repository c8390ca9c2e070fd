import type { Duration } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { FargateRuntime } from './fargate-runtime.ts';

/** The functions of a backup. */
export interface StepFunctions {
  readonly plan: LambdaFunction;
  readonly hold: LambdaFunction;
  readonly backupPartition: LambdaFunction;
  readonly commit: LambdaFunction;
  readonly verify: LambdaFunction;
  /**
   * Locks what a backup needs once it is listed.
   *
   * @default - nothing is locked
   */
  readonly lock?: LambdaFunction | undefined;
}

/** What the state machine of backups runs. */
export interface BackupStateMachineProps {
  readonly functions: StepFunctions;
  /** Where the outcome of each backup is published. */
  readonly eventBus: IEventBus;

  /**
   * Runs partitions that would outlive a function.
   *
   * @default - none: a backup with such a partition fails, and says so
   */
  readonly fargate?: FargateRuntime | undefined;

  /**
   * Whether a Fargate task keeps the database's snapshot open, instead of a function, which can do so for at
   * most 15 minutes. Needs `fargate`.
   *
   * @default false
   */
  readonly holdOnFargate?: boolean | undefined;

  /**
   * Partitions of one backup that run at the same time, 1 to 1000.
   *
   * @default 10
   */
  readonly maxConcurrency?: number | undefined;

  /**
   * How long planning may take before another holder is called; more than 5 minutes.
   *
   * @default Duration.minutes(10)
   */
  readonly holdStartTimeout?: Duration | undefined;

  /**
   * How long one backup may take in all.
   *
   * @default Duration.hours(26)
   */
  readonly timeout?: Duration | undefined;

  /**
   * How long the log of executions is kept. It contains no data of the database.
   *
   * @default RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: RetentionDays | undefined;
}

import { Duration } from 'aws-cdk-lib';
import { JitterType, type RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import { ERRORS } from '../../shared/core/errors.ts';

/** May succeed when run again another day; at once it takes as long. */
const TOO_LONG: readonly string[] = ['E_RUN_TOO_LONG', 'E_OUT_OF_TIME'];
const ATTEMPTS = 3;

/** For unclassified errors, and for a task that Fargate stopped. */
const MAY_COME_RIGHT: readonly string[] = ['E_INTERNAL', 'E_ABORTED'];

/** Codes of errors that repeating a step does not change. */
const FINAL_CODES = Object.entries(ERRORS)
  .filter(
    ([code, { retryable }]) => (!retryable && !MAY_COME_RIGHT.includes(code)) || TOO_LONG.includes(code),
  )
  .map(([code]) => code);

const FINAL: RetryProps = { errors: FINAL_CODES, maxAttempts: 0 };

/**
 * Lambda did not start, as the account, or its network, had no capacity. A new account runs ten functions at
 * once: only waiting helps, for about a quarter of an hour, each for a different time.
 */
const THROTTLED: RetryProps = {
  errors: [
    'Lambda.TooManyRequestsException',
    'Lambda.EC2ThrottledException',
    'Lambda.ENILimitReachedException',
    'Lambda.ENINotReadyException',
    'Lambda.SubnetIPAddressLimitReachedException',
    'Lambda.ResourceNotReadyException',
  ],
  maxAttempts: 20,
  interval: Duration.seconds(1),
  backoffRate: 2,
  maxDelay: Duration.minutes(1),
  jitterStrategy: JitterType.FULL,
};

/**
 * 3, 6 and 12 seconds, without jitter, which could make all of them short: they outlast a store that refuses
 * for ten seconds.
 */
const soon = (errors: string[]): RetryProps => ({
  errors,
  maxAttempts: ATTEMPTS,
  interval: Duration.seconds(3),
  backoffRate: 2,
});

/** What the steps of a backup retry; each is safe to repeat (docs/guide/aws.md). The first match counts. */
export const STEP_RETRIES: readonly RetryProps[] = [FINAL, THROTTLED, soon(['States.ALL'])];

/**
 * Retries of the step that waits for the holder to call back. A failed holder holds nothing, and one that
 * never started is dropped before the step stops waiting (`HOLD_EVENT_AGE`); only one holder plans a run.
 */
export const HOLD_RETRIES: readonly RetryProps[] = [
  FINAL,
  THROTTLED,
  soon(['States.TaskFailed', 'States.Timeout']),
];

/**
 * Retries of the step that waits for a share's task: for the task's own errors, for one that died or never
 * started (`States.HeartbeatTimeout`), and for ECS's answer if it has no capacity. Starting takes a minute,
 * so there is no hurry.
 */
export const TASK_RETRIES: readonly RetryProps[] = [
  FINAL,
  { errors: ['States.ALL'], maxAttempts: 2, interval: Duration.seconds(20), backoffRate: 2 },
];

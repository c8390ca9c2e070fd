import { Duration } from 'aws-cdk-lib';
import { JitterType, type RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import { ERRORS } from '../../shared/core/errors.ts';

/** May come right when it is run again another day; at once it takes as long. */
const TOO_LONG: readonly string[] = ['E_RUN_TOO_LONG', 'E_OUT_OF_TIME'];
const ATTEMPTS = 3;

/** Of what nobody has classified, and of a task that Fargate stopped. */
const MAY_COME_RIGHT: readonly string[] = ['E_INTERNAL', 'E_ABORTED'];

/** Codes of errors that come again however often a step is repeated. */
const FINAL_CODES = Object.entries(ERRORS)
  .filter(
    ([code, { retryable }]) => (!retryable && !MAY_COME_RIGHT.includes(code)) || TOO_LONG.includes(code),
  )
  .map(([code]) => code);

const FINAL: RetryProps = { errors: FINAL_CODES, maxAttempts: 0 };

/**
 * Lambda did not begin, as the account, or its network, had no room. A new account runs ten functions at once: waiting is all
 * that helps, for about a quarter of an hour, each for a time of its own.
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

/** 3, 6 and 12 seconds, without jitter, which could make all of them at once: they outlast a store that refuses for ten. */
const soon = (errors: string[]): RetryProps => ({
  errors,
  maxAttempts: ATTEMPTS,
  interval: Duration.seconds(3),
  backoffRate: 2,
});

/** What the steps of a backup retry; each may be repeated without harm (docs/guide/aws.md). First match counts. */
export const STEP_RETRIES: readonly RetryProps[] = [FINAL, THROTTLED, soon(['States.ALL'])];

/**
 * What the step retries that waits for the holder's word. A holder that failed holds nothing, and one that was never begun is
 * forgotten before the step stops waiting (`HOLD_EVENT_AGE`); a run is planned by one holder alone.
 */
export const HOLD_RETRIES: readonly RetryProps[] = [
  FINAL,
  THROTTLED,
  soon(['States.TaskFailed', 'States.Timeout']),
];

/**
 * What the step retries that waits for a share's task: what it says by itself, one that died or was never begun
 * (`States.HeartbeatTimeout`), and what ECS says where it has no room. It needs a minute to begin, so there is no hurry.
 */
export const TASK_RETRIES: readonly RetryProps[] = [
  FINAL,
  { errors: ['States.ALL'], maxAttempts: 2, interval: Duration.seconds(20), backoffRate: 2 },
];

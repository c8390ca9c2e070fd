import { Duration } from 'aws-cdk-lib';
import { JitterType, type RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import { ERRORS } from '../../shared/core/errors.ts';

/** May come right when it is run again another day; at once it takes as long. */
const TOO_LONG: readonly string[] = ['E_RUN_TOO_LONG', 'E_OUT_OF_TIME'];
const ATTEMPTS = 3;

/** Codes of errors that come again however often a step is repeated. */
const FINAL_CODES = Object.entries(ERRORS)
  .filter(([code, { retryable }]) => (!retryable && code !== 'E_INTERNAL') || TOO_LONG.includes(code))
  .map(([code]) => code);

/** What the steps of a backup retry; each may be repeated without harm (docs/aws.md). First match counts. */
export const STEP_RETRIES: readonly RetryProps[] = [
  { errors: FINAL_CODES, maxAttempts: 0 },
  {
    errors: ['States.ALL'],
    maxAttempts: ATTEMPTS,
    // Without jitter, which could make all of them at once: 3, 6 and 12 seconds outlast a store that refuses for ten.
    interval: Duration.seconds(3),
    backoffRate: 2,
  },
];

/** For a step that must not be begun twice: only what never began. */
export const UNSTARTED_RETRY: RetryProps = {
  errors: ['Lambda.TooManyRequestsException', 'Lambda.ServiceException', 'Lambda.SdkClientException'],
  maxAttempts: ATTEMPTS,
  interval: Duration.seconds(2),
  backoffRate: 2,
  jitterStrategy: JitterType.FULL,
};

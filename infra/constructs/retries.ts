import { Duration } from 'aws-cdk-lib';
import { JitterType, type RetryProps } from 'aws-cdk-lib/aws-stepfunctions';
import { ERRORS, type ErrorCode } from '../../shared/core/errors.ts';

/** Retryable in itself, but it takes as long every time. */
const TOO_LONG: ErrorCode = 'E_RUN_TOO_LONG';
const ATTEMPTS = 3;

/** Codes of errors that come again however often a step is repeated. */
const FINAL_CODES = Object.entries(ERRORS)
  .filter(([code, { retryable }]) => (!retryable && code !== 'E_INTERNAL') || code === TOO_LONG)
  .map(([code]) => code);

/** What the steps of a backup retry; each may be repeated without harm (docs/aws.md). First match counts. */
export const STEP_RETRIES: readonly RetryProps[] = [
  { errors: FINAL_CODES, maxAttempts: 0 },
  {
    errors: ['States.ALL'],
    maxAttempts: ATTEMPTS,
    interval: Duration.seconds(3),
    backoffRate: 2,
    jitterStrategy: JitterType.FULL,
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

import { abortedError } from '../core/abort.ts';
import { HoldfastError } from '../core/errors.ts';
import { exists, notFound } from './object-key.ts';

const DENIED = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'UnrecognizedClientException',
  'Forbidden',
]);
const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'CredentialsError']);
const UNREACHABLE = new Set(['ENOTFOUND', 'ECONNREFUSED', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'TimeoutError',
  'RequestTimeout',
  'IncompleteBody',
  'NetworkingError',
]);

interface S3Failure {
  readonly name: string;
  readonly status: number | undefined;
  readonly errno: string | undefined;
  readonly message: string;
}

/** What an error of the S3 client means. `key` is undefined for a listing. */
export function fromS3Error(
  error: unknown,
  {
    location,
    bucket,
    key,
    signal,
  }: { location: string; bucket: string; key?: string; signal?: AbortSignal | undefined },
): unknown {
  if (error instanceof HoldfastError) return error;
  if (signal?.aborted) return abortedError(signal);
  const failure = describe(error);
  const { name, status } = failure;
  if (name === 'NoSuchBucket') {
    return new HoldfastError('E_NO_REPOSITORY', `there is no bucket ${bucket}`, {
      cause: error,
      hint: 'Check its name, region and endpoint; Holdfast does not make buckets.',
    });
  }
  if (key !== undefined && status === 412) return exists(key, error);
  if (key !== undefined && (name === 'NoSuchKey' || name === 'NotFound' || status === 404))
    return notFound(key, error);
  if (name === 'InvalidRange' || status === 416) {
    return new HoldfastError('E_RANGE', `a read of ${key} runs past its end`, { cause: error });
  }
  return classify(failure, location, error);
}

function classify(
  { name, status, errno, message }: S3Failure,
  location: string,
  cause: unknown,
): HoldfastError {
  if (name === 'RequestTimeTooSkewed') {
    return new HoldfastError(
      'E_CLOCK_SKEW',
      `${location}: this machine's clock differs too much from the store's`,
      {
        cause,
        hint: 'Set the clock, by NTP best, and run it again.',
      },
    );
  }
  if (NO_CREDENTIALS.has(name)) {
    return new HoldfastError('E_STORE_DENIED', `${location}: no AWS credentials were found`, {
      cause,
      hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role gives them.',
    });
  }
  if (DENIED.has(name) || status === 401 || status === 403) {
    return new HoldfastError('E_STORE_DENIED', `${location} refused access (${name})`, {
      cause,
      hint: 'Check the credentials and what their policy allows on this bucket and prefix.',
    });
  }
  if (name === 'QuotaExceeded' || status === 507) {
    return new HoldfastError('E_STORE_FULL', `${location} has no room left (${name})`, {
      cause,
      hint: 'Raise the quota.',
    });
  }
  const known = errno ?? name;
  if (
    UNREACHABLE.has(known) ||
    BROKEN.has(known) ||
    status === 409 ||
    status === 429 ||
    (status ?? 0) >= 500
  ) {
    return new HoldfastError(
      'E_STORE_UNAVAILABLE',
      `${location} cannot be reached or answers with errors (${known})`,
      {
        cause,
        hint: 'Check network, endpoint and region; it can be run again as it is.',
      },
    );
  }
  return new HoldfastError('E_INTERNAL', `${location}: ${name}: ${message}`, { cause });
}

function describe(error: unknown): S3Failure {
  const { name, message, code, $metadata } = error as Error & {
    readonly code?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  return { name, message, errno: code, status: $metadata?.httpStatusCode };
}

import { abortedError } from '../core/abort.ts';
import { type ErrorCode, HoldfastError } from '../core/errors.ts';
import { exists, notFound } from './object-key.ts';

type Meaning = readonly [code: ErrorCode, what: string, hint: string];

const DENIED: Meaning = [
  'E_STORE_DENIED',
  'refused access',
  'Check the credentials and what their policy allows on this bucket and prefix.',
];
const EXPIRED: Meaning = ['E_STORE_DENIED', 'refused access', 'Get fresh credentials: these have expired.'];
const NO_CREDENTIALS: Meaning = [
  'E_STORE_DENIED',
  'no AWS credentials were found',
  'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role gives them.',
];
const SKEWED: Meaning = [
  'E_CLOCK_SKEW',
  "this machine's clock differs too much from the store's",
  'Set the clock, best with NTP, and run it again.',
];
const OTHER_REGION: Meaning = [
  'E_CONFIG',
  'the bucket is in another region',
  "Set s3.region in the configuration, BACKUP_S3_REGION or AWS_REGION to the bucket's region.",
];
const FULL: Meaning = ['E_STORE_FULL', 'is full', 'Raise the quota.'];
const NOT_SUPPORTED: Meaning = [
  'E_CONFIG',
  'this store lacks a feature that Holdfast needs, such as conditional writes (If-None-Match)',
  'Choose a store that has it; without it an object could be overwritten.',
];
const ARCHIVED: Meaning = [
  'E_OBJECT_UNREADABLE',
  'the object is in an archive storage class',
  'Restore it to S3 Standard first (`aws s3api restore-object`), then run this again.',
];
const KMS: Meaning = [
  'E_STORE_DENIED',
  "the bucket's KMS key refused access",
  'Check that the KMS key is enabled and that the credentials may use it.',
];
const UNTRUSTED: Meaning = [
  'E_STORE_UNTRUSTED',
  'the server could not prove who it is (TLS)',
  'Check the endpoint; for a certificate authority of your own, set NODE_EXTRA_CA_CERTS.',
];
const UNAVAILABLE: Meaning = [
  'E_STORE_UNAVAILABLE',
  'cannot be reached, or answers with errors',
  'Check network, endpoint and region; you can run the same command again.',
];

/** By the error's name in S3 or the SDK, or the system's error code. */
const MEANINGS = new Map<string, Meaning>([
  ...named(DENIED, 'AccessDenied AllAccessDisabled InvalidAccessKeyId SignatureDoesNotMatch Forbidden'),
  ...named(DENIED, 'InvalidToken UnrecognizedClientException InvalidClientTokenId'),
  ...named(EXPIRED, 'ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired'),
  ...named(NO_CREDENTIALS, 'CredentialsProviderError CredentialsError'),
  ...named(SKEWED, 'RequestTimeTooSkewed'),
  ...named(OTHER_REGION, 'PermanentRedirect TemporaryRedirect AuthorizationHeaderMalformed'),
  ...named(OTHER_REGION, 'IllegalLocationConstraintException'),
  ...named(FULL, 'QuotaExceeded'),
  ...named(NOT_SUPPORTED, 'NotImplemented'),
  ...named(ARCHIVED, 'InvalidObjectState'),
  ...named(UNTRUSTED, 'DEPTH_ZERO_SELF_SIGNED_CERT SELF_SIGNED_CERT_IN_CHAIN CERT_HAS_EXPIRED'),
  ...named(
    UNTRUSTED,
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  ),
  ...named(UNTRUSTED, 'ERR_TLS_CERT_ALTNAME_INVALID CERT_NOT_YET_VALID'),
  ...named(
    UNAVAILABLE,
    'ENOTFOUND ECONNREFUSED EAI_AGAIN EHOSTUNREACH ENETUNREACH ECONNRESET EPIPE ETIMEDOUT',
  ),
  ...named(UNAVAILABLE, 'TimeoutError RequestTimeout IncompleteBody NetworkingError'),
  // A body that was damaged on its way up may arrive whole next time.
  ...named(UNAVAILABLE, 'BadDigest XAmzContentSHA256Mismatch XAmzContentChecksumMismatch'),
]);

function named(meaning: Meaning, names: string): [string, Meaning][] {
  return names.split(' ').map((name) => [name, meaning]);
}

/**
 * An error that S3 returns for one object as well as for all: because of a policy, or the object's encryption
 * key.
 */
export function mayConcernOneObject(error: unknown): boolean {
  const { name, status } = describe(error as Error);
  if (name === 'AccessDenied' || name === 'Forbidden' || name.startsWith('KMS.')) return true;
  return status === 403 && !MEANINGS.has(name);
}

/**
 * The error for one object that S3 refuses while it returns others. @param denied the error if it were all
 */
export function deniedObject(key: string, denied: HoldfastError): HoldfastError {
  return new HoldfastError('E_OBJECT_UNREADABLE', `${key} cannot be read: ${denied.message}`, {
    cause: denied,
    hint: 'Others can be read. Check what the bucket policy says about this object, its owner, and the KMS key that encrypts it.',
  });
}

interface S3Failure {
  readonly name: string;
  readonly status: number | undefined;
  readonly errno: string | undefined;
  readonly message: string;
}

/** The store's error for an error of the S3 client. `key` is undefined for a listing. */
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
  return about(classify(failure, location, error), key);
}

/** An error about one object names it. */
function about(error: HoldfastError, key: string | undefined): HoldfastError {
  const { code, message, hint, cause } = error;
  if (code !== 'E_OBJECT_UNREADABLE' || key === undefined) return error;
  return new HoldfastError(code, `${key} cannot be read: ${message}`, { cause, ...(hint ? { hint } : {}) });
}

function classify(
  { name, status, errno, message }: S3Failure,
  location: string,
  cause: unknown,
): HoldfastError {
  const known = errno ?? name;
  const meaning = MEANINGS.get(known) ?? MEANINGS.get(name) ?? byStatus(status, name);
  if (!meaning) return new HoldfastError('E_INTERNAL', `${location}: ${name}: ${message}`, { cause });
  const [code, what, hint] = meaning;
  return new HoldfastError(code, `${location}: ${what} (${known})`, { cause, hint });
}

function byStatus(status: number | undefined, name: string): Meaning | undefined {
  if (name.startsWith('KMS.')) return KMS;
  if (status === undefined) return undefined;
  if (status === 301 || status === 307) return OTHER_REGION;
  if (status === 401 || status === 403) return DENIED;
  if (status === 501) return NOT_SUPPORTED;
  if (status === 507) return FULL;
  return status === 408 || status === 409 || status === 429 || status >= 500 ? UNAVAILABLE : undefined;
}

function describe(error: unknown): S3Failure {
  const { name, message, code, $metadata } = error as Error & {
    readonly code?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  return { name, message, errno: code, status: $metadata?.httpStatusCode };
}

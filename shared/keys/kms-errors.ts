import { abortedError } from '../core/abort.ts';
import { type ErrorCode, HoldfastError } from '../core/errors.ts';

type Meaning = readonly [code: ErrorCode, problem: string, hint: string];

const DENIED: Meaning = [
  'E_KEY_DENIED',
  'the credentials may not use it this way',
  "Check the key's policy, the role's policy and their conditions on the encryption context (docs/reference/security.md).",
];
const NO_CREDENTIALS: Meaning = [
  'E_KEY_DENIED',
  'no AWS credentials were found, or they have expired',
  'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or run where a role gives them.',
];
const NOT_FOUND: Meaning = [
  'E_KEY_DENIED',
  'there is no such key in this account and region',
  'Give its ARN; a key that was deleted for good cannot be brought back.',
];
const DISABLED: Meaning = ['E_KEY_DENIED', 'it is disabled', 'Enable it: `aws kms enable-key`.'];
const DELETING: Meaning = [
  'E_KEY_DENIED',
  'it is pending deletion, or not usable now',
  'Cancel the deletion at once: `aws kms cancel-key-deletion`, then `enable-key`. Without the key every backup is lost.',
];
const UNFIT: Meaning = [
  'E_BAD_KEY',
  'it is not a symmetric encryption key',
  'Give a key of usage ENCRYPT_DECRYPT and spec SYMMETRIC_DEFAULT.',
];
const WRONG: Meaning = [
  'E_WRONG_KEY',
  'this was sealed under another KMS key',
  'Configure the key that the repository was made with; nothing is damaged.',
];
const DAMAGED: Meaning = [
  'E_DAMAGED',
  'the wrapped key was changed after it was written',
  'Restore the object that holds it from a copy or an older version of it.',
];
const UNAVAILABLE: Meaning = [
  'E_KEY_UNAVAILABLE',
  'it cannot be reached, or answers with errors',
  'Check network, endpoint and region; you can run the same command again.',
];

/** By the error's name in KMS, the SDK or the system. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  AccessDeniedException: DENIED,
  UnrecognizedClientException: DENIED,
  InvalidSignatureException: DENIED,
  CredentialsProviderError: NO_CREDENTIALS,
  ExpiredTokenException: NO_CREDENTIALS,
  NotFoundException: NOT_FOUND,
  InvalidArnException: NOT_FOUND,
  ValidationException: NOT_FOUND,
  DisabledException: DISABLED,
  KMSInvalidStateException: DELETING,
  InvalidKeyUsageException: UNFIT,
  IncorrectKeyException: WRONG,
  InvalidCiphertextException: DAMAGED,
};

/** What an error of the KMS client means. */
export function fromKmsError(
  error: unknown,
  {
    key,
    what,
    signal,
  }: { readonly key: string; readonly what: string; readonly signal?: AbortSignal | undefined },
): unknown {
  if (signal?.aborted) return abortedError(signal);
  const name = error instanceof Error ? error.name : '';
  const [code, problem, hint] = MEANINGS[name] ?? UNAVAILABLE;
  const shown = (error as { readonly code?: string }).code ?? name;
  return new HoldfastError(code, `the KMS key ${key} did not ${what}: ${problem} (${shown})`, {
    cause: error,
    hint,
  });
}

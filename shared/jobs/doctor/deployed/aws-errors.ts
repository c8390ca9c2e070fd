import { abortedError } from '../../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { type CheckResult, differs } from '../../../sources/source-checks.ts';

interface Asked {
  readonly what: string;
  /** The permission that it needs. */
  readonly action: string;
  readonly signal: AbortSignal;
}

const DENIED = /AccessDenied|AuthorizationError|NotAuthorized|Forbidden/;
const NO_LOGIN =
  /^(CredentialsProviderError|ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature)/;

/** What an error of an AWS client means when checking a deployment. */
export function fromAwsError(error: unknown, { what, action, signal }: Asked): HoldfastError {
  if (signal.aborted) return abortedError(signal);
  if (isHoldfastError(error)) return error;
  const { name = '', message = '' } = error as Partial<Error>;
  const isDenied = DENIED.test(name);
  const hint = NO_LOGIN.test(name)
    ? 'Get credentials for the account: AWS_PROFILE, `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'
    : isDenied
      ? `Allow ${action} to these credentials.`
      : 'Check region, network and credentials, and run it again.';
  return new HoldfastError('E_DEPLOYMENT', `AWS did not return ${what} (${name}: ${message})`, {
    cause: error,
    hint,
    details: { isDenied },
  });
}

/** Something that these credentials may not see is less than well, but not a failure of the deployment. */
export async function unlessDenied(asked: Asked, look: () => Promise<CheckResult>): Promise<CheckResult> {
  try {
    return await look();
  } catch (error) {
    const problem = fromAwsError(error, asked);
    if (problem.details['isDenied'] !== true) throw problem;
    return differs(`these credentials may not see ${asked.what}`, {
      isMinor: true,
      code: 'E_DEPLOYMENT',
      fix: problem.hint,
    });
  }
}

import { abortedError } from '../../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { type CheckResult, differs } from '../../../sources/source-checks.ts';

interface Asked {
  readonly what: string;
  /** Right that it takes. */
  readonly action: string;
  readonly signal: AbortSignal;
}

const DENIED = /AccessDenied|AuthorizationError|NotAuthorized|Forbidden/;
const NO_LOGIN =
  /^(CredentialsProviderError|ExpiredToken|UnrecognizedClient|InvalidClientTokenId|InvalidSignature)/;

/** What an error of a client of AWS means, where a deployment is looked at. */
export function fromAwsError(error: unknown, { what, action, signal }: Asked): HoldfastError {
  if (signal.aborted) return abortedError(signal);
  if (isHoldfastError(error)) return error;
  const { name = '', message = '' } = error as Partial<Error>;
  const isDenied = DENIED.test(name);
  const hint = NO_LOGIN.test(name)
    ? 'Get credentials of the account: AWS_PROFILE, `aws sso login`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.'
    : isDenied
      ? `Allow ${action} to these credentials.`
      : 'Check region, network and credentials, and run it again.';
  return new HoldfastError('E_DEPLOYMENT', `AWS did not tell ${what} (${name}: ${message})`, {
    cause: error,
    hint,
    details: { isDenied },
  });
}

/** What these credentials may not see makes less than all well, and is no failure of the deployment. */
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

import { isHoldfastError } from '../../core/errors.ts';
import { differs, holds, unknown } from '../../sources/source-checks.ts';
import { judgeClock } from './clock-check.ts';
import { type BucketLook, NO_WORK, type StoreCheck } from './store-look.ts';

/** Problems with the credentials themselves, whatever they are used for; by S3's error names. */
const BAD_CREDENTIALS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId:
    'The store does not know this access key: check AWS_ACCESS_KEY_ID, or the profile in use.',
  SignatureDoesNotMatch:
    'The secret does not belong to the access key: check AWS_SECRET_ACCESS_KEY, or the profile in use.',
  InvalidToken: 'The session token is not valid: get fresh credentials, or unset AWS_SESSION_TOKEN.',
  InvalidClientTokenId: 'Check AWS_ACCESS_KEY_ID, or the profile in use.',
  UnrecognizedClientException: 'Check the credentials, or the profile in use.',
  ExpiredToken: 'Get fresh credentials: these have expired.',
  ExpiredTokenException: 'Get fresh credentials: these have expired.',
  TokenRefreshRequired: 'Get fresh credentials: these have expired.',
};
const UNREACHED = ['E_STORE_UNAVAILABLE', 'E_STORE_UNTRUSTED'];

/** Whether the bucket can be reached, and with which credentials. */
export const CONTACT: readonly StoreCheck<BucketLook>[] = [
  {
    name: 'store',
    assumes: 'The store responds, and proves who it is.',
    neededFor: 'backup',
    follows: NO_WORK,
    slow: {
      code: 'E_STORE_UNAVAILABLE',
      fix: 'Check the endpoint, and the network: a route, an endpoint in the VPC, a proxy.',
    },
    look: async (look, signal) => {
      const found = await look.s3.findCredentials().catch(() => undefined);
      if (found === undefined) return unknown('it can only be asked with credentials');
      look.contact = await look.s3.contact(signal);
      const { problem } = look.contact;
      const isUnset = isHoldfastError(problem, 'E_CONFIG') && look.contact.aheadMs === undefined;
      if (isUnset || (isHoldfastError(problem) && UNREACHED.includes(problem.code))) throw problem;
      return holds(`${look.config.s3?.endpoint ?? 'Amazon S3'} responds`);
    },
  },
  {
    name: 'clock',
    assumes: "This machine's clock agrees with the store's.",
    neededFor: 'backup',
    follows: NO_WORK,
    needs: 'store',
    look: async ({ contact }) => judgeClock(contact?.aheadMs),
  },
  {
    name: 'credentials',
    assumes: 'There are credentials, and the store accepts them.',
    neededFor: 'backup',
    follows: NO_WORK,
    needs: 'clock',
    look: async ({ s3, contact }) => {
      const id = await s3.findCredentials();
      const { problem } = contact ?? {};
      const name = isHoldfastError(problem) ? nameOfCause(problem.cause) : '';
      const fix = BAD_CREDENTIALS[name];
      const shown = `access key ${id.slice(0, 4)}…${id.slice(-4)}`;
      if (fix === undefined) return holds(shown);
      return differs(`${shown} is refused (${name})`, { fix, code: 'E_STORE_DENIED' });
    },
  },
  {
    name: 'bucket',
    assumes: 'The bucket exists in the configured region, and these credentials may list it.',
    neededFor: 'backup',
    follows: NO_WORK,
    needs: 'credentials',
    look: async ({ contact, store }) => {
      const { problem } = contact ?? {};
      if (problem === undefined) return holds(store.location);
      if (!isHoldfastError(problem, 'E_STORE_DENIED')) throw problem;
      const fix = `Allow s3:ListBucket, s3:GetObject and s3:PutObject on ${store.location}, in the policy of the credentials and in the bucket's.`;
      return differs(problem.message, { fix, code: problem.code });
    },
  },
];

function nameOfCause(cause: unknown): string {
  return cause instanceof Error ? cause.name : '';
}

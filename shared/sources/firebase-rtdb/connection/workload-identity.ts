import { createHash, createHmac } from 'node:crypto';
import * as z from 'zod';
import { type Clock, systemClock } from '../../../core/clock.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { FreshToken } from './credentials.ts';
import { malformed } from './service-account.ts';
import { askTokenEndpoint, SCOPES } from './token-endpoint.ts';

const DEFAULT_LIFE_SECONDS = 3600;
const CLOUD = 'https://www.googleapis.com/auth/cloud-platform';
const AWS_TOKEN = 'urn:ietf:params:aws:token-type:aws4_request';

const ExternalAccount = z.object({
  type: z.literal('external_account'),
  audience: z.string().min(1),
  subject_token_type: z.literal(AWS_TOKEN),
  token_url: z.url(),
  service_account_impersonation_url: z.url().optional(),
  credential_source: z.object({
    regional_cred_verification_url: z.string().includes('{region}').or(z.url()),
  }),
});
/** What a file of workload identity federation says. */
export type ExternalAccount = Readonly<z.infer<typeof ExternalAccount>>;

/** A login of AWS. Secret. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** @param what names it in messages. @throws E_CONFIG saying which member is missing or wrong */
export function parseExternalAccount(json: unknown, what: string): ExternalAccount {
  const parsed = ExternalAccount.safeParse(json);
  if (parsed.success) return parsed.data;
  const members = [...new Set(parsed.error.issues.map(({ path }) => path.join('.') || 'the whole'))];
  throw malformed(`${what} is not a workload identity for AWS: missing or wrong: ${members.join(', ')}`);
}

/**
 * Google's workload identity federation for AWS: a signed GetCallerIdentity says which role asks, Google's security token
 * service gives a token for it, and with that the service account's own is asked for. No key is kept anywhere.
 *
 * @throws E_SOURCE_REFUSED, E_SOURCE_UNREACHABLE
 */
export async function workloadIdentityToken(
  account: ExternalAccount,
  aws: { readonly region: string; readonly credentials: () => Promise<AwsCredentials> },
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<FreshToken> {
  const { audience, service_account_impersonation_url: impersonate } = account;
  const subject = signedCallerIdentity(account, aws.region, await aws.credentials(), clock);
  const exchanged = await askTokenEndpoint(
    account.token_url,
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `${new URLSearchParams({
        audience,
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        scope: impersonate === undefined ? SCOPES.join(' ') : CLOUD,
        subject_token: subject,
        subject_token_type: AWS_TOKEN,
      })}`,
    },
    signal,
  );
  const { access_token: federated, expires_in: lifeSeconds } = exchanged;
  if (typeof federated !== 'string') throw noToken(account.token_url);
  if (impersonate === undefined)
    return {
      token: federated,
      lifeSeconds: typeof lifeSeconds === 'number' ? lifeSeconds : DEFAULT_LIFE_SECONDS,
    };
  const { accessToken, expireTime } = await askTokenEndpoint(
    impersonate,
    {
      headers: { 'content-type': 'application/json', authorization: `Bearer ${federated}` },
      body: JSON.stringify({ scope: SCOPES, lifetime: `${DEFAULT_LIFE_SECONDS}s` }),
    },
    signal,
  );
  if (typeof accessToken !== 'string') throw noToken(impersonate);
  const endsAt = typeof expireTime === 'string' ? Date.parse(expireTime) : Number.NaN;
  const left = (endsAt - clock.now().getTime()) / SECOND_MS;
  return { token: accessToken, lifeSeconds: left > 0 ? left : DEFAULT_LIFE_SECONDS };
}

/** The request that AWS would answer with who asks, signed (Signature Version 4) and not sent: Google sends it. */
function signedCallerIdentity(
  account: ExternalAccount,
  region: string,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  clock: Clock,
): string {
  const url = account.credential_source.regional_cred_verification_url.replaceAll('{region}', region);
  const { host, pathname, searchParams } = new URL(url);
  const time = clock
    .now()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '');
  const day = time.slice(0, 8);
  const headers: [string, string][] = [
    ['host', host],
    ['x-amz-date', time],
    ...(sessionToken === undefined ? [] : ([['x-amz-security-token', sessionToken]] as [string, string][])),
    ['x-goog-cloud-target-resource', account.audience],
  ];
  const names = headers.map(([name]) => name).join(';');
  const query = [...searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
  const canonical = [
    'POST',
    pathname,
    query,
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    sha256(''),
  ].join('\n');
  const scope = `${day}/${region}/sts/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [day, region, 'sts', 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  const sent = [...headers, ['authorization', authorization]].map(([key, value]) => ({ key, value }));
  return encodeURIComponent(JSON.stringify({ url, method: 'POST', headers: sent }));
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function noToken(url: string): HoldfastError {
  return new HoldfastError('E_SOURCE_REFUSED', `${new URL(url).host} gave an answer without a token`);
}

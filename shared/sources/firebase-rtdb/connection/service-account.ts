import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import * as z from 'zod';
import { type Clock, systemClock } from '../../../core/clock.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { FreshToken } from './credentials.ts';
import { askTokenEndpoint, SCOPES } from './token-endpoint.ts';

const LIFE_SECONDS = 3600;
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const GOOGLE = 'https://oauth2.googleapis.com/token';

const ServiceAccount = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  project_id: z.string().optional(),
  token_uri: z.url().optional(),
});

/** What a file of a service account says. Secret. */
export interface ServiceAccount {
  readonly email: string;
  readonly keyId: string | undefined;
  readonly key: KeyObject;
  readonly tokenUri: string;
}

/**
 * Reads a service account's key file.
 *
 * @param what names it in messages; nothing of its content is in them
 * @throws E_CONFIG saying which member is missing or wrong
 */
export function parseServiceAccount(json: unknown, what: string): ServiceAccount {
  const parsed = ServiceAccount.safeParse(json);
  if (!parsed.success) {
    const members = [...new Set(parsed.error.issues.map(({ path }) => path.join('.') || 'the whole'))];
    throw malformed(`${what} is not a service account: missing or wrong: ${members.join(', ')}`);
  }
  const { client_email: email, private_key: pem, private_key_id: keyId, token_uri: tokenUri } = parsed.data;
  try {
    // Variables of an environment often hold \n as two characters.
    const key = createPrivateKey(pem.replaceAll('\\n', '\n'));
    return { email, keyId, key, tokenUri: tokenUri ?? GOOGLE };
  } catch {
    throw malformed(`${what}: private_key is not a private key in PEM`);
  }
}

/** A signed statement of the account, exchanged for an access token (RFC 7523). @throws E_SOURCE_REFUSED */
export async function serviceAccountToken(
  { email, keyId, key, tokenUri }: ServiceAccount,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<FreshToken> {
  const now = Math.floor(clock.now().getTime() / SECOND_MS);
  const header = { alg: 'RS256', typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) };
  const claims = { iss: email, scope: SCOPES.join(' '), aud: tokenUri, iat: now, exp: now + LIFE_SECONDS };
  const statement = `${base64(JSON.stringify(header))}.${base64(JSON.stringify(claims))}`;
  const signature = sign('RSA-SHA256', Buffer.from(statement), key).toString('base64url');
  const answer = await askTokenEndpoint(
    tokenUri,
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `${new URLSearchParams({ grant_type: GRANT, assertion: `${statement}.${signature}` })}`,
    },
    signal,
  );
  const { access_token: token, expires_in: lifeSeconds } = answer;
  if (typeof token !== 'string')
    throw new HoldfastError('E_SOURCE_REFUSED', `${new URL(tokenUri).host} gave an answer without a token`);
  return { token, lifeSeconds: typeof lifeSeconds === 'number' ? lifeSeconds : LIFE_SECONDS };
}

/** The error of a file that is no service account's. */
export function malformed(message: string): HoldfastError {
  return new HoldfastError('E_CONFIG', message, {
    hint: 'Download a new key: Firebase console, Project settings, Service accounts. FIREBASE_SERVICE_ACCOUNT holds the JSON itself or the name of its file.',
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64url');
}

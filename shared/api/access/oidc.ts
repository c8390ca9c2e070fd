import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { OidcSettings } from '../../config/api.ts';
import type { Clock } from '../../core/clock.ts';
import { SECOND_MS } from '../../core/units.ts';
import { ApiError } from '../server/api-error.ts';
import { type Authenticator, bearerToken, type Caller } from '../server/caller.ts';
import { rolesOf } from './roles-of.ts';

/** Asymmetric signatures only: a key that checks them cannot make them. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const TOLERANCE_SECONDS = 30;
const TIMEOUT_MS = 5 * SECOND_MS;
/** After a failure the issuer is not asked again for this long. */
const COOLDOWN_MS = 30 * SECOND_MS;
const MOST_TOKEN_CHARS = 16_384;
const MOST_NAME_CHARS = 200;

/** Tokens of an OIDC issuer, checked with its published keys, which are fetched once and kept. */
export class OidcAuthenticator implements Authenticator {
  readonly scheme = 'Bearer';
  readonly #settings: OidcSettings;
  readonly #clock: Clock;
  #keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(settings: OidcSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  async authenticate(request: Request): Promise<Caller | undefined> {
    const token = bearerToken(request);
    if (token === undefined) {
      if (request.headers.has('authorization')) throw refused('the login is not a Bearer token');
      return undefined;
    }
    if (token.length > MOST_TOKEN_CHARS) throw refused('the token is too long');
    return this.#callerOf(await this.#verify(token));
  }

  async #verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, await this.#keySet(), {
        algorithms: ALGORITHMS,
        issuer: this.#settings.issuer,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: TOLERANCE_SECONDS,
        currentDate: this.#clock.now(),
      });
      return payload;
    } catch (error) {
      throw explain(error);
    }
  }

  #callerOf(payload: JWTPayload): Caller {
    const { audience, requiredClaims = {}, rolesClaim = 'groups', roles, issuer } = this.#settings;
    const forWhom = payload.aud ?? payload['client_id'];
    if (![forWhom].flat().includes(audience)) throw refused('the token is for another audience');
    for (const [name, value] of Object.entries(requiredClaims))
      if (claimOf(payload, name) !== value)
        throw refused(`the claim ${name} of the token lacks a required value`);
    const subject = subjectOf(payload, this.#clock.now());
    const names = [payload['email'], payload['username'], payload['name']];
    const name = names.find((text) => typeof text === 'string' && shown(text) !== '');
    return {
      id: `oidc ${issuer} ${subject}`,
      name: shown(typeof name === 'string' ? name : subject),
      roles: rolesOf(textsOf(claimOf(payload, rolesClaim)), roles),
    };
  }

  #keySet(): Promise<JWTVerifyGetKey> {
    this.#keys ??= this.#discover().catch((error: unknown) => {
      this.#keys = undefined;
      throw error;
    });
    return this.#keys;
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    const { issuer, jwksUri } = this.#settings;
    const uri = jwksUri ?? (await discoverKeys(issuer));
    return createRemoteJWKSet(new URL(uri), { timeoutDuration: TIMEOUT_MS, cooldownDuration: COOLDOWN_MS });
  }
}

/** The subject of a token. @throws E_UNAUTHENTICATED if it names nobody, or was issued in the future */
function subjectOf({ sub, iat }: JWTPayload, now: Date): string {
  if (typeof sub !== 'string' || sub.trim() === '') throw refused('the token names no subject');
  if (iat !== undefined && iat > now.getTime() / SECOND_MS + TOLERANCE_SECONDS)
    throw refused('the token was issued in the future');
  return sub;
}

/** As people see it, also in the audit trail. */
function shown(name: string): string {
  return name.replaceAll(/\p{Cc}/gu, '').slice(0, MOST_NAME_CHARS);
}

async function discoverKeys(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    const document = (await answer.json()) as { readonly jwks_uri?: unknown; readonly issuer?: unknown };
    if (answer.ok && typeof document.jwks_uri === 'string' && document.issuer === issuer)
      return document.jwks_uri;
  } catch (cause) {
    throw unavailable(cause);
  }
  throw unavailable(undefined);
}

/** The value of a claim; a `.` steps into a nested claim, unless the claim itself has that name. */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split('.'))
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string, unknown>)[part]
        : undefined;
  return value;
}

function textsOf(value: unknown): string[] {
  return [value].flat().flatMap((one) => (typeof one === 'string' ? [one] : one === true ? ['true'] : []));
}

function explain(error: unknown): unknown {
  if (error instanceof ApiError) return error;
  if (error instanceof errors.JWTExpired) return refused('the token has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`the token's claim ${error.claim} is not valid`, error);
  if (error instanceof errors.JWKSTimeout || error instanceof TypeError) return unavailable(error);
  if (error instanceof errors.JOSEError && error.message.includes('JSON Web Key Set HTTP response'))
    return unavailable(error);
  if (error instanceof errors.JOSEError) return refused("the token is not the issuer's", error);
  return error;
}

function refused(message: string, cause?: unknown): ApiError {
  return new ApiError('E_UNAUTHENTICATED', message, { cause, hint: 'Sign in again.' });
}

function unavailable(cause: unknown): ApiError {
  return new ApiError('E_LOGIN_UNAVAILABLE', "the login issuer's keys cannot be fetched", {
    cause,
    hint: 'Try again in a minute.',
  });
}

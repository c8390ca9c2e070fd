import { createHash, randomBytes } from 'node:crypto';
import type { Role } from '../../core/api-names.ts';
import type { Clock } from '../../core/clock.ts';
import { ApiError } from '../api-error.ts';
import { type Authenticator, bearerToken, type Caller } from '../caller.ts';

/** Sessions at once; a new one ends the oldest. */
const MOST_SESSIONS = 20;

export interface SessionOptions {
  readonly roles: readonly Role[];
  /** Who it is, for the audit trail. */
  readonly name: string;
  readonly lifeMs: number;
  readonly clock: Clock;
}

interface Session {
  readonly caller: Caller;
  readonly endsAt: Date;
}

/** Logins of a server on this machine: a link that works once gives a session. Tokens are known by their hashes alone. */
export class Sessions implements Authenticator {
  readonly scheme = 'Bearer';
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Session>();
  #link: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** A new token for a link; the one before it is void. */
  newLink(): string {
    const token = randomBytes(32).toString('base64url');
    this.#link = hashOf(token);
    return token;
  }

  /** A session for the token of a link, once. @throws E_UNAUTHENTICATED */
  begin(token: string): { readonly token: string; readonly expiresAt: Date } {
    if (this.#link === undefined || hashOf(token) !== this.#link)
      throw new ApiError('E_UNAUTHENTICATED', 'the link was used already, or is not the newest', {
        hint: 'Open the newest link that holdfast serve printed.',
      });
    this.#link = undefined;
    const { clock, lifeMs, roles, name } = this.#options;
    const session = randomBytes(32).toString('base64url');
    const endsAt = new Date(clock.now().getTime() + lifeMs);
    const hash = hashOf(session);
    this.#sessions.set(hash, { caller: { id: `session ${hash.slice(0, 16)}`, name, roles }, endsAt });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    return { token: session, expiresAt: endsAt };
  }

  async authenticate(request: Request): Promise<Caller | undefined> {
    const token = bearerToken(request);
    if (token === undefined) {
      if (request.headers.has('authorization')) throw refused('the login is not a Bearer token');
      return undefined;
    }
    const session = this.#sessions.get(hashOf(token));
    if (!session) throw refused('there is no such session');
    if (session.endsAt > this.#options.clock.now()) return session.caller;
    this.#sessions.delete(hashOf(token));
    throw refused('the session has expired');
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function refused(message: string): ApiError {
  return new ApiError('E_UNAUTHENTICATED', message, {
    hint: 'Open the newest link that holdfast serve printed.',
  });
}

import { createHash, randomBytes } from 'node:crypto';
import type { Role } from '../../core/api-names.ts';
import type { Clock } from '../../core/clock.ts';
import { MINUTE_MS } from '../../core/units.ts';
import { ApiError } from '../server/api-error.ts';
import { type Authenticator, bearerToken, type Caller } from '../server/caller.ts';

/** Sessions at once; a new one ends the oldest. */
const MOST_SESSIONS = 20;
/** Tokens of one session, one for each of its pages; the oldest go first. */
const MOST_TOKENS = 50;
/** How long a link is valid. */
export const LINK_LIFE_MS = 10 * MINUTE_MS;

/** Whom tokens are made for, and for how long. */
export interface SessionOptions {
  readonly roles: readonly Role[];
  /** Who it is, for the audit trail. */
  readonly name: string;
  readonly lifeMs: number;
  readonly clock: Clock;
}

/** A token that was just made. */
export interface Granted {
  /** For `Authorization: Bearer`. */
  readonly token: string;
  readonly expiresAt: Date;
}

interface Session {
  readonly caller: Caller;
  readonly endsAt: Date;
  /** Hash of the secret that gives a reloaded page a new token. */
  readonly key: string;
  tokens: readonly string[];
}

/**
 * Logins to a server on this machine: a link that works once starts a session. Secrets are kept only as
 * hashes.
 */
export class Sessions implements Authenticator {
  readonly scheme = 'Bearer';
  readonly #options: SessionOptions;
  /** Oldest first. */
  #sessions: readonly Session[] = [];
  #link: { readonly hash: string; readonly endsAt: Date } | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** A new token for a link; invalidates the one before. */
  newLink(): string {
    const token = randomBytes(32).toString('base64url');
    this.#link = { hash: hashOf(token), endsAt: this.#after(LINK_LIFE_MS) };
    return token;
  }

  /** Whether there is a link that is neither used nor expired. */
  get hasLink(): boolean {
    return this.#link !== undefined && this.#link.endsAt > this.#now();
  }

  /** Starts a session with the token of the link, once; `key` resumes it. @throws E_UNAUTHENTICATED */
  begin(token: string): Granted & { readonly key: string } {
    if (hashOf(token) !== this.#link?.hash) throw refused('the link was already used, or is not the newest');
    const isGood = this.hasLink;
    this.#link = undefined;
    if (!isGood) throw refused('the link has expired');
    const { lifeMs, roles, name } = this.#options;
    const key = randomBytes(32).toString('base64url');
    const hash = hashOf(key);
    const caller = { id: `session ${hash.slice(0, 16)}`, name, roles };
    const session: Session = { caller, endsAt: this.#after(lifeMs), key: hash, tokens: [] };
    this.#sessions = [...this.#sessions, session].slice(-MOST_SESSIONS);
    return { ...grant(session), key };
  }

  /** Another token of the session with this key. @throws E_UNAUTHENTICATED */
  resume(key: string): Granted {
    return grant(this.#good(this.#sessions.find((session) => session.key === hashOf(key))));
  }

  /** Ends the session with this token or key, for all its pages. */
  end(secret: string): void {
    const hash = hashOf(secret);
    this.#sessions = this.#sessions.filter(({ key, tokens }) => key !== hash && !tokens.includes(hash));
  }

  async authenticate(request: Request): Promise<Caller | undefined> {
    const token = bearerToken(request);
    if (token === undefined) {
      if (request.headers.has('authorization')) throw refused('the login is not a Bearer token');
      return undefined;
    }
    const hash = hashOf(token);
    return this.#good(this.#sessions.find(({ tokens }) => tokens.includes(hash))).caller;
  }

  #good(session: Session | undefined): Session {
    if (!session) throw refused('there is no such session, or it has ended');
    if (session.endsAt > this.#now()) return session;
    this.#sessions = this.#sessions.filter((other) => other !== session);
    throw refused('the session has expired');
  }

  #now(): Date {
    return this.#options.clock.now();
  }

  #after(ms: number): Date {
    return new Date(this.#now().getTime() + ms);
  }
}

function grant(session: Session): Granted {
  const token = randomBytes(32).toString('base64url');
  session.tokens = [...session.tokens, hashOf(token)].slice(-MOST_TOKENS);
  return { token, expiresAt: session.endsAt };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function refused(message: string): ApiError {
  return new ApiError('E_UNAUTHENTICATED', message, {
    hint: 'Open the newest link that holdfast serve printed.',
  });
}

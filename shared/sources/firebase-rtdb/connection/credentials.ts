import { type Clock, systemClock } from '../../../core/clock.ts';
import { MINUTE_MS, SECOND_MS } from '../../../core/units.ts';

/** What a request carries to say who asks. Secret. */
export interface Authorization {
  readonly header?: string;
  readonly parameter?: { readonly name: string; readonly value: string };
}

/** Authorises requests. */
export interface Credentials {
  /** @throws E_SOURCE_REFUSED, E_SOURCE_UNREACHABLE if no token can be had */
  authorize(signal: AbortSignal): Promise<Authorization>;
}

/** Credentials that can make a new token in place of one that was refused. */
export interface RefreshableCredentials extends Credentials {
  forget(): void;
}

/** Whether a new token can be had when one is refused. */
export function isRefreshable(credentials: Credentials): credentials is RefreshableCredentials {
  return 'forget' in credentials;
}

/** Of a local server, or a database that everybody may read. */
export const NO_CREDENTIALS: Credentials = { authorize: async () => ({}) };

/** A user's ID token, or a database secret: it goes into the URL, as Firebase wants it. */
export function idToken(value: string): Credentials {
  return { authorize: async () => ({ parameter: { name: 'auth', value } }) };
}

/** A token that somebody else keeps fresh. */
export function accessToken(token: string): Credentials {
  return { authorize: async () => ({ header: `Bearer ${token}` }) };
}

/** A token, and how long it holds. */
export interface FreshToken {
  readonly token: string;
  readonly lifeSeconds: number;
}

/** A token is given up so long before it ends. */
const MARGIN_MS = 5 * MINUTE_MS;

/** Access tokens that end: a new one is fetched in time, and by one request only. */
export class FetchedToken implements RefreshableCredentials {
  readonly #fetch: (signal: AbortSignal) => Promise<FreshToken>;
  readonly #clock: Clock;
  #current: Promise<{ readonly token: string; readonly endsAt: number }> | undefined;

  constructor(fetch: (signal: AbortSignal) => Promise<FreshToken>, clock: Clock = systemClock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  async authorize(signal: AbortSignal): Promise<Authorization> {
    const seen = this.#current;
    const held = await seen?.catch(() => undefined);
    if (held && held.endsAt > this.#clock.now().getTime()) return { header: `Bearer ${held.token}` };
    if (!this.#current || this.#current === seen) this.#current = this.#begin(signal);
    const { token } = await this.#current;
    return { header: `Bearer ${token}` };
  }

  forget(): void {
    this.#current = undefined;
  }

  async #begin(signal: AbortSignal): Promise<{ readonly token: string; readonly endsAt: number }> {
    const from = this.#clock.now().getTime();
    const { token, lifeSeconds } = await this.#fetch(signal);
    const lifeMs = lifeSeconds * SECOND_MS;
    return { token, endsAt: from + Math.max(lifeMs - MARGIN_MS, lifeMs / 2) };
  }
}

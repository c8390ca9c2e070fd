import type { FirebaseServerOptions } from './options.ts';
import { Refusal } from './reply.ts';
import type { DatabaseRequest } from './request.ts';

/** Refuses a request without one of the accepted tokens. @throws Refusal 401 */
export function requireToken(request: DatabaseRequest, options: FirebaseServerOptions): void {
  const { tokens, expiredTokens = [] } = options;
  if (!tokens) return;
  const token = tokenOf(request);
  if (token === undefined) throw new Refusal(401, 'Permission denied');
  if (expiredTokens.includes(token)) throw new Refusal(401, 'Auth token is expired');
  if (!tokens.includes(token)) throw new Refusal(401, 'Unauthorized request.');
}

function tokenOf({ headers, params }: DatabaseRequest): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(String(headers['authorization'] ?? ''))?.[1];
  return bearer ?? params.get('access_token') ?? params.get('auth') ?? undefined;
}

const MAX_TIMEOUT_MS = 15 * 60 * 1000;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

/** Refuses a read that its `timeout` leaves too little time for. @throws Refusal 400 */
export function requireTime({ params }: DatabaseRequest, { latencyMs = 0 }: FirebaseServerOptions): void {
  const text = params.get('timeout');
  if (text === null) return;
  const [, count = '', unit = ''] = /^(\d+)(ms|s|min)$/.exec(text) ?? [];
  const timeoutMs = Number(count) * (UNIT_MS[unit] ?? 0);
  if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) throw new Refusal(400, `Invalid timeout: ${text}`);
  if (latencyMs >= timeoutMs) throw new Refusal(400, `Read did not finish within ${text}`);
}

/** Lets a number of requests through in any second. */
export class RateLimit {
  readonly #perSecond: number;
  #second = 0;
  #count = 0;

  constructor(perSecond = Number.POSITIVE_INFINITY) {
    this.#perSecond = perSecond;
  }

  /** @throws Refusal 429 */
  take(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    if (++this.#count > this.#perSecond) throw new Refusal(429, 'Too many requests');
  }
}

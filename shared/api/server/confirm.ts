import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { MINUTE_MS } from '../../core/units.ts';
import type { ApiRestorePlan, RestoreBody } from '../schema/runs.ts';
import { ApiError } from './api-error.ts';
import type { Caller } from './caller.ts';

const LIFE_MS = 10 * MINUTE_MS;
/** Used tokens to remember: more than this are not started within a token's life. */
const MOST_USED = 10_000;

/** A restore that waits for a yes. */
export interface ToConfirm {
  readonly caller: Caller;
  readonly body: RestoreBody;
  readonly plan: ApiRestorePlan;
}

/** Tokens that prove that this caller has recently seen this plan of this request. */
export class Confirmations {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;
  readonly #used = new Map<string, number>();

  /** @param secret at least 32 random bytes, the same wherever the API runs */
  constructor(secret: Uint8Array, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  give(seen: ToConfirm): { readonly confirm: string; readonly expiresAt: Date } {
    const expiresAt = new Date(this.#clock.now().getTime() + LIFE_MS);
    const stamp = expiresAt.getTime().toString(36);
    return { confirm: `${stamp}.${this.#mac(stamp, seen)}`, expiresAt };
  }

  /** Takes a token, once. @throws E_NOT_CONFIRMED if it is for another plan or caller, or too old, or used */
  take(confirm: string | undefined, seen: ToConfirm): void {
    if (confirm === undefined) throw notConfirmed('confirm is missing');
    const [stamp = '', mac = ''] = confirm.split('.', 2);
    const now = this.#clock.now().getTime();
    const expected = Buffer.from(this.#mac(stamp, seen));
    const given = Buffer.from(mac);
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw notConfirmed(
        'confirm is for another plan: request, target or caller differ from those of the dry run',
      );
    if (Number.parseInt(stamp, 36) < now) throw notConfirmed('confirm has expired');
    if (this.#used.has(mac)) throw notConfirmed('confirm was already used');
    this.#remember(mac, now);
  }

  #remember(mac: string, now: number): void {
    for (const [old, until] of this.#used)
      if (until < now || this.#used.size >= MOST_USED) this.#used.delete(old);
    this.#used.set(mac, now + LIFE_MS);
  }

  #mac(stamp: string, { caller, body, plan }: ToConfirm): string {
    const { dryRun: _, confirm: __, ...request } = body;
    const seen = JSON.stringify([stamp, caller.id, sorted(request), digest(JSON.stringify(plan))]);
    return createHmac('sha256', this.#secret).update(seen).digest('base64url');
  }
}

function sorted(request: object): object {
  return Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function notConfirmed(message: string): ApiError {
  return new ApiError('E_NOT_CONFIRMED', message, {
    hint: 'Send the same request with "dryRun": true, look at the plan, and repeat its confirm within 10 minutes.',
  });
}

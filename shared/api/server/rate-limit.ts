import type { RateLimits } from '../../config/api.ts';
import type { LimitClass } from '../../core/api-names.ts';
import type { Clock } from '../../core/clock.ts';
import { plural } from '../../core/plural.ts';
import { MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { ApiError } from './api-error.ts';

/** Callers counted at once; beyond it new ones share one count, so that nobody can push out another's. */
const MOST_CALLERS = 10_000;
const EVERYBODY_ELSE = '';

interface Count {
  /** When the window ends, in milliseconds. */
  readonly endsAt: number;
  used: number;
}

/** Counts requests by caller and class in windows of fixed length that begin with a caller's first request. */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: Clock;
  readonly #counts = new Map<string, Count>();

  constructor(limits: RateLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Counts one request. @throws E_RATE_LIMIT, with `Retry-After`, if there were enough in this window */
  take(caller: string, limit: LimitClass): void {
    const { most, windowMs } = this.#limits;
    const now = this.#clock.now().getTime();
    const count = this.#count(`${limit} ${caller}`, now);
    if (count.used >= most[limit]) {
      const seconds = Math.max(1, Math.ceil((count.endsAt - now) / SECOND_MS));
      throw new ApiError(
        'E_RATE_LIMIT',
        `more than ${plural(most[limit], 'request')} of this kind in ${windowMs / MINUTE_MS} minutes`,
        { hint: `Ask again in ${plural(seconds, 'second')}.`, headers: { 'retry-after': String(seconds) } },
      );
    }
    count.used++;
  }

  /** Number of callers being counted. */
  get size(): number {
    return this.#counts.size;
  }

  #count(name: string, now: number): Count {
    const found = this.#counts.get(name);
    if (found && found.endsAt > now) return found;
    if (!found && this.#counts.size >= MOST_CALLERS) this.#forgetOver(now);
    const isFull = !found && this.#counts.size >= MOST_CALLERS;
    if (isFull && name !== EVERYBODY_ELSE) return this.#count(EVERYBODY_ELSE, now);
    const count = { endsAt: now + this.#limits.windowMs, used: 0 };
    this.#counts.set(name, count);
    return count;
  }

  #forgetOver(now: number): void {
    for (const [name, { endsAt }] of this.#counts) if (endsAt <= now) this.#counts.delete(name);
  }
}

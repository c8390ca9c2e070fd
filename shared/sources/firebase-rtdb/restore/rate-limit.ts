import { setTimeout as sleep } from 'node:timers/promises';
import { abortedError } from '../../../core/abort.ts';
import { SECOND_MS } from '../../../core/units.ts';

/** Lets bytes pass no faster than a rate; the first at once. */
export class RateLimit {
  readonly #bytesPerSecond: number;
  /** Of `performance.now()`: when the next may pass. */
  #freeAt = 0;

  /** @param bytesPerSecond without end when undefined */
  constructor(bytesPerSecond = Number.POSITIVE_INFINITY) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  async pass(bytes: number, signal: AbortSignal): Promise<void> {
    const waitMs = this.reserve(bytes, performance.now());
    if (waitMs <= 0) return;
    await sleep(waitMs, undefined, { signal }).catch(() => {
      throw abortedError(signal);
    });
  }

  /** Takes the next place in the queue for some bytes; gives the milliseconds from `now` until it is free. */
  reserve(bytes: number, now: number): number {
    const at = Math.max(now, this.#freeAt);
    this.#freeAt = at + (bytes / this.#bytesPerSecond) * SECOND_MS;
    return at - now;
  }
}

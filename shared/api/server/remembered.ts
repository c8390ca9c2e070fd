import type { Clock } from '../../core/clock.ts';

/**
 * A result that takes long to compute, kept for a while. Simultaneous callers share one computation; failures
 * are not kept.
 */
export class Remembered<T> {
  readonly #find: (signal: AbortSignal) => Promise<T>;
  readonly #keptMs: number;
  readonly #clock: Clock;
  #known: { readonly at: number; readonly value: Promise<T> } | undefined;

  /** @param find is not stopped if one of the waiting callers goes away */
  constructor(find: (signal: AbortSignal) => Promise<T>, keptMs: number, clock: Clock) {
    this.#find = find;
    this.#keptMs = keptMs;
    this.#clock = clock;
  }

  async get(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const now = this.#clock.now().getTime();
    const known = this.#known;
    if (known && now - known.at < this.#keptMs) return known.value;
    const value = this.#find(new AbortController().signal);
    const asked = { at: now, value };
    this.#known = asked;
    value.catch(() => {
      if (this.#known === asked) this.#known = undefined;
    });
    return value;
  }

  forget(): void {
    this.#known = undefined;
  }
}

/** Wakes waiters when something under a name has changed. */
export class Changes {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next change of `name`, or when the signal is aborted. */
  next(name: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting.add(resolve));
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) resolve();
    return promise.finally(() => {
      signal.removeEventListener('abort', stop);
      waiting.delete(resolve);
    });
  }

  tell(name: string): void {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    for (const wake of waiting ?? []) wake();
  }
}

import { type Signal, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { revivals } from './connection.ts';
import { type Failure, failureOf } from './problem.ts';

const RETRY_MS = 10_000;
/** What is younger is shown without asking again, as when one goes back. */
const FRESH_MS = 15_000;

/** Something of the API that is shown: what is known of it, however old, and what went wrong last. */
export class Resource<T> {
  readonly value: Signal<T | undefined> = signal(undefined);
  readonly failure: Signal<Failure | undefined> = signal(undefined);
  readonly isLoading = signal(false);
  #load: () => Promise<T>;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** Whether what is being loaded may be older than what was done since. */
  #isDistrusted = false;
  #pending: Promise<void> | undefined;

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  get isFresh(): boolean {
    return performance.now() - this.#loadedAt < FRESH_MS && this.failure.value === undefined;
  }

  distrust(): void {
    this.#loadedAt = Number.NEGATIVE_INFINITY;
    this.#isDistrusted = true;
  }

  /** Loads it; a call while one is under way is the same one. Never throws: see `failure`. */
  refresh(): Promise<void> {
    this.#pending ??= this.#run().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #run(): Promise<void> {
    this.isLoading.value = true;
    this.#isDistrusted = false;
    try {
      this.value.value = await this.#load();
      this.failure.value = undefined;
      if (!this.#isDistrusted) this.#loadedAt = performance.now();
    } catch (error) {
      this.failure.value = failureOf(error);
    } finally {
      this.isLoading.value = false;
    }
  }
}

const cache = new Map<string, Resource<unknown>>();

/** The resource of that name, of which there is one. */
export function resource<T>(name: string, load: () => Promise<T>): Resource<T> {
  const known = cache.get(name) as Resource<T> | undefined;
  if (known) return known;
  const made = new Resource(load);
  cache.set(name, made as Resource<unknown>);
  return made;
}

/** Has everything asked for again when it is shown next: something was done, or the API was away. */
export function distrustAll(): void {
  for (const known of cache.values()) known.distrust();
}
revivals.subscribe(distrustAll);

/** Forgets all that was loaded: somebody else may sign in. */
export function forgetAll(): void {
  cache.clear();
}

/** Whether a screen that shows `value` should ask again after so many milliseconds; undefined: not by itself. */
export type Pace<T> = (value: T | undefined) => number | undefined;

/** Loads a resource while a screen shows it: at once, when the API came back, after a failure, and at its pace. */
export function useResource<T>(name: string, load: () => Promise<T>, pace?: Pace<T>): Resource<T> {
  const found = resource(name, load);
  const isBack = revivals.value;
  // an API that came back is a reason to load again
  useEffect(() => keepLoaded(found, pace), [found, isBack]);
  return found;
}

function keepLoaded<T>(found: Resource<T>, pace: Pace<T> | undefined): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const later = () => {
    if (isOver) return;
    const failure = found.failure.value;
    const waitMs = failure ? (failure.retryAfterMs ?? RETRY_MS) : pace?.(found.value.value);
    if (waitMs === undefined || failure?.kind === 'unreachable') return;
    timer = setTimeout(() => {
      if (document.hidden) later();
      else again();
    }, waitMs);
  };
  const again = () => found.refresh().then(later);
  if (found.isFresh) later();
  else again();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}

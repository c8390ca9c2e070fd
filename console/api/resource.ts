import { type Signal, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { revivals } from './connection.ts';
import { type Failure, failureOf } from './problem.ts';

const RETRY_MS = 10_000;
/** Younger data is shown without asking again, for instance when going back. */
const FRESH_MS = 15_000;

/** Data from the API: the last known value, however old, and the last failure. */
export class Resource<T> {
  readonly value: Signal<T | undefined> = signal(undefined);
  readonly failure: Signal<Failure | undefined> = signal(undefined);
  readonly isLoading = signal(false);
  #load: () => Promise<T>;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** Whether what is being loaded may predate a later change. */
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

  /** Loads it; while loading, further calls share the same request. Never throws: see `failure`. */
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

/** The one resource of that name. */
export function resource<T>(name: string, load: () => Promise<T>): Resource<T> {
  const known = cache.get(name) as Resource<T> | undefined;
  if (known) return known;
  const made = new Resource(load);
  cache.set(name, made as Resource<unknown>);
  return made;
}

/** Makes everything load again when it is next shown: something was changed, or the API was away. */
export function distrustAll(): void {
  for (const known of cache.values()) known.distrust();
}
revivals.subscribe(distrustAll);

/** Forgets everything that was loaded: somebody else may sign in. */
export function forgetAll(): void {
  cache.clear();
}

/** After how many milliseconds a screen that shows `value` should ask again; undefined: never. */
export type Pace<T> = (value: T | undefined) => number | undefined;

/**
 * Loads a resource while a screen shows it: at once, when the API comes back, after a failure, and at its
 * pace.
 */
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

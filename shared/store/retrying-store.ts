import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { abortedError } from '../core/abort.ts';
import { isHoldfastError } from '../core/errors.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** How often a call is made again, and with which pauses. */
export interface RetryPolicy {
  /**
   * Most attempts, including the first, for a store that has answered before. @default 10, a minute at most
   */
  readonly maxAttempts?: number;
  /** The same for a store that has never answered: a wrong endpoint must be reported soon. @default 4 */
  readonly maxFirstAttempts?: number;
  /** Longest wait before the second call; doubles before each one after, up to 20 s. @default 200 */
  readonly firstDelayMs?: number;
  /** In [0, 1): how much of the longest wait to wait. @default Math.random */
  readonly random?: () => number;
  /** Rejects when the signal is aborted. @default a timer */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

const LONGEST_DELAY_MS = 20_000;

const DEFAULTS: Required<RetryPolicy> = {
  maxAttempts: 10,
  maxFirstAttempts: 4,
  firstDelayMs: 200,
  random: Math.random,
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
};

/** Retries calls that failed with a retryable error, with full jitter (AWS Architecture Blog, 2015). */
export class RetryingStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #policy: Required<RetryPolicy>;
  #hasAnswered = false;

  constructor(inner: ObjectStore, policy: RetryPolicy = {}) {
    this.#inner = inner;
    this.location = inner.location;
    this.#policy = { ...DEFAULTS, ...policy };
  }

  put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<void> {
    return this.#retry(options.signal, async (attempt) => {
      try {
        await this.#inner.put(key, body, options);
      } catch (error) {
        // The previous attempt may have succeeded, with only its answer lost.
        const mayBeOurs = attempt > 1 && isHoldfastError(error, 'E_OBJECT_EXISTS');
        if (!mayBeOurs || !(await this.#holds(key, body, options))) throw error;
      }
    });
  }

  get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    return this.#retry(options.signal, () => this.#inner.get(key, options));
  }

  head(key: string, options: Options = {}): Promise<ObjectHead> {
    return this.#retry(options.signal, () => this.#inner.head(key, options));
  }

  /** A listing that breaks starts again after the last key it returned. */
  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ObjectInfo> {
    let last = options.after ?? '';
    let left = options.most ?? Number.POSITIVE_INFINITY;
    for (let attempt = 1; ; ) {
      try {
        for await (const info of this.#inner.list(prefix, options)) {
          if (info.key <= last) continue;
          if (left-- <= 0) return;
          last = info.key;
          attempt = 1;
          this.#hasAnswered = true;
          yield info;
        }
        this.#hasAnswered = true;
        return;
      } catch (error) {
        await this.#waitOrThrow(error, attempt++, options.signal);
      }
    }
  }

  delete(key: string, options: Options = {}): Promise<void> {
    return this.#retry(options.signal, () => this.#inner.delete(key, options));
  }

  async #retry<T>(signal: AbortSignal | undefined, call: (attempt: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await call(attempt);
        this.#hasAnswered = true;
        return result;
      } catch (error) {
        await this.#waitOrThrow(error, attempt, signal);
      }
    }
  }

  async #waitOrThrow(error: unknown, attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const { maxAttempts, maxFirstAttempts, firstDelayMs, random, sleep } = this.#policy;
    if (!isHoldfastError(error) || !error.retryable) {
      this.#hasAnswered = true;
      throw error;
    }
    if (attempt >= (this.#hasAnswered ? maxAttempts : Math.min(maxAttempts, maxFirstAttempts))) throw error;
    const longest = Math.min(LONGEST_DELAY_MS, firstDelayMs * 2 ** (attempt - 1));
    try {
      await sleep(longest * random(), signal);
    } catch {
      throw abortedError(signal);
    }
  }

  async #holds(key: string, body: Uint8Array, { signal }: PutOptions): Promise<boolean> {
    const { sizeBytes, sha256 } = await this.#inner.head(key, { signal });
    if (sizeBytes !== body.length) return false;
    if (sha256 !== undefined) return sha256 === createHash('sha256').update(body).digest('hex');
    return Buffer.compare(await this.#inner.get(key, { signal }), body) === 0;
  }
}

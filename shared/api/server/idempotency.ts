import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { HOUR_MS } from '../../core/units.ts';
import { ApiError } from './api-error.ts';

const KEPT_MS = HOUR_MS;
/** For all callers; the oldest go first. */
const MOST_KEPT = 1000;
const HEADER = 'idempotency-key';

/** A request that must not be done twice. */
export interface Asked {
  readonly caller: string;
  readonly path: string;
  /** After parsing. */
  readonly body: unknown;
}

interface Kept<T> {
  readonly until: number;
  readonly body: string;
  /** Undefined while it is in progress. */
  reply: T | undefined;
}

/** The key of a request, with or without quotes; undefined without one. @throws E_BAD_REQUEST */
export function idempotencyKey(request: Request): string | undefined {
  const given = request.headers.get(HEADER);
  if (given === null) return undefined;
  const key = /^"(.*)"$/.exec(given)?.[1] ?? given;
  if (/^[!-~]{1,255}$/.test(key)) return key;
  const problem = 'give 1 to 255 visible ASCII characters, such as a UUID';
  throw new ApiError('E_BAD_REQUEST', `${HEADER}: ${problem}`, { fields: [{ field: HEADER, problem }] });
}

/**
 * Responses to requests with an `Idempotency-Key`: the same request again gets the same response, and starts
 * nothing.
 */
export class Idempotency<T> {
  readonly #secret: Uint8Array;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept<T>>();

  constructor(secret: Uint8Array, clock: Clock) {
    this.#secret = secret;
    this.#clock = clock;
  }

  /**
   * Does the work, or returns its earlier result. Failures are not kept.
   *
   * @param work receives an id for its run, the same wherever the API runs: 32 hex digits
   * @throws E_BAD_REQUEST (422) if the key came with another body, E_BUSY (409) while the first request is in
   * progress
   */
  async once(key: string, asked: Asked, work: (run: string) => Promise<T>): Promise<T> {
    const { caller, path } = asked;
    const name = JSON.stringify([caller, path, key]);
    const body = createHash('sha256').update(JSON.stringify(asked.body)).digest('hex');
    const known = this.#known(name);
    if (known) return answered(known, body);
    const kept: Kept<T> = { until: this.#clock.now().getTime() + KEPT_MS, body, reply: undefined };
    this.#kept.set(name, kept);
    try {
      const run = createHmac('sha256', this.#secret).update(`run ${name} ${body}`).digest('hex').slice(0, 32);
      kept.reply = await work(run);
      return kept.reply;
    } catch (error) {
      this.#kept.delete(name);
      throw error;
    }
  }

  #known(name: string): Kept<T> | undefined {
    const now = this.#clock.now().getTime();
    for (const [old, { until, reply }] of this.#kept)
      if (reply !== undefined && (until <= now || this.#kept.size >= MOST_KEPT)) this.#kept.delete(old);
    return this.#kept.get(name);
  }
}

function answered<T>({ body: first, reply }: Kept<T>, body: string): T {
  if (first !== body)
    throw new ApiError('E_BAD_REQUEST', `${HEADER}: an earlier request with it had another body`, {
      status: 422,
      hint: 'Use a new key for a new request.',
      fields: [{ field: HEADER, problem: 'an earlier request with it had another body' }],
    });
  if (reply !== undefined) return reply;
  throw new ApiError('E_BUSY', 'the first request with that idempotency key is in progress', {
    hint: 'Ask again in a second.',
    headers: { 'retry-after': '1' },
  });
}

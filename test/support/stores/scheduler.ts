import { setImmediate as turn } from 'node:timers/promises';
import { HOUR_MS } from '../../../shared/core/units.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import type { ManualClock } from '../repository/pruning.ts';

export interface Actor {
  readonly name: string;
  /** The longest that a call of it waits. */
  readonly paceMs: number;
  /** In [0, 1), its own: what it does then hardly depends on who else is there. */
  readonly random: () => number;
  /** When it begins, after the start of the schedule. */
  readonly startMs: number;
  run(): Promise<void>;
}

interface Pending {
  readonly what: string;
  /** When its turn comes at the earliest. */
  readonly readyAt: number;
  readonly perform: () => Promise<void>;
}

export interface SchedulerOptions {
  readonly clock: ManualClock;
  /** In [0, 1). The same numbers give the same schedule. */
  readonly random: () => number;
  /** Checked after every store call; a text says what is wrong. */
  readonly violation: () => string | undefined;
}

/** Objects of a page of a listing: what is stored meanwhile may be on a later page. */
const MOST_ON_PAGE = 4;

/**
 * Runs actors one store call at a time, in a random order, while virtual time passes. Actors may do nothing that
 * takes real time.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #pending: Pending[] = [];
  readonly #trace: string[] = [];
  #beganAt = 0;
  #running = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** What was done, a line a store call. */
  get trace(): readonly string[] {
    return this.#trace;
  }

  /** The store as one actor sees it: every call waits for its turn. */
  storeFor(actor: Actor, inner: ObjectStore): ObjectStore {
    const point = <T>(what: string, work: () => Promise<T>) => this.#point(actor, what, work);
    const nextPage = (prefix: string, after: string) =>
      point(`list ${prefix} after '${after}'`, async () => {
        const size = 1 + Math.floor(actor.random() * MOST_ON_PAGE);
        const rest = (await Array.fromAsync(inner.list(prefix))).filter(({ key }) => key > after);
        return { page: rest.slice(0, size), isLast: rest.length <= size };
      });
    return {
      location: inner.location,
      put: (key, ...rest) => point(`put ${key}`, () => inner.put(key, ...rest)),
      get: (key, ...rest) => point(`get ${key}`, () => inner.get(key, ...rest)),
      head: (key, ...rest) => point(`head ${key}`, () => inner.head(key, ...rest)),
      delete: (key, ...rest) => point(`delete ${key}`, () => inner.delete(key, ...rest)),
      async *list(prefix) {
        for (let after = ''; ; ) {
          const { page, isLast } = await nextPage(prefix, after);
          yield* page;
          if (isLast) return;
          after = page.at(-1)?.key ?? after;
        }
      },
    };
  }

  /** For what takes time beside the store. */
  pause(actor: Actor): Promise<void> {
    return this.#point(actor, 'works', async () => {});
  }

  /** Until all are done. @returns what is wrong, or undefined. @throws what an actor throws */
  async run(actors: readonly Actor[]): Promise<string | undefined> {
    const { clock, violation } = this.#options;
    const failures: unknown[] = [];
    this.#beganAt = clock.now().getTime();
    const waiting = actors
      .map((actor) => ({ actor, at: this.#beganAt + actor.startMs }))
      .toSorted((a, b) => a.at - b.at);
    for (;;) {
      await turn();
      if (failures.length > 0) throw failures[0];
      const nextCallAt = Math.min(...this.#pending.map(({ readyAt }) => readyAt));
      const next = waiting[0];
      if (next && next.at <= nextCallAt) {
        waiting.shift();
        this.#passTo(next.at);
        this.#begin(next.actor, failures);
      } else if (this.#pending.length > 0) {
        this.#passTo(nextCallAt);
        await this.#step();
        const wrong = violation();
        if (wrong !== undefined) return wrong;
      } else if (this.#running === 0) return undefined;
    }
  }

  #passTo(at: number): void {
    const { clock } = this.#options;
    clock.advance(Math.max(0, at - clock.now().getTime()));
  }

  #begin(actor: Actor, failures: unknown[]): void {
    this.#running++;
    actor
      .run()
      .catch((error: unknown) => failures.push(error))
      .finally(() => this.#running--);
  }

  /** Performs any one of the calls whose turn it is. */
  async #step(): Promise<void> {
    const { clock, random } = this.#options;
    const now = clock.now().getTime();
    const ready = this.#pending.filter(({ readyAt }) => readyAt <= now);
    const call = ready[Math.floor(random() * ready.length)];
    if (!call) return;
    this.#pending.splice(this.#pending.indexOf(call), 1);
    this.#trace.push(`${(this.#elapsed() / HOUR_MS).toFixed(2).padStart(6)} h  ${call.what}`);
    await call.perform();
  }

  #elapsed(): number {
    return this.#options.clock.now().getTime() - this.#beganAt;
  }

  #point<T>({ name, paceMs, random }: Actor, what: string, work: () => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    return new Promise((resolve, reject) => {
      const readyAt = clock.now().getTime() + Math.floor(random() * paceMs);
      const perform = () => work().then(resolve, reject);
      this.#pending.push({ what: `${name} ${what}`, readyAt, perform });
    });
  }
}

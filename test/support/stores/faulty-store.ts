import { HoldfastError } from '../../../shared/core/errors.ts';
import type { ObjectInfo, ObjectStore } from '../../../shared/store/object-store.ts';

type Method = 'put' | 'get' | 'head' | 'delete';
interface Fault {
  readonly error: Error;
  readonly moment: 'before' | 'after';
}

/** Passes calls on to `inner`, failing the ones a test has asked to fail. */
export class FaultyStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #faults: Record<Method, Fault[]> = { put: [], get: [], head: [], delete: [] };
  readonly #brokenLists: { readonly error: Error; readonly after: number }[] = [];
  #death: { calls: number; readonly moment: 'before' | 'after' } | undefined;
  /** Calls that were made, listings included. */
  calls = 0;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
    this.location = inner.location;
  }

  /** The next `times` calls reject, and do nothing. */
  failNext(method: Method, error: Error, times = 1): this {
    for (let i = 0; i < times; i++) this.#faults[method].push({ error, moment: 'before' });
    return this;
  }

  /** The next call does its work, then rejects: an answer lost on the way back. */
  loseNextAnswer(method: Method, error: Error): this {
    this.#faults[method].push({ error, moment: 'after' });
    return this;
  }

  /** The next listing rejects once it gave `after` objects. */
  breakNextList(after: number, error: Error): this {
    this.#brokenLists.push({ error, after });
    return this;
  }

  /** From the `call`-th call on, all reject; with `after`, that one still does its work. */
  dieAt(call: number, moment: 'before' | 'after'): this {
    this.#death = { calls: call, moment };
    return this;
  }

  put: ObjectStore['put'] = (...args) => this.#call('put', () => this.#inner.put(...args));
  get: ObjectStore['get'] = (...args) => this.#call('get', () => this.#inner.get(...args));
  head: ObjectStore['head'] = (...args) => this.#call('head', () => this.#inner.head(...args));
  delete: ObjectStore['delete'] = (...args) => this.#call('delete', () => this.#inner.delete(...args));

  async *list(...args: Parameters<ObjectStore['list']>): AsyncGenerator<ObjectInfo> {
    const isLast = this.#count();
    const fault = this.#brokenLists.shift();
    let given = 0;
    for await (const info of this.#inner.list(...args)) {
      if (given++ === fault?.after) throw fault.error;
      yield info;
    }
    if (fault) throw fault.error;
    if (isLast) throw dead();
  }

  async #call<T>(method: Method, work: () => Promise<T>): Promise<T> {
    const isLast = this.#count();
    const fault = this.#faults[method].shift();
    if (fault?.moment === 'before') throw fault.error;
    const result = await work();
    if (fault?.moment === 'after') throw fault.error;
    if (isLast) throw dead();
    return result;
  }

  /** Whether this is the call that dies after its work. @throws when the store is dead */
  #count(): boolean {
    this.calls++;
    if (!this.#death || this.calls < this.#death.calls) return false;
    if (this.calls > this.#death.calls || this.#death.moment === 'before') throw dead();
    return true;
  }
}

function dead(): HoldfastError {
  return new HoldfastError('E_STORE_DENIED', 'the process that used this store is dead');
}

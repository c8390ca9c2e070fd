import type { Meter } from '../core/work-meter.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** Has a meter count how long puts and gets of `inner` take. */
export class TimedStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #meter: Meter;

  constructor(inner: ObjectStore, meter: Meter) {
    this.#inner = inner;
    this.#meter = meter;
    this.location = inner.location;
  }

  put(key: string, body: Uint8Array, options?: PutOptions): Promise<void> {
    return this.#meter.wait('put', this.#inner.put(key, body, options), () => body.length);
  }

  get(key: string, options?: GetOptions): Promise<Uint8Array> {
    return this.#meter.wait('get', this.#inner.get(key, options), ({ length }) => length);
  }

  head(key: string, options?: Options): Promise<ObjectHead> {
    return this.#inner.head(key, options);
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    return this.#inner.list(prefix, options);
  }

  delete(key: string, options?: Options): Promise<void> {
    return this.#inner.delete(key, options);
  }
}

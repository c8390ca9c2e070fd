import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** Calls that were made of a store. */
export interface StoreCounts {
  readonly puts: number;
  readonly gets: number;
  readonly heads: number;
  /** Listings begun; a long one takes a request per 1,000 objects. */
  readonly lists: number;
  readonly deletes: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** Counts the calls that reach `inner`, failed ones too, and the bytes of those that succeeded. */
export class MeteredStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #counts = { puts: 0, gets: 0, heads: 0, lists: 0, deletes: 0, bytesUp: 0, bytesDown: 0 };

  constructor(inner: ObjectStore) {
    this.#inner = inner;
    this.location = inner.location;
  }

  counts(): StoreCounts {
    return { ...this.#counts };
  }

  async put(key: string, body: Uint8Array, options?: PutOptions): Promise<void> {
    this.#counts.puts++;
    await this.#inner.put(key, body, options);
    this.#counts.bytesUp += body.length;
  }

  async get(key: string, options?: GetOptions): Promise<Uint8Array> {
    this.#counts.gets++;
    const body = await this.#inner.get(key, options);
    this.#counts.bytesDown += body.length;
    return body;
  }

  head(key: string, options?: Options): Promise<ObjectHead> {
    this.#counts.heads++;
    return this.#inner.head(key, options);
  }

  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo> {
    this.#counts.lists++;
    return this.#inner.list(prefix, options);
  }

  delete(key: string, options?: Options): Promise<void> {
    this.#counts.deletes++;
    return this.#inner.delete(key, options);
  }
}

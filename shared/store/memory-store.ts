import { createHash } from 'node:crypto';
import { throwIfAborted } from '../core/abort.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { checkKey, checkPrefix, exists, notFound, rangeWithin } from './object-key.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

interface StoredObject {
  readonly body: Uint8Array;
  readonly modifiedAt: Date;
  etag?: string;
}

/** The reference implementation: what the contract means, in the fewest lines. */
export class MemoryStore implements ObjectStore {
  readonly location = 'memory:';
  readonly #objects = new Map<string, StoredObject>();
  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async put(key: string, body: Uint8Array, { signal }: PutOptions = {}): Promise<void> {
    throwIfAborted(signal);
    checkKey(key);
    if (this.#objects.has(key)) throw exists(key);
    this.#objects.set(key, { body: Uint8Array.from(body), modifiedAt: this.#clock.now() });
  }

  async get(key: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    throwIfAborted(signal);
    const object = this.#objects.get(key);
    if (!object) throw notFound(key);
    const { offsetBytes, lengthBytes } = rangeWithin(range, object.body.length, key);
    return object.body.slice(offsetBytes, offsetBytes + lengthBytes);
  }

  async head(key: string, { signal }: Options = {}): Promise<ObjectHead> {
    throwIfAborted(signal);
    const object = this.#objects.get(key);
    if (!object) throw notFound(key);
    return { key, sizeBytes: object.body.length, modifiedAt: object.modifiedAt, sha256: undefined };
  }

  async *list(
    prefix: string,
    { signal, after = '', most = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    throwIfAborted(signal);
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > after);
    for (const key of keys.sort().slice(0, most)) {
      throwIfAborted(signal);
      const object = this.#objects.get(key);
      if (object)
        yield { key, sizeBytes: object.body.length, modifiedAt: object.modifiedAt, etag: etagOf(object) };
    }
  }

  async delete(key: string, { signal }: Options = {}): Promise<void> {
    throwIfAborted(signal);
    this.#objects.delete(key);
  }
}

/** Takes long for many large objects, and is seldom asked for. */
function etagOf(object: StoredObject): string {
  object.etag ??= createHash('md5').update(object.body).digest('hex');
  return object.etag;
}

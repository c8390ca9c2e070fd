import { KiB, MiB } from '../core/units.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

const MOST_OBJECT_BYTES = 256 * KiB;
const MOST_BYTES = 48 * MiB;

/**
 * Keeps small whole objects below some prefixes in memory, as long as they are listed unchanged. Whether one
 * still exists is answered by `head` and `list`, not by `get`. Not for code that looks for damage.
 */
export class CachingStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #prefixes: readonly string[];
  /** Least recently used first. */
  readonly #bodies = new Map<string, Uint8Array>();
  /** ETags of objects as last listed. */
  readonly #stamps = new Map<string, string>();
  #bytes = 0;

  constructor(inner: ObjectStore, prefixes: readonly string[]) {
    this.#inner = inner;
    this.#prefixes = prefixes;
    this.location = inner.location;
  }

  put(key: string, body: Uint8Array, options?: PutOptions): Promise<void> {
    return this.#inner.put(key, body, options);
  }

  async get(key: string, options?: GetOptions): Promise<Uint8Array> {
    const known = options?.range ? undefined : this.#bodies.get(key);
    if (known) {
      this.#bodies.delete(key);
      this.#bodies.set(key, known);
      return known.slice();
    }
    const body = await this.#inner.get(key, options);
    if (!options?.range && this.#prefixes.some((prefix) => key.startsWith(prefix))) this.#keep(key, body);
    return body;
  }

  head(key: string, options?: Options): Promise<ObjectHead> {
    return this.#inner.head(key, options);
  }

  /** An object that is listed with another ETag is read again. */
  async *list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectInfo> {
    const isKept = this.#prefixes.some((kept) => prefix.startsWith(kept));
    for await (const info of this.#inner.list(prefix, options)) {
      if (isKept) this.#note(info);
      yield info;
    }
  }

  async delete(key: string, options?: Options): Promise<void> {
    await this.#inner.delete(key, options);
    this.#forget(key);
  }

  #note({ key, etag, sizeBytes, modifiedAt }: ObjectInfo): void {
    const stamp = `${etag} ${sizeBytes} ${modifiedAt.getTime()}`;
    if (this.#stamps.get(key) !== stamp) this.#forget(key);
    this.#stamps.set(key, stamp);
  }

  #keep(key: string, body: Uint8Array): void {
    if (body.length > MOST_OBJECT_BYTES) return;
    this.#forget(key);
    this.#bodies.set(key, body.slice());
    this.#bytes += body.length;
    for (const oldest of this.#bodies.keys()) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#bodies.get(key)?.length ?? 0;
    this.#bodies.delete(key);
  }
}

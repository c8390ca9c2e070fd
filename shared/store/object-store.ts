import type { StorageClass } from '../config/storage.ts';

/** Half-open run of bytes: `offsetBytes` up to, not including, `offsetBytes + lengthBytes`. */
export interface ByteRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** An object, as listings have it. */
export interface ObjectInfo {
  readonly key: string;
  readonly sizeBytes: number;
  /** When it was stored, by the store's clock. */
  readonly modifiedAt: Date;
  /**
   * The listing's name for these bytes, different for different bytes. Mostly their MD5 in 32 hex digits; a
   * store that encrypts may use something else. Undefined if the listing has none, or if the object must be
   * thawed before it can be read.
   */
  readonly etag?: string | undefined;
}

/** An object, as it is when it is asked for by itself. */
export interface ObjectHead extends ObjectInfo {
  /**
   * The hash that the store itself checked on arrival and keeps, in lower-case hex; undefined if it keeps
   * none.
   */
  readonly sha256: string | undefined;
}

/** How an object is put. */
export interface PutOptions {
  readonly signal?: AbortSignal | undefined;
  /** Lower-case hex SHA-256 of the body. A store that can check it refuses a body that does not match. */
  readonly sha256?: string | undefined;
  /** S3's storage class. Stores without classes ignore it. @default the store's own */
  readonly storageClass?: StorageClass | undefined;
}

/** Which part of an object is wanted. */
export interface GetOptions {
  readonly signal?: AbortSignal | undefined;
  /** @default the whole object */
  readonly range?: ByteRange | undefined;
}

/** Which objects are wanted. */
export interface ListOptions {
  readonly signal?: AbortSignal | undefined;
  /** Only keys after this one; it need not exist. @default all */
  readonly after?: string | undefined;
  /** At most this many, at least 1. @default all */
  readonly most?: number | undefined;
}

/**
 * Where packs and manifests live.
 *
 * The engine asks five things of a store, and `test/contract/object-store.contract.ts` checks each of them
 * against every implementation and wrapper:
 *
 * - Immutable: a key is written once; no call changes the bytes under it.
 * - Atomic: a reader sees the whole body or no object.
 * - Read-after-write: once `put` resolves, `get` and `list` see the object from any client.
 * - Honest: a call that did not do its work rejects. Nothing is skipped in silence.
 * - Stoppable: a call whose signal is aborted rejects with E_ABORTED, soon.
 *
 * Keys are `/`-separated, relative, of `[A-Za-z0-9._-]` segments that do not begin with `.`; no key is a
 * folder of another. Retries and metering are wrappers (`RetryingStore`, `MeteredStore`), not an
 * implementation's job.
 */
export interface ObjectStore {
  /** For people and log lines, such as `s3://bucket/prefix`. Holds no secret. */
  readonly location: string;

  /**
   * Stores `body` under `key`. The body must not change until this settles.
   *
   * @throws E_OBJECT_EXISTS if the key is taken; the stored body is left as it was.
   */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<void>;

  /**
   * Reads an object, or one range of it.
   *
   * @throws E_OBJECT_NOT_FOUND if nothing is stored at `key`.
   * @throws E_OBJECT_UNREADABLE if this object cannot be read, and the store itself answers.
   * @throws E_RANGE if the range runs past the end. A short read is never returned.
   */
  get(key: string, options?: GetOptions): Promise<Uint8Array>;

  /** @throws E_OBJECT_NOT_FOUND if nothing is stored at `key`, E_OBJECT_UNREADABLE as `get` */
  head(key: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<ObjectHead>;

  /**
   * Yields each object whose key starts with `prefix`, once, in ascending key order (by code unit). A prefix
   * is empty or the beginning of a key. Objects that cannot be read are listed too.
   */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;

  /** Removes an object. It is not an error if the object does not exist. */
  delete(key: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

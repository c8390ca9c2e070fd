import type { Readable } from 'node:stream';
import {
  type _Object,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { HoldfastError, isHoldfastError } from '../core/errors.ts';
import { SECOND_MS } from '../core/units.ts';
import { checkKey, checkPrefix } from './object-key.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';
import { clientConfig, type S3Connection, s3Checksum } from './s3-connection.ts';
import { S3Denials } from './s3-denials.ts';
import { deniedObject, fromS3Error, mayConcernOneObject } from './s3-errors.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** How a bucket is reached. */
export interface S3StoreOptions extends S3Connection {
  /** A connection that is idle for this long is closed. @default 60,000 */
  readonly socketTimeoutMs?: number | undefined;
}

const CONNECTION_TIMEOUT_MS = 10 * SECOND_MS;
const SOCKET_TIMEOUT_MS = 60 * SECOND_MS;
const MOST_KEYS_A_PAGE = 1000;

/** Objects in an S3 bucket, or in an S3-compatible store. `RetryingStore` does the retries. */
export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #denials = new S3Denials({
    read: (key, signal) => this.#get(key, { range: { offsetBytes: 0, lengthBytes: 1 }, signal }),
    list: (prefix, most, signal) => this.list(prefix, { most, signal }),
  });

  constructor(options: S3StoreOptions) {
    const { bucket, prefix } = options;
    const socketTimeout = options.socketTimeoutMs ?? SOCKET_TIMEOUT_MS;
    this.location = `s3://${bucket}${prefix ? `/${prefix}` : ''}`;
    this.#bucket = bucket;
    this.#prefix = prefix ? `${prefix}/` : '';
    this.#client = new S3Client({
      ...clientConfig(options),
      maxAttempts: 1,
      requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, socketTimeout },
    });
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<void> {
    checkKey(key);
    const { signal, sha256, storageClass } = options;
    const input = {
      Bucket: this.#bucket,
      Key: this.#prefix + key,
      Body: body,
      IfNoneMatch: '*',
      ChecksumSHA256: sha256 === undefined ? s3Checksum(body) : Buffer.from(sha256, 'hex').toString('base64'),
      ...(storageClass ? { StorageClass: storageClass } : {}),
    };
    await this.#call(key, signal, () => this.#client.send(new PutObjectCommand(input), sendOptions(signal)));
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    const bytes = await this.#readObject(key, options.signal, () => this.#get(key, options));
    this.#denials.noteRead(key);
    return bytes;
  }

  async #get(key: string, { signal, range }: GetOptions): Promise<Uint8Array> {
    if (range?.lengthBytes === 0) return this.#emptyRange(key, range.offsetBytes, signal);
    const last = range ? range.offsetBytes + range.lengthBytes - 1 : 0;
    const wanted = range ? { Range: `bytes=${range.offsetBytes}-${last}` } : {};
    const input = { Bucket: this.#bucket, Key: this.#prefix + key, ...wanted };
    return this.#call(key, signal, async () => {
      const answer = await this.#client.send(new GetObjectCommand(input), sendOptions(signal));
      const body = answer.Body as Readable | undefined;
      const length = answer.ContentLength ?? 0;
      if (body && length === (range?.lengthBytes ?? length)) return readBody(body, length, key);
      body?.destroy();
      if (range && length < range.lengthBytes) {
        throw new HoldfastError(
          'E_RANGE',
          `a read of ${key} ends at byte ${last + 1}, but the object is shorter`,
        );
      }
      throw new HoldfastError(
        'E_STORE_UNAVAILABLE',
        `${this.location} returned ${length} bytes of ${key}, expected ${range?.lengthBytes ?? 'all'}`,
      );
    });
  }

  async head(key: string, { signal }: Options = {}): Promise<ObjectHead> {
    checkKey(key);
    const input = { Bucket: this.#bucket, Key: this.#prefix + key, ChecksumMode: 'ENABLED' as const };
    const ask = () => this.#client.send(new HeadObjectCommand(input), sendOptions(signal));
    return this.#readObject(key, signal, async () => {
      const found = await this.#call(key, signal, ask);
      const { ContentLength = 0, LastModified, ChecksumSHA256 } = found;
      const sha256 = ChecksumSHA256 ? Buffer.from(ChecksumSHA256, 'base64').toString('hex') : undefined;
      return { key, sizeBytes: ContentLength, modifiedAt: dated(LastModified, key), sha256 };
    });
  }

  async *list(
    prefix: string,
    { signal, after, most = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    let left = most;
    for await (const found of this.#listed(prefix, { signal, after, most })) {
      const { Key = '', Size = 0, LastModified } = found;
      const key = Key.slice(this.#prefix.length);
      // AWS's console marks a folder with an empty object.
      if (key === '' || key.endsWith('/')) continue;
      yield { key, sizeBytes: Size, modifiedAt: dated(LastModified, key), etag: etagOf(found) };
      if (--left <= 0) return;
    }
  }

  async *#listed(prefix: string, { signal, after, most = MOST_KEYS_A_PAGE }: ListOptions) {
    let token: string | undefined;
    do {
      const from = after ? { StartAfter: this.#prefix + after } : {};
      const input = {
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        ...(token ? { ContinuationToken: token } : from),
        ...(most < MOST_KEYS_A_PAGE ? { MaxKeys: most } : {}),
      };
      const page = await this.#call(undefined, signal, () =>
        this.#client.send(new ListObjectsV2Command(input), sendOptions(signal)),
      );
      yield* page.Contents ?? [];
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token);
  }

  async delete(key: string, { signal }: Options = {}): Promise<void> {
    checkKey(key);
    const input = { Bucket: this.#bucket, Key: this.#prefix + key };
    await this.#call(key, signal, () =>
      this.#client.send(new DeleteObjectCommand(input), sendOptions(signal)),
    );
  }

  async #emptyRange(key: string, offset: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { sizeBytes } = await this.head(key, { signal });
    if (offset <= sizeBytes) return new Uint8Array(0);
    throw new HoldfastError(
      'E_RANGE',
      `a read of ${key} ends at byte ${offset}, the object has ${sizeBytes}`,
    );
  }

  /** A refusal that concerns only this object becomes the object's error. */
  async #readObject<T>(key: string, signal: AbortSignal | undefined, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!isHoldfastError(error, 'E_STORE_DENIED') || !mayConcernOneObject(error.cause)) throw error;
      throw (await this.#denials.isOneObject(key, signal)) ? deniedObject(key, error) : error;
    }
  }

  async #call<T>(
    key: string | undefined,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    const place = {
      location: this.location,
      bucket: this.#bucket,
      signal,
      ...(key === undefined ? {} : { key }),
    };
    if (signal?.aborted) throw fromS3Error(signal.reason, place);
    try {
      return await call();
    } catch (error) {
      throw fromS3Error(error, place);
    }
  }
}

/** The region from environment or profile. @throws E_CONFIG without one and without `fallback` */
/** Reads straight into one buffer: joining parts afterwards would take twice the memory. */
async function readBody(body: Readable, length: number, key: string): Promise<Uint8Array> {
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for await (const part of body as AsyncIterable<Uint8Array>) {
    if (at + part.length <= length) whole.set(part, at);
    at += part.length;
  }
  if (at === length) return whole;
  throw new HoldfastError('E_STORE_UNAVAILABLE', `only ${at} of ${length} bytes of ${key} arrived`);
}

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

/** Classes of objects that can be listed, but must be thawed before they can be read. */
const FROZEN: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE'];

function etagOf({ ETag, StorageClass = 'STANDARD' }: _Object): string | undefined {
  return FROZEN.includes(StorageClass) ? undefined : ETag?.replaceAll('"', '');
}

function dated(at: Date | undefined, key: string): Date {
  if (at) return at;
  throw new HoldfastError('E_STORE_UNAVAILABLE', `the store gave no date for ${key}`);
}

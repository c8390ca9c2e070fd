import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { HoldfastError } from '../core/errors.ts';
import { SECOND_MS } from '../core/units.ts';
import { checkKey } from './object-key.ts';
import type { GetOptions, ObjectHead, ObjectInfo, ObjectStore, PutOptions } from './object-store.ts';
import { fromS3Error } from './s3-errors.ts';

type Options = { readonly signal?: AbortSignal | undefined };

export interface S3StoreOptions {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly region?: string | undefined;
  /** Of an S3-compatible store. */
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** @default the SDK's chain: environment, profile, role */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

const CONNECTION_TIMEOUT_MS = 10 * SECOND_MS;
/** A socket on which nothing moves for so long is given up. */
const SOCKET_TIMEOUT_MS = 60 * SECOND_MS;

/** Objects in an S3 bucket, or in a store that speaks S3. Retries are `RetryingStore`'s. */
export class S3Store implements ObjectStore {
  readonly location: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(options: S3StoreOptions) {
    const { bucket, prefix, region, endpoint, forcePathStyle, credentials } = options;
    this.location = `s3://${bucket}${prefix ? `/${prefix}` : ''}`;
    this.#bucket = bucket;
    this.#prefix = prefix ? `${prefix}/` : '';
    const config: S3ClientConfig = {
      maxAttempts: 1,
      // Stores that only speak S3 refuse the trailing checksums that the SDK sends by default.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, socketTimeout: SOCKET_TIMEOUT_MS },
      ...(region ? { region } : {}),
      ...(endpoint ? { endpoint, forcePathStyle: forcePathStyle ?? true } : {}),
      ...(credentials ? { credentials } : {}),
    };
    this.#client = new S3Client(config);
  }

  async put(key: string, body: Uint8Array, { signal, sha256 }: PutOptions = {}): Promise<void> {
    checkKey(key);
    const checksum = sha256 ? { ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64') } : {};
    const input = {
      Bucket: this.#bucket,
      Key: this.#prefix + key,
      Body: body,
      IfNoneMatch: '*',
      ...checksum,
    };
    await this.#call(key, signal, () => this.#client.send(new PutObjectCommand(input), sendOptions(signal)));
  }

  async get(key: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    if (range?.lengthBytes === 0) return this.#emptyRange(key, range.offsetBytes, signal);
    const last = range ? range.offsetBytes + range.lengthBytes - 1 : 0;
    const wanted = range ? { Range: `bytes=${range.offsetBytes}-${last}` } : {};
    const input = { Bucket: this.#bucket, Key: this.#prefix + key, ...wanted };
    return this.#call(key, signal, async () => {
      const { Body, ContentLength } = await this.#client.send(
        new GetObjectCommand(input),
        sendOptions(signal),
      );
      const body = (await Body?.transformToByteArray()) ?? new Uint8Array(0);
      if (range && body.length !== range.lengthBytes && body.length === ContentLength) {
        throw new HoldfastError(
          'E_RANGE',
          `a read of ${key} ends at byte ${last + 1}, the object is shorter`,
        );
      }
      if (body.length !== ContentLength) {
        throw new HoldfastError(
          'E_STORE_UNAVAILABLE',
          `${this.location} sent ${body.length} of ${ContentLength} bytes of ${key}`,
        );
      }
      return body;
    });
  }

  async head(key: string, { signal }: Options = {}): Promise<ObjectHead> {
    checkKey(key);
    const input = { Bucket: this.#bucket, Key: this.#prefix + key, ChecksumMode: 'ENABLED' as const };
    return this.#call(key, signal, async () => {
      const found = await this.#client.send(new HeadObjectCommand(input), sendOptions(signal));
      const { ContentLength = 0, LastModified, ChecksumSHA256 } = found;
      const sha256 = ChecksumSHA256 ? Buffer.from(ChecksumSHA256, 'base64').toString('hex') : undefined;
      return { key, sizeBytes: ContentLength, modifiedAt: dated(LastModified, key), sha256 };
    });
  }

  async *list(prefix: string, { signal }: Options = {}): AsyncGenerator<ObjectInfo> {
    let token: string | undefined;
    do {
      const from = token ? { ContinuationToken: token } : {};
      const input = { Bucket: this.#bucket, Prefix: this.#prefix + prefix, ...from };
      const page = await this.#call(undefined, signal, () =>
        this.#client.send(new ListObjectsV2Command(input), sendOptions(signal)),
      );
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const key = Key.slice(this.#prefix.length);
        yield { key, sizeBytes: Size, modifiedAt: dated(LastModified, key) };
      }
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

function sendOptions(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {};
}

function dated(at: Date | undefined, key: string): Date {
  if (at) return at;
  throw new HoldfastError('E_STORE_UNAVAILABLE', `the store gave no date for ${key}`);
}

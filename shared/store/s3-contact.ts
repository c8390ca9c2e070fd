import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { type Clock, systemClock } from '../core/clock.ts';
import { SECOND_MS } from '../core/units.ts';
import { clientConfig, type S3Connection } from './s3-connection.ts';
import { fromS3Error } from './s3-errors.ts';

/** The store's answer to the first request. */
export interface FirstContact {
  /** How far this machine's clock is ahead of the store's; undefined if the answer had no date. */
  readonly aheadMs: number | undefined;
  /** Why listing failed, as a store's typed error. */
  readonly problem: unknown;
}

/** The first request to a bucket; changes nothing. */
export class S3Contact implements Disposable {
  readonly #client: S3Client;
  readonly #place: { readonly location: string; readonly bucket: string };
  readonly #prefix: string;
  readonly #clock: Clock;
  #serverDate: string | undefined;

  constructor(connection: S3Connection, clock: Clock = systemClock) {
    const { bucket, prefix } = connection;
    this.#client = new S3Client({ ...clientConfig(connection), maxAttempts: 1 });
    this.#place = { location: `s3://${bucket}`, bucket };
    this.#prefix = prefix;
    this.#clock = clock;
    this.#client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers = {} } = result.response as { readonly headers?: Readonly<Record<string, string>> };
        this.#serverDate = headers['date'] ?? this.#serverDate;
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'serverDate' },
    );
  }

  /** Whether there are credentials, valid or not. @throws E_STORE_DENIED */
  async findCredentials(): Promise<string> {
    try {
      const { accessKeyId } = await this.#client.config.credentials();
      return accessKeyId;
    } catch (error) {
      throw fromS3Error(error, this.#place);
    }
  }

  /** Lists one object: the least that every command does. @throws E_ABORTED */
  async contact(signal: AbortSignal): Promise<FirstContact> {
    const began = this.#clock.now().getTime();
    const input = { Bucket: this.#place.bucket, Prefix: this.#prefix, MaxKeys: 1 };
    const problem = await this.#client
      .send(new ListObjectsV2Command(input), { abortSignal: signal })
      .then(() => undefined)
      .catch((error: unknown) => fromS3Error(error, { ...this.#place, signal }));
    const ended = this.#clock.now().getTime();
    return { problem, aheadMs: aheadOf({ began, ended, server: Date.parse(this.#serverDate ?? '') }) };
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}

/**
 * The date has whole seconds, and was written between request and answer: returns the smallest difference
 * that explains it.
 */
function aheadOf(at: { readonly began: number; readonly ended: number; readonly server: number }) {
  if (Number.isNaN(at.server)) return undefined;
  const least = at.began - (at.server + SECOND_MS);
  const most = at.ended - at.server;
  return least > 0 ? least : Math.min(most, 0);
}

import {
  GetObjectLegalHoldCommand,
  GetObjectRetentionCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { HoldfastError } from '../core/errors.ts';
import { checkKey, notFound } from './object-key.ts';
import type { ObjectLocks, Retention } from './object-locks.ts';
import { clientConfig, type S3Connection } from './s3-connection.ts';
import { fromS3Error } from './s3-errors.ts';

const ATTEMPTS = 10;
/** S3's answer for an object that a delete hides: a delete marker, without a lock. */
const HIDDEN = 'MethodNotAllowed';
/** Names that S3, and Ceph, give an object that was never locked. */
const NEVER_LOCKED = ['NoSuchObjectLockConfiguration', 'ObjectLockConfigurationNotFoundError'];
/** The answer to a lock request if the bucket has no Object Lock. */
const NO_OBJECT_LOCK = 'InvalidRequest';

/** S3's Object Lock on the objects of a repository. */
export class S3Locks implements ObjectLocks {
  readonly location: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(options: S3Connection) {
    const { bucket, prefix } = options;
    this.location = `s3://${bucket}${prefix ? `/${prefix}` : ''}`;
    this.#bucket = bucket;
    this.#prefix = prefix ? `${prefix}/` : '';
    this.#client = new S3Client({ ...clientConfig(options), maxAttempts: ATTEMPTS });
  }

  async retention(key: string, signal: AbortSignal): Promise<Retention | undefined> {
    const command = new GetObjectRetentionCommand(this.#place(key));
    const answer = await this.#read(key, signal, () => this.#client.send(command, { abortSignal: signal }));
    const { Mode, RetainUntilDate } = answer?.Retention ?? {};
    if (!RetainUntilDate) return undefined;
    return { until: RetainUntilDate, mode: Mode === 'COMPLIANCE' ? 'compliance' : 'governance' };
  }

  async retain(key: string, { until, mode }: Retention, signal: AbortSignal): Promise<void> {
    const Retention = {
      Mode: mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
      RetainUntilDate: until,
    } as const;
    const command = new PutObjectRetentionCommand({ ...this.#place(key), Retention });
    await this.#call(key, signal, () => this.#client.send(command, { abortSignal: signal }));
  }

  async isHeld(key: string, signal: AbortSignal): Promise<boolean> {
    const command = new GetObjectLegalHoldCommand(this.#place(key));
    const answer = await this.#read(key, signal, () => this.#client.send(command, { abortSignal: signal }));
    return answer?.LegalHold?.Status === 'ON';
  }

  async setHold(key: string, isHeld: boolean, signal: AbortSignal): Promise<void> {
    const LegalHold = { Status: isHeld ? 'ON' : 'OFF' } as const;
    const command = new PutObjectLegalHoldCommand({ ...this.#place(key), LegalHold });
    await this.#call(key, signal, () => this.#client.send(command, { abortSignal: signal }));
  }

  #place(key: string): { readonly Bucket: string; readonly Key: string } {
    checkKey(key);
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  /** Undefined if the object was never locked. */
  #read<T>(key: string, signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
    return this.#call(key, signal, async () => {
      try {
        return await call();
      } catch (error) {
        const { name } = error as Error;
        if (NEVER_LOCKED.includes(name)) return undefined;
        throw name === NO_OBJECT_LOCK ? this.#withoutLocks(error) : error;
      }
    });
  }

  async #call<T>(key: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const place = { location: this.location, bucket: this.#bucket, key, signal };
    if (signal.aborted) throw fromS3Error(signal.reason, place);
    try {
      return await call();
    } catch (error) {
      throw (error as Error).name === HIDDEN ? notFound(key, error) : fromS3Error(error, place);
    }
  }

  #withoutLocks(cause: unknown): HoldfastError {
    return new HoldfastError('E_CONFIG', `the bucket ${this.#bucket} has no Object Lock`, {
      cause,
      hint: 'Remove `lock` from the configuration, or turn on Object Lock for the bucket, best when it is made (docs/guide/aws.md, "Locks").',
    });
  }
}

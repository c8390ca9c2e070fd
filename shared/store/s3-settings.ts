import {
  GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { clientConfig, type S3Connection } from './s3-connection.ts';
import { fromS3Error } from './s3-errors.ts';

/** Object Lock as a bucket has it by default. */
export interface ObjectLock {
  readonly mode: string | undefined;
  readonly days: number | undefined;
}

/** A bucket's answers for settings that it lacks. */
const ABSENT = [
  'NoSuchBucketPolicy',
  'ObjectLockConfigurationNotFoundError',
  'NoSuchObjectLockConfiguration',
  'NotImplemented',
  'MethodNotAllowed',
];

/** Reads how a bucket is set up; changes nothing. */
export class S3Settings implements Disposable {
  readonly #client: S3Client;
  readonly #place: { readonly location: string; readonly bucket: string };

  constructor(connection: S3Connection) {
    const { bucket } = connection;
    this.#client = new S3Client({ ...clientConfig(connection), maxAttempts: 1 });
    this.#place = { location: `s3://${bucket}`, bucket };
  }

  /** @throws E_STORE_DENIED if the credentials may not ask, E_STORE_* */
  async isVersioned(signal: AbortSignal): Promise<boolean> {
    const command = new GetBucketVersioningCommand({ Bucket: this.#place.bucket });
    const answer = await this.#ask(() => this.#client.send(command, { abortSignal: signal }), signal);
    return answer?.Status === 'Enabled';
  }

  /** Undefined if it has none. @throws E_STORE_DENIED if the credentials may not ask, E_STORE_* */
  async objectLock(signal: AbortSignal): Promise<ObjectLock | undefined> {
    const command = new GetObjectLockConfigurationCommand({ Bucket: this.#place.bucket });
    const answer = await this.#ask(() => this.#client.send(command, { abortSignal: signal }), signal);
    const { ObjectLockEnabled, Rule } = answer?.ObjectLockConfiguration ?? {};
    if (ObjectLockEnabled !== 'Enabled') return undefined;
    const { Mode, Days, Years } = Rule?.DefaultRetention ?? {};
    return { mode: Mode?.toLowerCase(), days: Days ?? (Years === undefined ? undefined : Years * 365) };
  }

  /** @throws E_STORE_DENIED if the credentials may not ask, E_STORE_* */
  async policy(
    signal: AbortSignal,
  ): Promise<{ readonly text: string | undefined; readonly isPublic: boolean }> {
    const input = { Bucket: this.#place.bucket };
    const options = { abortSignal: signal };
    const policy = await this.#ask(
      () => this.#client.send(new GetBucketPolicyCommand(input), options),
      signal,
    );
    if (policy?.Policy === undefined) return { text: undefined, isPublic: false };
    const command = new GetBucketPolicyStatusCommand(input);
    const status = await this.#ask(() => this.#client.send(command, options), signal);
    return { text: policy.Policy, isPublic: status?.PolicyStatus?.IsPublic === true };
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }

  /** Undefined if the bucket, or the store, has no such thing. */
  async #ask<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await send();
    } catch (error) {
      if (error instanceof Error && ABSENT.includes(error.name)) return undefined;
      throw fromS3Error(error, { ...this.#place, signal });
    }
  }
}

import { GetBucketLifecycleConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { isHoldfastError } from '../core/errors.ts';
import { type BucketDanger, dangersOf } from './bucket-rules.ts';
import { clientConfig, type S3Connection } from './s3-connection.ts';
import { fromS3Error } from './s3-errors.ts';

/** A store's answers if it has no rules, or does not support them. */
const WITHOUT_RULES = ['NoSuchLifecycleConfiguration', 'NotImplemented'];

/** What a bucket's own rules could do to backups. */
export interface BucketRules {
  readonly dangers: readonly BucketDanger[];
  /** Why the rules could not be read; undefined if they were. */
  readonly unread: string | undefined;
}

/** Finds lifecycle rules of a bucket that endanger the repository in it. @throws E_ABORTED */
export async function readBucketRules(connection: S3Connection, signal: AbortSignal): Promise<BucketRules> {
  const { bucket, prefix } = connection;
  const client = new S3Client(clientConfig(connection));
  try {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket: bucket });
    const { Rules = [] } = await client.send(command, { abortSignal: signal });
    return { dangers: dangersOf(Rules, prefix), unread: undefined };
  } catch (error) {
    if (error instanceof Error && WITHOUT_RULES.includes(error.name))
      return { dangers: [], unread: undefined };
    // Any other error will also meet the code that reads and writes the repository, if it matters there.
    const problem = fromS3Error(error, { location: `s3://${bucket}`, bucket, signal });
    if (!isHoldfastError(problem) || problem.code === 'E_ABORTED') throw problem;
    return { dangers: [], unread: problem.message };
  } finally {
    client.destroy();
  }
}

import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket, ObjectLockRetention, StorageClass } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import type { AwsSettings } from '../../shared/config/aws.ts';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { BackupStorage, type BackupStorageProps } from '../constructs/backup-storage.ts';

/** What the stack of the bucket is made of. */
export interface StorageStackProps extends StackProps {
  readonly config: ResolvedConfig;
}

const REPOSITORY = /^s3:\/\/([^/]+)(?:\/(.*?))?\/?$/;
const KEY_ARN = /^arn:[a-z-]+:kms:/;
const CLASSES: Readonly<Record<string, StorageClass>> = {
  STANDARD_IA: StorageClass.INFREQUENT_ACCESS,
  INTELLIGENT_TIERING: StorageClass.INTELLIGENT_TIERING,
  GLACIER_IR: StorageClass.GLACIER_INSTANT_RETRIEVAL,
};

/** What must outlive everything else: the bucket and its key. */
export class StorageStack extends Stack {
  readonly storage: BackupStorage;

  constructor(scope: Construct, id: string, { config, ...props }: StorageStackProps) {
    super(scope, id, { terminationProtection: true, ...props });
    this.storage = new BackupStorage(this, 'Storage', {
      ...this.#bucketOf(config),
      encryptionKey:
        config.kmsKey === undefined ? undefined : Key.fromKeyArn(this, 'Key', arnOf(config.kmsKey)),
      olderKeys: config.olderKmsKeys.map((arn, i) => Key.fromKeyArn(this, `OlderKey${i}`, arn)),
      ...storageProps(config.aws.storage),
    });
    new CfnOutput(this, 'Repository', { value: this.storage.repository });
    new CfnOutput(this, 'KeyArn', { value: this.storage.key.keyArn });
  }

  #bucketOf({
    repository,
    kmsKey,
    aws,
  }: ResolvedConfig): Pick<BackupStorageProps, 'bucket' | 'bucketName' | 'prefix'> {
    const { bucketName, prefix } = placeOf(repository);
    if (!aws.storage?.existing) return { bucketName, prefix };
    if (bucketName === undefined || kmsKey === undefined)
      throw new Error(
        'aws.storage.existing is set; then repository and kmsKey must name the bucket and its key',
      );
    return { bucket: Bucket.fromBucketName(this, 'Bucket', bucketName), prefix };
  }
}

function placeOf(repository: string | undefined): Pick<BackupStorageProps, 'bucketName' | 'prefix'> {
  if (repository === undefined) return {};
  const match = REPOSITORY.exec(repository);
  if (!match) throw new Error(`repository is '${repository}'; on AWS give s3://bucket or s3://bucket/prefix`);
  const [, bucketName, prefix] = match;
  return { bucketName, ...(prefix ? { prefix } : {}) };
}

function arnOf(kmsKey: string): string {
  if (KEY_ARN.test(kmsKey)) return kmsKey;
  throw new Error(`kmsKey is '${kmsKey}'; on AWS give the ARN of the key, so that roles can name it`);
}

function storageProps(storage: AwsSettings['storage'] = {}): BackupStorageProps {
  const { objectLock, transitions = [], noncurrentDays, exportDays, runDays } = storage;
  const days = (count: number | undefined) => (count === undefined ? undefined : Duration.days(count));
  const lock =
    objectLock &&
    (objectLock.mode === 'compliance' ? ObjectLockRetention.compliance : ObjectLockRetention.governance);
  return {
    objectLock: objectLock && lock?.(Duration.days(objectLock.days)),
    transitions: transitions.map(({ storageClass, afterDays }) => ({
      storageClass: CLASSES[storageClass] ?? StorageClass.INTELLIGENT_TIERING,
      after: Duration.days(afterDays),
    })),
    noncurrentFor: days(noncurrentDays),
    exportsFor: days(exportDays),
    runsFor: days(runDays),
  };
}

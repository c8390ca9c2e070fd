import { Annotations, Duration, RemovalPolicy, Token } from 'aws-cdk-lib';
import { Effect, Grant, type IGrantable, PolicyStatement, StarPrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type LifecycleRule,
  ObjectLockMode,
  type ObjectLockRetention,
  ObjectOwnership,
  type StorageClass,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { DeployedFunction } from '../../shared/config/aws.ts';
import type { LockMode } from '../../shared/config/lock.ts';
import { type RepositoryPlace, repositoryStatements } from './permissions.ts';

/** When packs move to another storage class. */
export interface PackTransition {
  readonly storageClass: StorageClass;
  readonly after: Duration;
}

/** What the bucket is made of, all of it optional. */
export interface BackupStorageProps {
  /**
   * An existing bucket, such as one that an earlier stack left. Its lifecycle, versioning and locks are
   * yours: docs/guide/uninstalling.md says how to set them. Needs `encryptionKey`: the backups in it need
   * their key.
   *
   * @default - one is made
   */
  readonly bucket?: IBucket | undefined;

  /**
   * Name of the bucket.
   *
   * @default - CloudFormation makes one
   */
  readonly bucketName?: string | undefined;

  /**
   * Folder of the repository in the bucket, without slashes at its ends.
   *
   * @default - the whole bucket
   */
  readonly prefix?: string | undefined;

  /**
   * An existing symmetric key that wraps data keys.
   *
   * @default - a key of its own, which is rotated every year
   */
  readonly encryptionKey?: IKey | undefined;

  /**
   * Keys that it replaced: what they sealed can be opened.
   *
   * @default - none
   */
  readonly olderKeys?: readonly IKey[] | undefined;

  /**
   * Locks every version of every object for some time after it was put, against everybody; `compliance` also
   * binds the account's root. Can only be set when the bucket is made. The function `lock` extends the locks
   * of what backups need for longer.
   *
   * @default - none: only `noncurrentFor` keeps versions
   */
  readonly objectLock?: ObjectLockRetention | undefined;

  /**
   * When packs move to cheaper classes. Manifests and reports never do.
   *
   * @default - packs stay in S3 Standard
   */
  readonly transitions?: readonly PackTransition[] | undefined;

  /**
   * How long removed objects can be recovered.
   *
   * @default Duration.days(30)
   */
  readonly noncurrentFor?: Duration | undefined;

  /**
   * How long prepared exports are kept.
   *
   * @default Duration.days(7)
   */
  readonly exportsFor?: Duration | undefined;

  /**
   * How long plans and partial results of runs are kept; longer than any run.
   *
   * @default Duration.days(14)
   */
  readonly runsFor?: Duration | undefined;

  /**
   * Where access to the bucket is logged.
   *
   * @default - not logged
   */
  readonly accessLogs?: IBucket | undefined;

  /**
   * What happens to bucket and key when the stack is deleted.
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE: kept, unless the deployment that made them failed
   */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** Identifies an existing bucket and its key. */
export interface BucketAttributes {
  readonly bucketName: string;
  /** ARN of the key that wraps data keys. */
  readonly keyArn: string;
  /**
   * Folder of the repository in the bucket, without slashes at its ends.
   *
   * @default - the whole bucket
   */
  readonly prefix?: string | undefined;
  /**
   * ARNs of the keys that it replaced.
   *
   * @default - none
   */
  readonly olderKeyArns?: readonly string[] | undefined;
}

const PACKS = 'data/';
const LEAST_IA_DAYS = 30;
const PREFIX = /^[\w.-]+(\/[\w.-]+)*$/;

/** The bucket of the backups, and the key that opens them. Objects are written once. */
export class BackupStorage extends Construct {
  readonly bucket: IBucket;
  readonly key: IKey;
  readonly #olderKeys: readonly IKey[];
  /** Ends in `/`, or is empty. */
  readonly prefix: string;
  /** Mode of the locks that everything is put with; undefined: there are none. */
  readonly lockMode: LockMode | undefined;
  /** Name of a bucket that is made here, if one was given. */
  readonly madeName: string | undefined;

  constructor(scope: Construct, id: string, props: BackupStorageProps = {}) {
    super(scope, id);
    checkProps(props);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
    this.madeName = Token.isUnresolved(props.bucketName) ? undefined : props.bucketName;
    this.prefix = props.prefix ? `${props.prefix}/` : '';
    this.#olderKeys = props.olderKeys ?? [];
    this.lockMode = lockModeOf(props.objectLock);
    this.key =
      props.encryptionKey ??
      new Key(this, 'Key', {
        description: "Opens Holdfast's backups. Deleting it destroys every backup.",
        enableKeyRotation: true,
        removalPolicy,
        pendingWindow: Duration.days(30),
      });
    this.bucket = props.bucket ?? this.#makeBucket(props, removalPolicy);
    const { statementAdded } = this.bucket.addToResourcePolicy(writeOnce(this.bucket));
    if (!statementAdded) Annotations.of(this).addWarningV2('holdfast:write-once', NOT_WRITE_ONCE);
  }

  /** An existing bucket and key, by name. Makes and changes nothing. */
  static fromBucketAttributes(scope: Construct, id: string, given: BucketAttributes): BackupStorage {
    const names = new Construct(scope, `${id}Names`);
    return new BackupStorage(scope, id, {
      bucket: Bucket.fromBucketName(names, 'Bucket', given.bucketName),
      encryptionKey: Key.fromKeyArn(names, 'Key', given.keyArn),
      olderKeys: (given.olderKeyArns ?? []).map((arn, i) => Key.fromKeyArn(names, `OlderKey${i}`, arn)),
      prefix: given.prefix,
    });
  }

  #makeBucket(props: BackupStorageProps, removalPolicy: RemovalPolicy): IBucket {
    return new Bucket(this, 'Bucket', {
      ...(props.bucketName === undefined ? {} : { bucketName: props.bucketName }),
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      ...(props.objectLock ? { objectLockEnabled: true, objectLockDefaultRetention: props.objectLock } : {}),
      ...(props.accessLogs ? { serverAccessLogsBucket: props.accessLogs } : {}),
      lifecycleRules: lifecycle(props, this.prefix),
      removalPolicy,
    }) as IBucket;
  }

  /** `s3://bucket/prefix`. */
  get repository(): string {
    const folder = this.prefix.replace(/\/$/, '');
    return `s3://${this.bucket.bucketName}${folder ? `/${folder}` : ''}`;
  }

  /** @param deltas whether backups decrypt records, to store deltas */
  placeFor(deltas: boolean): RepositoryPlace {
    return { bucketArn: this.bucket.bucketArn, prefix: this.prefix, keyArns: this.#keyArns, deltas };
  }

  /** Lets `grantee` do only what the function of that name may do to bucket and key. */
  grantJob(grantee: IGrantable, job: DeployedFunction, deltas = true): void {
    for (const statement of repositoryStatements(job, this.placeFor(deltas)))
      grantee.grantPrincipal.addToPrincipalPolicy(statement);
  }

  /** Lets `grantee` list backups and read their manifests and reports, without the key. */
  grantList(grantee: IGrantable): void {
    for (const statement of repositoryStatements('watchdog', { ...this.placeFor(false), changes: null }))
      if (!statement.actions.some((action) => action.startsWith('kms:')))
        grantee.grantPrincipal.addToPrincipalPolicy(statement);
  }

  /** Lets `grantee` restore with the command line: read everything, and open it. */
  grantRestore(grantee: IGrantable): Grant {
    this.bucket.grantRead(grantee);
    return Grant.addToPrincipal({ grantee, actions: ['kms:Decrypt'], resourceArns: [...this.#keyArns] });
  }

  get #keyArns(): readonly [string, ...string[]] {
    return [this.key.keyArn, ...this.#olderKeys.map(({ keyArn }) => keyArn)];
  }
}

function lockModeOf(objectLock: ObjectLockRetention | undefined): LockMode | undefined {
  if (!objectLock) return undefined;
  return objectLock.mode === ObjectLockMode.COMPLIANCE ? 'compliance' : 'governance';
}

/**
 * An existing object is never replaced: a put must require that there is none. Parts of an upload make none.
 */
export function writeOnce(bucket: Pick<IBucket, 'arnForObjects'>): PolicyStatement {
  return new PolicyStatement({
    sid: 'WriteOnce',
    effect: Effect.DENY,
    principals: [new StarPrincipal()],
    actions: ['s3:PutObject'],
    resources: [bucket.arnForObjects('*')],
    conditions: {
      Null: { 's3:if-none-match': 'true' },
      Bool: { 's3:ObjectCreationOperation': 'true' },
    },
  });
}

/** No rule expires packs, manifests or reports: only prune knows which are needed. */
function lifecycle(props: BackupStorageProps, prefix: string): LifecycleRule[] {
  const { noncurrentFor, exportsFor, runsFor, transitions = [] } = props;
  return [
    { id: 'incomplete-uploads', abortIncompleteMultipartUploadAfter: Duration.days(2) },
    { id: 'removed-versions', noncurrentVersionExpiration: noncurrentFor ?? Duration.days(30) },
    { id: 'delete-markers', expiredObjectDeleteMarker: true },
    {
      id: 'exports',
      prefix: `${prefix}exports/`,
      expiration: exportsFor ?? Duration.days(7),
      // Plain text: an expired export is not kept as a noncurrent version. Of two rules S3 takes the shorter
      // time.
      noncurrentVersionExpiration: Duration.days(1),
    },
    { id: 'runs', prefix: `${prefix}runs/`, expiration: runsFor ?? Duration.days(14) },
    ...(transitions.length === 0
      ? []
      : [
          {
            id: 'packs',
            prefix: `${prefix}${PACKS}`,
            transitions: transitions.map(({ storageClass, after }) => ({
              storageClass,
              transitionAfter: after,
            })),
          },
        ]),
  ];
}

const NOT_WRITE_ONCE =
  'the bucket was made elsewhere, and its policy cannot be changed from here: add the statement in docs/guide/uninstalling.md, "A bucket of yours", so that no object is replaced';
/** Settings for a bucket that is made here. */
const OF_A_NEW_BUCKET = [
  'bucketName',
  'objectLock',
  'noncurrentFor',
  'exportsFor',
  'runsFor',
  'accessLogs',
] as const satisfies (keyof BackupStorageProps)[];

function checkExisting(props: BackupStorageProps): void {
  if (!props.bucket) return;
  const refused = OF_A_NEW_BUCKET.filter((name) => props[name] !== undefined);
  if (props.transitions && props.transitions.length > 0)
    throw new Error(
      'transitions is for a bucket that is made here; set the lifecycle of your bucket yourself',
    );
  if (refused.length > 0)
    throw new Error(
      `${refused.join(', ')}: only for a bucket that is made here; set it on your bucket yourself`,
    );
  if (!props.encryptionKey)
    throw new Error('bucket is set without encryptionKey: a new key could not open what is in it');
}

function checkProps(props: BackupStorageProps): void {
  checkExisting(props);
  const { prefix, runsFor, transitions = [] } = props;
  if (prefix !== undefined && prefix !== '' && !PREFIX.test(prefix))
    throw new Error(`prefix is '${prefix}'; allowed are names separated by slashes`);
  if (runsFor && runsFor.toHours() < 48)
    throw new Error(`runsFor is ${runsFor.toHumanString()}; it must be at least 2 days, longer than any run`);
  for (const { storageClass, after } of transitions) checkTransition(storageClass, after);
}

/**
 * Restores read packs at once: a class that must be thawed would fail them; a class in one zone is lost with
 * it.
 */
function checkTransition({ value }: StorageClass, after: Duration): void {
  if (value === 'GLACIER' || value === 'DEEP_ARCHIVE')
    throw new Error(`packs cannot move to ${value}: a restore could not read them; use GLACIER_IR`);
  if (value === 'ONEZONE_IA')
    throw new Error(`packs cannot move to ${value}: they would be lost with their zone; use STANDARD_IA`);
  if (/_IA$/.test(value) && after.toDays() < LEAST_IA_DAYS)
    throw new Error(
      `packs cannot move to ${value} after ${after.toDays()} days; S3 requires at least ${LEAST_IA_DAYS}`,
    );
}

import { Arn, ArnFormat, CfnOutput, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import { AccountPrincipal, Effect, PolicyStatement, StarPrincipal } from 'aws-cdk-lib/aws-iam';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  type ObjectLockRetention,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { writeOnce } from './backup-storage.ts';
import { COPIED } from './copy-statements.ts';

/** What a receiving bucket is made of. */
export interface BackupReceiverProps {
  /**
   * ARNs of the roles of the function `copy`: only they may put packs here. The first account's stack prints
   * it.
   */
  readonly copyRoleArns: readonly string[];

  /**
   * ARNs of roles that check how far this place is behind: those of the watchdog.
   *
   * @default - none: the alarm says that the copy is behind
   */
  readonly listRoleArns?: readonly string[] | undefined;

  /**
   * Name of the bucket; the first account needs it.
   *
   * @default - CloudFormation makes one
   */
  readonly bucketName?: string | undefined;

  /**
   * Folder in the bucket, without slashes at its ends.
   *
   * @default - the whole bucket
   */
  readonly prefix?: string | undefined;

  /**
   * Locks every version of every object for some time after it was put, against everybody. Can only be set
   * when the bucket is made.
   *
   * @default - none
   */
  readonly objectLock?: ObjectLockRetention | undefined;

  /**
   * How long objects that a prune removed here can be recovered.
   *
   * @default Duration.days(30)
   */
  readonly noncurrentFor?: Duration | undefined;

  /**
   * Where access to the bucket is logged.
   *
   * @default - not logged
   */
  readonly accessLogs?: IBucket | undefined;

  /** @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE */
  readonly removalPolicy?: RemovalPolicy | undefined;
}

/** What nobody but a copy may put here: a manifest names it, and a restore relies on it. */
const COPIES_ALONE: readonly string[] = [
  'repository.json',
  'repository-2.json',
  'keys/*',
  'recovery/*/*',
  'data/*',
];
const PREFIX = /^[\w.-]+(\/[\w.-]+)*$/;
const NEVER_BY_COPY = [
  's3:DeleteObject',
  's3:DeleteObjectVersion',
  's3:PutObjectRetention',
  's3:PutObjectLegalHold',
  's3:BypassGovernanceRetention',
  's3:PutObjectAcl',
];

/**
 * The bucket of a second place, in another account or region. Stored objects are sealed with the repository's
 * own key, so the bucket uses S3's keys: losing the first account does not stop reading here.
 */
export class BackupReceiver extends Construct {
  readonly bucket: Bucket;
  readonly #prefix: string;

  constructor(scope: Construct, id: string, props: BackupReceiverProps) {
    super(scope, id);
    checkProps(props);
    const { copyRoleArns, listRoleArns = [], prefix, objectLock } = props;
    this.#prefix = prefix ? `${prefix}/` : '';
    this.bucket = new Bucket(this, 'Bucket', {
      ...(props.bucketName === undefined ? {} : { bucketName: props.bucketName }),
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      ...(objectLock ? { objectLockEnabled: true, objectLockDefaultRetention: objectLock } : {}),
      ...(props.accessLogs ? { serverAccessLogsBucket: props.accessLogs } : {}),
      lifecycleRules: [
        {
          id: 'Removed',
          noncurrentVersionExpiration: props.noncurrentFor ?? Duration.days(30),
          abortIncompleteMultipartUploadAfter: Duration.days(7),
          expiredObjectDeleteMarker: true,
        },
      ],
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    this.bucket.addToResourcePolicy(writeOnce(this.bucket));
    for (const statement of this.#statements(copyRoleArns, listRoleArns))
      this.bucket.addToResourcePolicy(statement);
    new CfnOutput(this, 'SecondPlace', {
      value: this.place,
      description: 'copy.NAME.to of the first account',
    });
  }

  /** `s3://bucket/prefix`: for `copy` in the first account. */
  get place(): string {
    const folder = this.#prefix.replace(/\/$/, '');
    return `s3://${this.bucket.bucketName}${folder ? `/${folder}` : ''}`;
  }

  /** Refers to roles by name, not by their internal id: a role that is made again still matches. */
  #statements(copyRoles: readonly string[], listRoles: readonly string[]): PolicyStatement[] {
    const { bucketArn } = this.bucket;
    const arns = (folders: readonly string[]) =>
      folders.map((folder) => `${bucketArn}/${this.#prefix}${folder}`);
    const listers = [...new Set([...copyRoles, ...listRoles])];
    const isCopy = { ArnEquals: { 'aws:PrincipalArn': [...copyRoles] } };
    return [
      new PolicyStatement({
        sid: 'List',
        principals: accountsOf(listers),
        actions: ['s3:ListBucket'],
        resources: [bucketArn],
        conditions: { ArnEquals: { 'aws:PrincipalArn': listers } },
      }),
      new PolicyStatement({
        sid: 'Copy',
        principals: accountsOf(copyRoles),
        actions: ['s3:PutObject', 's3:GetObject'],
        resources: arns(COPIED),
        conditions: isCopy,
      }),
      new PolicyStatement({
        sid: 'NobodyElsePuts',
        effect: Effect.DENY,
        principals: [new StarPrincipal()],
        actions: ['s3:PutObject'],
        resources: arns(COPIES_ALONE),
        conditions: { ArnNotEquals: { 'aws:PrincipalArn': [...copyRoles] } },
      }),
      new PolicyStatement({
        sid: 'CopyRemovesNothing',
        effect: Effect.DENY,
        principals: [new StarPrincipal()],
        actions: NEVER_BY_COPY,
        resources: [this.bucket.arnForObjects('*')],
        conditions: isCopy,
      }),
    ];
  }
}

function accountsOf(roles: readonly string[]): AccountPrincipal[] {
  const accounts = new Set(roles.map((arn) => Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).account ?? ''));
  return [...accounts].map((account) => new AccountPrincipal(account));
}

function checkProps({ copyRoleArns, listRoleArns = [], prefix }: BackupReceiverProps): void {
  if (copyRoleArns.length === 0) throw new Error('copyRoleArns is empty: nobody could put anything here');
  const wrong = [...copyRoleArns, ...listRoleArns].find(
    (arn) => !Token.isUnresolved(arn) && !/^arn:[a-z-]+:iam::\d{12}:role\/.+$/.test(arn),
  );
  if (wrong !== undefined)
    throw new Error(`'${wrong}' is not the ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)`);
  if (prefix !== undefined && prefix !== '' && !PREFIX.test(prefix))
    throw new Error(`prefix is '${prefix}'; allowed are names separated by slashes`);
}

/** The stack of a receiving account. */
export class BackupReceiverStack extends Stack {
  readonly receiver: BackupReceiver;

  constructor(
    scope: Construct,
    id: string,
    props: ConstructorParameters<typeof Stack>[2] & BackupReceiverProps,
  ) {
    super(scope, id, { terminationProtection: true, ...props });
    this.receiver = new BackupReceiver(this, 'Receiver', props);
  }
}

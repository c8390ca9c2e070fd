import type { RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket, ObjectLockRetention } from 'aws-cdk-lib/aws-s3';
import type { HoldfastConfig } from '../../shared/config/config.ts';
import type { Webhook } from './backup-monitoring.ts';
import type { PackTransition } from './backup-storage.ts';

type Config = HoldfastConfig;
type AwsConfig = NonNullable<Config['aws']>;

/** Databases to back up, and all that may be said about it. */
export interface DatabaseBackupsProps {
  /** Databases by name; logins by the ARN of a secret. */
  readonly sources: NonNullable<Config['sources']>;

  /**
   * Where the restore function may write, by name.
   *
   * @default - nowhere: restore with the command line
   */
  readonly targets?: Config['targets'];

  /**
   * Servers that drills restore to, by kind of source.
   *
   * @default - no drills
   */
  readonly drill?: Config['drill'];

  /**
   * When backups are made, by type: five cron fields, with a time zone or in UTC; a rate; or 'off'.
   *
   * @default - daily at 02:00 and weekly on Sunday at 03:00 UTC
   */
  readonly schedules?: Config['schedules'];

  /**
   * When verification, prune, drills and the watchdog run.
   *
   * @default - verify on Sunday at 05:00, prune daily at 06:00, drill on the first at 07:00, watchdog every 15 minutes
   */
  readonly jobs?: AwsConfig['jobs'];

  /**
   * Days that backups are kept, by type.
   *
   * @default - daily 30, weekly 84, manual 365
   */
  readonly retention?: Config['retention'];

  /**
   * How many backups are kept whatever their age.
   *
   * @default - none
   */
  readonly keep?: Config['keep'];

  /**
   * Grace and largest share for prune.
   *
   * @default - 7 days, 40 %
   */
  readonly prune?: Config['prune'];

  /** Second places that backups are copied to, by name. @default - none */
  readonly copy?: Config['copy'];

  /** Who is notified of changes. @default - nobody */
  readonly notifications?: Config['notifications'];

  /**
   * When a backup is suspect.
   *
   * @default - docs/reference/configuration.md
   */
  readonly suspects?: Config['suspects'];

  /**
   * Whether changes are stored as deltas. If not, the role of backups cannot decrypt records. @default true
   */
  readonly deltas?: boolean;

  /**
   * Signs manifests and decisions with a KMS key of the spec ECC_NIST_P256, and says whose signatures are
   * trusted. @default - no key
   */
  readonly signing?: Config['signing'];

  /**
   * Who may use the admin API, which is deployed if `api.auth` is set.
   *
   * @default - no API
   */
  readonly api?: Config['api'];

  /**
   * Request rate that API Gateway lets through for all callers together. Needs `api`.
   *
   * @default - 20 requests a second, 40 at once
   */
  readonly apiThrottle?: AwsConfig['api'];

  /**
   * Deploys the console, by CloudFront. Needs `api.auth` of kind `oidc` with a `clientId`.
   *
   * @default - no console
   */
  readonly console?: AwsConfig['console'];

  /**
   * The VPC that reaches the databases. Functions that log in to them are in it, and need ways to AWS
   * services: NAT, or `endpoints`.
   *
   * @default - functions are in no VPC, and reach only public addresses
   */
  readonly vpc?: IVpc;

  /**
   * Subnets of functions and tasks.
   *
   * @default - the VPC's private subnets, else its isolated ones
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * Makes the ways out of a VPC without NAT: endpoints for the services that functions and tasks call. They
   * cost by the hour: docs/guide/aws.md. Leave it out if the VPC has them. Needs `vpc`.
   *
   * @default false
   */
  readonly endpoints?: boolean;

  /**
   * Security groups of functions and tasks.
   *
   * @default - one of its own, which allows all outgoing and no incoming traffic
   */
  readonly securityGroups?: ISecurityGroup[];

  /**
   * Runs jobs that would outlive a function as tasks. Needs `vpc`.
   *
   * @default - only functions
   */
  readonly fargate?: AwsConfig['fargate'];

  /**
   * Size of functions, and variables of your own, by name.
   *
   * @default - docs/guide/aws.md
   */
  readonly functionSizes?: AwsConfig['functions'];

  /**
   * Estimated MiB that one function reads.
   *
   * @default 4096
   */
  readonly shareMiB?: number;

  /**
   * Shares of one backup to read at the same time.
   *
   * @default 10
   */
  readonly maxConcurrency?: number;

  /**
   * From this many MiB of records on, a task restores and drills a backup; without `fargate` larger ones are
   * refused.
   *
   * @default 4096
   */
  readonly restoreMiB?: number;

  /**
   * An existing bucket, such as one that an earlier stack left; needs `encryptionKey`. Its lifecycle,
   * versioning and locks are yours.
   *
   * @default - one is made
   */
  readonly bucket?: IBucket;

  /**
   * Name of the bucket.
   *
   * @default - CloudFormation makes one
   */
  readonly bucketName?: string;

  /**
   * The key that wraps data keys.
   *
   * @default - a key of its own, which is rotated every year
   */
  readonly encryptionKey?: IKey;

  /**
   * Locks every version of every object for some time after it was put, against everybody. The function
   * `lock` extends the locks of what backups need for longer.
   *
   * @default - none
   */
  readonly objectLock?: ObjectLockRetention;

  /**
   * How locks are renewed.
   *
   * @default - in the mode of `objectLock`, for as long as retention keeps backups
   */
  readonly lock?: Config['lock'];

  /**
   * When packs move to cheaper storage classes.
   *
   * @default - never
   */
  readonly transitions?: readonly PackTransition[];

  /**
   * Who gets an email about what needs attention.
   *
   * @default - nobody: subscribe to `alertTopic`
   */
  readonly alertEmails?: readonly string[];

  /**
   * Receives every event.
   *
   * @default - none
   */
  readonly webhook?: Webhook;

  /**
   * When something is too old.
   *
   * @default - backups after their schedule's interval and 2 hours, verification after 15 days, drills after 40
   */
  readonly alarms?: AwsConfig['alarms'];

  /**
   * Where events go.
   *
   * @default - the account's default bus
   */
  readonly eventBus?: IEventBus;

  /**
   * Whether schedules are on.
   *
   * @default true
   */
  readonly enabled?: boolean;

  /**
   * What happens to bucket and key when the stack is deleted.
   *
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE: kept, unless the deployment that made them failed
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * Folder with the functions' bundles.
   *
   * @default - the package's own
   */
  readonly bundles?: string;
}

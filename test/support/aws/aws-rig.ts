import type { ObjectLocks } from '../../../shared/store/object-locks.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { S3Locks } from '../../../shared/store/s3-locks.ts';
import { S3Store } from '../../../shared/store/s3-store.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { ownPostgres, type PostgresVersion } from '../postgres.ts';
import { type AwsDoubles, startAwsDoubles } from './aws-doubles.ts';
import { builtLambdas } from './bundles.ts';
import { newBucket, newLockedBucket, RGW_CREDENTIALS, rgwOptions } from './ceph-rgw.ts';
import { lockRulesProxy } from './lock-rules-proxy.ts';
import type { RdsLike } from './rds-like.ts';
import { realAws } from './real-aws.ts';
import { type LambdaOptions, type LambdaProcess, startLambda } from './runtime-api.ts';

export type Settings = Partial<Omit<LambdaOptions, 'folder'>> & {
  /** The process is killed so long after the event came. */
  readonly killAfterMs?: number | undefined;
};

/**
 * What a deployment is made of, here: Ceph RGW, a PostgreSQL with its secret, and doubles of ours for the rest of AWS. S3 and KMS
 * are AWS's own with HOLDFAST_TEST_AWS=1.
 */
export interface AwsRig extends AsyncDisposable {
  readonly aws: AwsDoubles;
  readonly postgres: PostgresServer;
  readonly repository: string;
  /** Of a database, as the configuration names it. */
  secretOf(database: string): string;
  /** Starts a function from its bundle; it ends with the rig. */
  start(name: string, settings?: Settings): Promise<LambdaProcess>;
  /** Starts it for one event. */
  invoke(name: string, event: unknown, settings?: Settings): Promise<unknown>;
  readonly store: ObjectStore;
  /** Of what is stored there. */
  readonly locks: ObjectLocks;
  /** What S3 would have refused; undefined where its rules are not minded. */
  readonly refused: readonly string[] | undefined;
  /** Of functions and tasks, as they are configured now. */
  env(): Readonly<Record<string, string>>;
  /** Keys of objects below a prefix. */
  keys(prefix: string): Promise<string[]>;
  /** All that functions have logged. */
  log(): string;
  /** Settings of the file, for functions that are started from now on. */
  configure(config: object): void;
}

interface RigOptions {
  /** @default 18 */
  readonly postgresVersion?: PostgresVersion;
  /** The bucket has Object Lock, with S3's rules for it, and everything is locked for a day from when it is put. */
  readonly objectLock?: boolean;
  /** By which its metrics and events are told from those of another. */
  readonly deployment?: string;
  /** Of the server, besides. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The server has a name of RDS, and a certificate of a private authority that the functions ship. */
  readonly rds?: RdsLike;
}

export async function startAwsRig(options: RigOptions = {}): Promise<AwsRig> {
  const { rds, deployment, settings: given } = options;
  const built = await builtLambdas();
  const folder = (await rds?.withAuthority(built)) ?? built;
  const aws = await startAwsDoubles();
  const postgres = await ownPostgres(options.postgresVersion ?? 18, {
    ...rds?.server,
    ...(given ? { settings: given } : {}),
  });
  const real = realAws(process.env);
  const place = real ? { ...real, proxy: undefined } : await localPlace(aws, options.objectLock === true);
  const { repository, store } = place;
  const running: LambdaProcess[] = [];
  let config: object = {};
  const env = () => ({
    ...place.env,
    HOLDFAST_REPOSITORY: repository,
    HOLDFAST_KMS_KEY: place.keyArn,
    HOLDFAST_CONFIG: JSON.stringify(config),
    HOLDFAST_EVENT_BUS: 'backups',
    ...(deployment === undefined ? {} : { HOLDFAST_DEPLOYMENT: deployment }),
    ...aws.env,
    ...rds?.env,
  });
  const start = async (name: string, settings: Settings = {}) => {
    const { killAfterMs: _, ...rest } = settings;
    const started = await startLambda(name, {
      folder: `${folder}/${name}`,
      ...rest,
      env: { ...env(), ...settings.env },
    });
    running.push(started);
    return started;
  };
  return {
    aws,
    postgres,
    repository,
    secretOf: (database) => aws.addSecret(database, urlOf(postgres, database, rds)),
    start,
    invoke: async (name, event, settings) => {
      await using started = await start(name, settings);
      const { killAfterMs } = settings ?? {};
      if (killAfterMs !== undefined) setTimeout(() => started.kill(), killAfterMs);
      return await started.invoke(event);
    },
    store,
    locks: new S3Locks(place.connection),
    refused: place.proxy?.refused,
    env,
    keys: async (prefix) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key),
    log: () => running.flatMap((started) => started.log).join('\n'),
    configure: (given) => {
      config = given;
    },
    [Symbol.asyncDispose]: async () => {
      for (const started of running) await started[Symbol.asyncDispose]();
      await postgres.stop();
      await place.proxy?.[Symbol.asyncDispose]();
      await aws[Symbol.asyncDispose]();
    },
  };
}

function urlOf(postgres: PostgresServer, database: string, rds: RdsLike | undefined): string {
  const url = new URL(postgres.url(database));
  if (rds) url.hostname = rds.host;
  return url.href;
}

async function localPlace(aws: AwsDoubles, isLocked: boolean) {
  const bucket = isLocked ? await newLockedBucket({ mode: 'COMPLIANCE', days: 1 }) : await newBucket();
  const prefix = 'backups-of-shop';
  const { endpoint = '' } = rgwOptions(bucket);
  const proxy = isLocked ? await lockRulesProxy(endpoint, { asWriteOnce: true }) : undefined;
  return {
    proxy,
    keyArn: aws.keyArn,
    repository: `s3://${bucket}/${prefix}`,
    connection: rgwOptions(bucket, prefix),
    store: new S3Store(rgwOptions(bucket, prefix)),
    env: {
      AWS_ENDPOINT_URL_S3: proxy?.endpoint ?? endpoint,
      AWS_ENDPOINT_URL_KMS: aws.endpoint,
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
    },
  };
}

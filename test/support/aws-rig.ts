import type { ObjectStore } from '../../shared/store/object-store.ts';
import { S3Store } from '../../shared/store/s3-store.ts';
import { type PostgresServer, startPostgres } from '../../tools/embedded-postgres.ts';
import { type AwsDoubles, startAwsDoubles } from './aws-doubles.ts';
import { builtLambdas } from './bundles.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from './ceph-rgw.ts';
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
  /** Of functions and tasks, as they are configured now. */
  env(): Readonly<Record<string, string>>;
  /** Keys of objects below a prefix. */
  keys(prefix: string): Promise<string[]>;
  /** All that functions have logged. */
  log(): string;
  /** Settings of the file, for functions that are started from now on. */
  configure(config: object): void;
}

export async function startAwsRig(options: { readonly postgresBin?: string } = {}): Promise<AwsRig> {
  const folder = await builtLambdas();
  const aws = await startAwsDoubles();
  const postgres = await startPostgres(options.postgresBin === undefined ? {} : { bin: options.postgresBin });
  const place = realAws(process.env) ?? (await localPlace(aws));
  const { repository, store } = place;
  const running: LambdaProcess[] = [];
  let config: object = {};
  const env = () => ({
    ...place.env,
    HOLDFAST_REPOSITORY: repository,
    HOLDFAST_KMS_KEY: place.keyArn,
    HOLDFAST_CONFIG: JSON.stringify(config),
    HOLDFAST_EVENT_BUS: 'backups',
    ...aws.env,
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
    secretOf: (database) => aws.addSecret(database, postgres.url(database)),
    start,
    invoke: async (name, event, settings) => {
      await using started = await start(name, settings);
      const { killAfterMs } = settings ?? {};
      if (killAfterMs !== undefined) setTimeout(() => started.kill(), killAfterMs);
      return await started.invoke(event);
    },
    store,
    env,
    keys: async (prefix) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key),
    log: () => running.flatMap((started) => started.log).join('\n'),
    configure: (given) => {
      config = given;
    },
    [Symbol.asyncDispose]: async () => {
      for (const started of running) await started[Symbol.asyncDispose]();
      await postgres.stop();
      await aws[Symbol.asyncDispose]();
    },
  };
}

async function localPlace(aws: AwsDoubles) {
  const bucket = await newBucket();
  const prefix = 'backups-of-shop';
  const { endpoint = '' } = rgwOptions(bucket);
  return {
    keyArn: aws.keyArn,
    repository: `s3://${bucket}/${prefix}`,
    store: new S3Store(rgwOptions(bucket, prefix)),
    env: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ENDPOINT_URL_KMS: aws.endpoint,
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
    },
  };
}

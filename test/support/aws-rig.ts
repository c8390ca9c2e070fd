import { type PostgresServer, startPostgres } from '../../tools/embedded-postgres.ts';
import { type AwsDoubles, startAwsDoubles } from './aws-doubles.ts';
import { builtLambdas } from './bundles.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from './ceph-rgw.ts';
import { type LambdaOptions, type LambdaProcess, startLambda } from './runtime-api.ts';

type Settings = Partial<Omit<LambdaOptions, 'folder'>>;

/** What a deployment is made of, here: Ceph RGW, a PostgreSQL with its secret, and doubles of ours for the rest of AWS. */
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
  /** Settings of the file, for functions that are started from now on. */
  configure(config: object): void;
}

export async function startAwsRig(options: { readonly postgresBin?: string } = {}): Promise<AwsRig> {
  const folder = await builtLambdas();
  const aws = await startAwsDoubles();
  const postgres = await startPostgres(options.postgresBin === undefined ? {} : { bin: options.postgresBin });
  const bucket = await newBucket();
  const repository = `s3://${bucket}/backups-of-shop`;
  const running: LambdaProcess[] = [];
  let config: object = {};
  const env = () => ({
    ...aws.env,
    AWS_ENDPOINT_URL_S3: rgwOptions(bucket).endpoint ?? '',
    AWS_ACCESS_KEY_ID: RGW_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: RGW_CREDENTIALS.secretAccessKey,
    HOLDFAST_REPOSITORY: repository,
    HOLDFAST_KMS_KEY: aws.keyArn,
    HOLDFAST_CONFIG: JSON.stringify(config),
    HOLDFAST_EVENT_BUS: 'backups',
  });
  const start = async (name: string, settings: Settings = {}) => {
    const started = await startLambda(name, {
      folder: `${folder}/${name}`,
      ...settings,
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
      return await started.invoke(event);
    },
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

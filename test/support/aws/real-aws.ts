import { randomBytes } from 'node:crypto';
import { S3Store, type S3StoreOptions } from '../../../shared/store/s3-store.ts';

/** A bucket and a key of an account of yours, for the tests that can use them instead of Ceph RGW and the double of KMS. */
export interface RealAws {
  readonly keyArn: string;
  readonly repository: string;
  readonly connection: S3StoreOptions;
  readonly store: S3Store;
  readonly env: Readonly<Record<string, string>>;
}

const CREDENTIALS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_REGION',
] as const;

/**
 * With HOLDFAST_TEST_AWS=1: S3 and KMS are real, everything is put below a prefix of its own in HOLDFAST_TEST_BUCKET and sealed
 * with HOLDFAST_TEST_KMS_KEY (an ARN). Nothing is removed afterwards.
 */
export function realAws(env: NodeJS.ProcessEnv): RealAws | undefined {
  if (env['HOLDFAST_TEST_AWS'] !== '1') return undefined;
  const { HOLDFAST_TEST_BUCKET: bucket, HOLDFAST_TEST_KMS_KEY: keyArn, AWS_REGION: region } = env;
  if (!bucket || !keyArn || !region)
    throw new Error('HOLDFAST_TEST_AWS=1 needs HOLDFAST_TEST_BUCKET, HOLDFAST_TEST_KMS_KEY and AWS_REGION');
  const prefix = `holdfast-test-${randomBytes(6).toString('hex')}`;
  return {
    keyArn,
    repository: `s3://${bucket}/${prefix}`,
    connection: { bucket, prefix, region },
    store: new S3Store({ bucket, prefix, region }),
    env: Object.fromEntries(CREDENTIALS.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
  };
}

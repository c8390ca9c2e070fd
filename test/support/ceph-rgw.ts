import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
import { S3Store, type S3StoreOptions } from '../../shared/store/s3-store.ts';

/** The user that test/rig/ceph-rgw.sh makes. */
export const RGW_CREDENTIALS = {
  accessKeyId: 'AKIATESTTESTTESTTEST',
  secretAccessKey: 'testsecrettestsecret',
};
const REGION = 'us-east-1';

export function rgwOptions(bucket: string, prefix = ''): S3StoreOptions {
  const endpoint = inject('rgwEndpoint');
  return { bucket, prefix, endpoint, region: REGION, forcePathStyle: true, credentials: RGW_CREDENTIALS };
}

/** Makes an empty bucket and gives its name. */
export async function newBucket(): Promise<string> {
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  const client = new S3Client({
    endpoint: inject('rgwEndpoint'),
    region: REGION,
    forcePathStyle: true,
    credentials: RGW_CREDENTIALS,
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return bucket;
}

export async function newRgwStore(prefix = 'some/prefix'): Promise<S3Store> {
  return new S3Store(rgwOptions(await newBucket(), prefix));
}

import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, PutObjectLockConfigurationCommand, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
import { S3Store, type S3StoreOptions } from '../../../shared/store/s3-store.ts';
import { sharedPart } from '../run/shared-part.ts';

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
  await sharedPart('ceph-rgw');
  const client = rgwClient(inject('rgwEndpoint'));
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return bucket;
}

export function rgwClient(endpoint: string): S3Client {
  return new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    credentials: RGW_CREDENTIALS,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    maxAttempts: 1,
  });
}

/** The same with Object Lock. @param days of the lock that everything is put with; 0: none */
export async function newLockedBucket(
  { mode, days }: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number },
  endpoint: string = inject('rgwEndpoint'),
): Promise<string> {
  const Bucket = `test-${randomBytes(6).toString('hex')}`;
  const client = rgwClient(endpoint);
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  const Rule = { DefaultRetention: { Mode: mode, Days: days } };
  const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule } as const;
  if (days > 0) await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  client.destroy();
  return Bucket;
}

export async function newRgwStore(prefix = 'some/prefix'): Promise<S3Store> {
  return new S3Store(rgwOptions(await newBucket(), prefix));
}

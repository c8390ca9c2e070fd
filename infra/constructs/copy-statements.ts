import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { CopyPlace } from '../../shared/config/copy.ts';

/** Folders that a copy writes to in a second place, and reads there to compare. */
export const COPIED = [
  'repository.json',
  'repository-2.json',
  'keys/*',
  'recovery/*/*',
  'data/*',
  'backups/*',
  'reports/*',
  'expired/*',
  'changes/*',
] as const;

const S3_PLACE = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*?))?\/*$/;

/** Bucket and folder of a second place. @throws if a function cannot write there */
export function bucketOf({ name, to, s3 }: CopyPlace): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, prefix = ''] = S3_PLACE.exec(to) ?? [];
  if (bucket === undefined)
    throw new Error(`copy.${name}.to is '${to}'; on AWS give s3://bucket or s3://bucket/prefix`);
  if (s3.profile !== undefined)
    throw new Error(`copy.${name}.profile is set, but a function uses its role instead`);
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/**
 * What the role that copies may do in second places: list, read, put. The bucket there must allow it as well.
 */
export function copyStatements(scope: Construct, places: readonly CopyPlace[]): PolicyStatement[] {
  return places.flatMap((place, i) => {
    const { bucket, prefix } = bucketOf(place);
    const arn = bucketArn(scope, bucket);
    const resources = COPIED.map((folder) => `${arn}/${prefix}${folder}`);
    return [
      new PolicyStatement({ sid: `List${i}`, actions: ['s3:ListBucket'], resources: [arn] }),
      new PolicyStatement({ sid: `Compare${i}`, actions: ['s3:GetObject'], resources }),
      new PolicyStatement({ sid: `Copy${i}`, actions: ['s3:PutObject'], resources }),
    ];
  });
}

/** The rights to see how far second places are behind: their lists. */
export function copyListStatements(scope: Construct, places: readonly CopyPlace[]): PolicyStatement[] {
  if (places.length === 0) return [];
  const resources = places.map((place) => bucketArn(scope, bucketOf(place).bucket));
  return [new PolicyStatement({ sid: 'ListCopies', actions: ['s3:ListBucket'], resources })];
}

function bucketArn(scope: Construct, bucket: string): string {
  return Stack.of(scope).formatArn({ service: 's3', region: '', account: '', resource: bucket });
}

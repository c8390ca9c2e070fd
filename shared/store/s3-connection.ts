import { createHash } from 'node:crypto';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { HoldfastError } from '../core/errors.ts';

/** A place in S3, or in a store that speaks S3, and how it is reached. */
export interface S3Connection {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** @default the SDK's chain: environment, profile; with an endpoint, `us-east-1` where that has none */
  readonly region?: string | undefined;
  /** Of an S3-compatible store. */
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Of the AWS configuration files: its region and login. @default the SDK's chain */
  readonly profile?: string | undefined;
  /** @default the SDK's chain: environment, profile, role */
  readonly credentials?:
    | {
        readonly accessKeyId: string;
        readonly secretAccessKey: string;
        readonly sessionToken?: string;
      }
    | undefined;
}

/** Stores that only speak S3 mostly take any region in a signature, and this one always. */
const FALLBACK_REGION = 'us-east-1';

/** What every client of a connection is made with. */
export function clientConfig({
  region,
  endpoint,
  forcePathStyle,
  profile,
  credentials,
}: S3Connection): S3ClientConfig {
  return {
    // Stores that only speak S3 refuse the trailing checksums that the SDK sends by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    region: region ?? (() => regionOfChain(profile, endpoint ? FALLBACK_REGION : undefined)),
    ...(profile ? { profile } : {}),
    ...(endpoint ? { endpoint, forcePathStyle: forcePathStyle ?? true } : {}),
    ...(credentials ? { credentials } : {}),
  };
}

/** A body's checksum as S3 takes it. Buckets with Object Lock refuse what is put without one. */
export function s3Checksum(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64');
}

async function regionOfChain(profile: string | undefined, fallback: string | undefined): Promise<string> {
  try {
    return await new S3Client(profile ? { profile } : {}).config.region();
  } catch (error) {
    if (fallback !== undefined) return fallback;
    throw new HoldfastError('E_CONFIG', 'no AWS region is set', {
      cause: error,
      hint: 'Set s3.region in the configuration, BACKUP_S3_REGION or AWS_REGION to where the bucket is.',
    });
  }
}

import { createHash } from 'node:crypto';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { HoldfastError } from '../core/errors.ts';

/** A place in S3, or in an S3-compatible store, and how to reach it. */
export interface S3Connection {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  /** @default the SDK's chain: environment, profile; with an endpoint, `us-east-1` if those set none */
  readonly region?: string | undefined;
  /** Endpoint of an S3-compatible store. */
  readonly endpoint?: string | undefined;
  readonly forcePathStyle?: boolean | undefined;
  /** Profile in the AWS configuration files, for its region and login. @default the SDK's chain */
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

/** S3-compatible stores mostly accept any region in a signature, and always this one. */
const FALLBACK_REGION = 'us-east-1';

/** Options for every client of a connection. */
export function clientConfig({
  region,
  endpoint,
  forcePathStyle,
  profile,
  credentials,
}: S3Connection): S3ClientConfig {
  return {
    // S3-compatible stores refuse the trailing checksums that the SDK sends by default.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    region: region ?? (() => regionOfChain(profile, endpoint ? FALLBACK_REGION : undefined)),
    ...(profile ? { profile } : {}),
    ...(endpoint ? { endpoint, forcePathStyle: forcePathStyle ?? true } : {}),
    ...(credentials ? { credentials } : {}),
  };
}

/** A body's checksum as S3 takes it. Buckets with Object Lock refuse a put without one. */
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
      hint: "Set s3.region in the configuration, BACKUP_S3_REGION or AWS_REGION to the bucket's region.",
    });
  }
}

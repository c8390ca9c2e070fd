import { S3Client } from '@aws-sdk/client-s3';

/**
 * Credentials as the SDK finds them: environment, profile, role. In a file of its own, which is loaded when it is used: a dynamic import
 * of the SDK itself would bring all of it into every bundle.
 *
 * @throws the SDK's error
 */
export function credentialsOfChain(region: string | undefined) {
  return new S3Client({ ...(region === undefined ? {} : { region }) }).config.credentials();
}

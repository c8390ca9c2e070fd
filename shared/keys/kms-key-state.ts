import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { isHoldfastError } from '../core/errors.ts';
import { fromKmsError } from './kms-errors.ts';
import { regionOfKey } from './kms-key-provider.ts';

/** What KMS says about a key. */
export interface KmsKeyState {
  readonly arn: string;
  /** `Enabled`, `Disabled`, `PendingDeletion`, … */
  readonly state: string;
  readonly isSymmetric: boolean;
  readonly deletionAt: Date | undefined;
}

/**
 * Undefined if the credentials may not ask; no backup needs that permission. @throws E_KEY_DENIED,
 * E_KEY_UNAVAILABLE, E_ABORTED
 */
export async function readKmsKeyState(
  keyId: string,
  { region, signal }: { readonly region: string | undefined; readonly signal: AbortSignal },
): Promise<KmsKeyState | undefined> {
  const where = regionOfKey(keyId) ?? region;
  const client = new KMSClient(where === undefined ? {} : { region: where });
  try {
    const command = new DescribeKeyCommand({ KeyId: keyId });
    const { KeyMetadata } = await client.send(command, { abortSignal: signal });
    const { Arn = keyId, KeyState = 'Enabled', KeyUsage, KeySpec, DeletionDate } = KeyMetadata ?? {};
    const isSymmetric =
      (KeyUsage ?? 'ENCRYPT_DECRYPT') === 'ENCRYPT_DECRYPT' &&
      (KeySpec ?? 'SYMMETRIC_DEFAULT') === 'SYMMETRIC_DEFAULT';
    return { arn: Arn, state: KeyState, isSymmetric, deletionAt: DeletionDate };
  } catch (error) {
    if (error instanceof Error && error.name === 'AccessDeniedException') return undefined;
    const problem = fromKmsError(error, { key: keyId, what: 'describe its state', signal });
    if (isHoldfastError(problem)) throw problem;
    throw error;
  } finally {
    client.destroy();
  }
}

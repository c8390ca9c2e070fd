import { type Check, type CheckResult, differs, holds, unknown } from '../../sources/source-checks.ts';
import type { KeyLook } from './key-checks.ts';

/** The state of the key, as KMS reports it. Functions may not ask. */
export const KEY_STATE: Check<KeyLook> = {
  name: 'key-state',
  assumes: 'The key is enabled, and nobody has scheduled its deletion.',
  neededFor: 'backup',
  follows: 'Without the key every backup is lost.',
  needs: 'key',
  slow: { code: 'E_KEY_UNAVAILABLE', fix: 'Check the network to KMS: a route, or an endpoint in the VPC.' },
  look: (look, signal) => judgeState(look, signal),
};

async function judgeState({ config }: KeyLook, signal: AbortSignal): Promise<CheckResult> {
  if (config.kmsKey === undefined) return holds('a key of 64 hex digits has no state');
  const { readKmsKeyState } = await import('../../keys/kms-key-state.ts');
  const found = await readKmsKeyState(config.kmsKey, { region: config.s3?.region, signal });
  if (!found) return unknown('these credentials may not ask (kms:DescribeKey), but no backup needs that');
  const { state, isSymmetric, deletionAt, arn } = found;
  if (deletionAt !== undefined || state === 'PendingDeletion')
    return differs(
      `it is scheduled for deletion${deletionAt ? ` on ${deletionAt.toISOString().slice(0, 10)}` : ''}`,
      {
        code: 'E_KEY_DENIED',
        fix: `Cancel the deletion at once: aws kms cancel-key-deletion --key-id ${arn}, then aws kms enable-key --key-id ${arn}. Without the key every backup is lost.`,
      },
    );
  if (!isSymmetric)
    return differs('it is not a symmetric encryption key', {
      code: 'E_BAD_KEY',
      fix: 'Give a key of usage ENCRYPT_DECRYPT and spec SYMMETRIC_DEFAULT.',
    });
  if (state === 'Enabled') return holds('enabled');
  return differs(`its state is ${state}`, {
    code: 'E_KEY_DENIED',
    fix: `Enable it: aws kms enable-key --key-id ${arn}`,
  });
}

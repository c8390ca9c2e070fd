import { randomBytes } from 'node:crypto';
import { Signatures } from '../../repository/keys/signatures.ts';
import { type Check, holds, unknown } from '../../sources/source-checks.ts';
import { openSigning } from '../keys/signing.ts';
import type { RepositoryConfig } from '../open-repository.ts';
import type { KeyLook } from './key-checks.ts';

/** Whether the signer of backups signs, with a trusted key; none if nothing signs and nothing has to. */
export function signingChecks({ signing }: Pick<RepositoryConfig, 'signing'>): readonly Check<KeyLook>[] {
  const isUsed = signing && (signing.isRequired || signing.pem !== undefined || signing.kmsKey !== undefined);
  return isUsed ? [SIGNS] : [];
}

const SIGNS: Check<KeyLook> = {
  name: 'key-signs',
  assumes: 'The signing key works, and its public half is one of signing.publicKeys.',
  neededFor: 'backup',
  follows: 'No backup can be listed.',
  slow: { code: 'E_KEY_UNAVAILABLE', fix: 'Check the network to KMS: a route, or an endpoint in the VPC.' },
  look: async ({ config }, signal) => {
    const sign = new Signatures(await openSigning(config)).sign(signal);
    if (!sign) return unknown('nothing signs');
    // Bytes that nobody would take for a manifest or a report.
    const { key, alg } = await sign(randomBytes(32));
    return holds(`it is ${key}, ${alg}`);
  },
};

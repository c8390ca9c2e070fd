import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';

/** How signatures are made. */
export type SignatureAlgorithm = 'Ed25519' | 'ES256';

/** A key that checks signatures. It makes none. */
export interface PublicKey {
  /** First 32 digits of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly id: string;
  readonly alg: SignatureAlgorithm;
  /** SubjectPublicKeyInfo in base64, on one line, as a configuration names it. */
  readonly text: string;
  /** Whether this signature is valid for these bytes. @param value base64 */
  isOf(body: Uint8Array, value: string): boolean;
}

/** @param text a SubjectPublicKeyInfo in base64 or PEM. @throws E_BAD_KEY */
export function parsePublicKey(text: string): PublicKey {
  const base64 = text.replaceAll(/-----(BEGIN|END) PUBLIC KEY-----|\s/g, '');
  try {
    return publicKeyOf(createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' }));
  } catch (cause) {
    throw cause instanceof HoldfastError ? cause : unfit(cause);
  }
}

/** @param key public or private. @throws E_BAD_KEY unless it is Ed25519 or on the curve P-256 */
export function publicKeyOf(key: KeyObject): PublicKey {
  const own = key.type === 'private' ? createPublicKey(key) : key;
  const spki = own.export({ format: 'der', type: 'spki' });
  const alg = algorithmOf(own);
  return {
    id: createHash('sha256').update(spki).digest('hex').slice(0, 32),
    alg,
    text: spki.toString('base64'),
    isOf: (body, value) => verify(DIGESTS[alg], body, own, Buffer.from(value, 'base64')),
  };
}

/** Ed25519 takes the bytes unhashed. */
export const DIGESTS: Readonly<Record<SignatureAlgorithm, string | null>> = {
  Ed25519: null,
  ES256: 'sha256',
};

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SignatureAlgorithm {
  if (asymmetricKeyType === 'ed25519') return 'Ed25519';
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  throw unfit();
}

function unfit(cause?: unknown): HoldfastError {
  return new HoldfastError('E_BAD_KEY', 'a signing key must be Ed25519 or on the curve P-256', {
    cause,
    hint: 'Make one with `holdfast keys signing new FILE`, or name a KMS key of the spec ECC_NIST_P256. A public key is the base64 of a SubjectPublicKeyInfo, or PEM.',
  });
}

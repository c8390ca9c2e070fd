import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';

export type SignatureAlgorithm = 'Ed25519' | 'ES256';

/** A key that signatures are checked with. It makes none. */
export interface PublicKey {
  /** The start (32 digits) of the SHA-256 of its SubjectPublicKeyInfo. */
  readonly id: string;
  readonly alg: SignatureAlgorithm;
  /** SubjectPublicKeyInfo in base64, on one line: what a configuration names it by. */
  readonly text: string;
  /** Whether it is of these bytes. @param value base64 */
  isOf(body: Uint8Array, value: string): boolean;
}

/** @param text base64 of a SubjectPublicKeyInfo, or the same as PEM. @throws E_BAD_KEY */
export function parsePublicKey(text: string): PublicKey {
  const base64 = text.replaceAll(/-----(BEGIN|END) PUBLIC KEY-----|\s/g, '');
  try {
    return publicKeyOf(createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' }));
  } catch (cause) {
    throw cause instanceof HoldfastError ? cause : unfit(cause);
  }
}

/** @param key public or private. @throws E_BAD_KEY unless it is Ed25519, or of the curve P-256 */
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

/** Ed25519 takes the bytes as they are. */
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
  return new HoldfastError('E_BAD_KEY', 'a key for signatures is neither Ed25519 nor of the curve P-256', {
    cause,
    hint: 'Make one with `holdfast keys signing new FILE`, or name a KMS key of the spec ECC_NIST_P256. Its public half is base64 of a SubjectPublicKeyInfo, or PEM.',
  });
}

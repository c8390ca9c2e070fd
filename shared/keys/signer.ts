import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import { DIGESTS, type PublicKey, publicKeyOf, type SignatureAlgorithm } from './public-key.ts';

/** Signs as its holder. Its shape is KMS's Sign and GetPublicKey. */
export interface Signer {
  /** @throws E_BAD_KEY, E_KEY_DENIED, E_KEY_UNAVAILABLE */
  publicKey(signal?: AbortSignal): Promise<PublicKey>;
  /** @throws E_BAD_KEY, E_KEY_DENIED, E_KEY_UNAVAILABLE */
  sign(
    body: Uint8Array,
    signal?: AbortSignal,
  ): Promise<{ readonly key: string; readonly alg: SignatureAlgorithm; readonly value: string }>;
}

/** A private key in this process's memory. */
export class LocalSigner implements Signer {
  readonly #key: KeyObject;
  readonly #public: PublicKey;

  /** @param pem PKCS #8 or SEC 1, without a passphrase. @throws E_BAD_KEY */
  constructor(pem: string) {
    this.#key = parsePem(pem);
    this.#public = publicKeyOf(this.#key);
  }

  async publicKey(): Promise<PublicKey> {
    return this.#public;
  }

  async sign(body: Uint8Array) {
    const { id: key, alg } = this.#public;
    return { key, alg, value: sign(DIGESTS[alg], body, this.#key).toString('base64') };
  }
}

/** A new private key, Ed25519, as PEM. Secret. */
export function newSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** No message contains the text. */
function parsePem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new HoldfastError('E_BAD_KEY', 'the signing key is not a private key in PEM without a passphrase', {
      hint: 'Make one with `holdfast keys signing new FILE`.',
    });
  }
}

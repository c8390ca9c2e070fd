import { createHash } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import { type Sign, signatureOf } from '../../format/signature.ts';
import type { PublicKey } from '../../keys/public-key.ts';
import type { Signer } from '../../keys/signer.ts';

/** What signs, and what is trusted. */
export interface SignatureOptions {
  /** Signs manifests and decisions. @default nobody */
  readonly signer?: Signer | undefined;
  /** Whose signatures are trusted: pinned, never taken from the repository. @default nobody's */
  readonly publicKeys?: readonly PublicKey[] | undefined;
  /** Nothing without a signature by one of these is trusted, whatever its MAC. @default false */
  readonly isRequired?: boolean | undefined;
}

/** A signature as it was found. */
export interface SeenSignature {
  /** Id of the public key. */
  readonly key: string;
  readonly alg: 'Ed25519' | 'ES256';
  /** `unknown-key`: it is not one of `publicKeys`. */
  readonly state: 'right' | 'wrong' | 'unknown-key';
}

/** Whether somebody signed later for an unsigned object with this SHA-256. */
export type IsAdopted = (sha256: string) => Promise<boolean>;

/** Who signs here, and whose signatures are trusted. */
export class Signatures {
  readonly isRequired: boolean;
  readonly #signer: Signer | undefined;
  readonly #trusted: ReadonlyMap<string, PublicKey>;

  constructor({ signer, publicKeys = [], isRequired = false }: SignatureOptions = {}) {
    this.#signer = signer;
    this.#trusted = new Map(publicKeys.map((key) => [key.id, key]));
    this.isRequired = isRequired;
  }

  /** Whether there is a key that signs. */
  get hasSigner(): boolean {
    return this.#signer !== undefined;
  }

  /** A document's signature, and what the pinned keys say about it; undefined if it has none. */
  look(bytes: Uint8Array): SeenSignature | undefined {
    const found = signatureOf(bytes);
    if (!found) return undefined;
    const { key: id, alg, value } = found.signature;
    const key = this.#trusted.get(id);
    if (!key) return { key: id, alg, state: 'unknown-key' };
    return { key: id, alg, state: key.alg === alg && key.isOf(found.body, value) ? 'right' : 'wrong' };
  }

  /** Whether anybody's signatures are trusted. */
  get trustsAny(): boolean {
    return this.#trusted.size > 0;
  }

  /** @throws E_NO_KEY if signatures are required but no signing key is configured */
  refuseUnsigned(): void {
    if (this.#signer || !this.isRequired) return;
    throw new HoldfastError('E_NO_KEY', 'signing.required is set, but no signing key is configured', {
      hint: 'Set signing.keyFile or signing.kmsKey: without a signature it would not be trusted.',
    });
  }

  /**
   * The signing function; undefined if nobody signs.
   *
   * @throws E_NO_KEY as `refuseUnsigned`; E_BAD_KEY if the key is not a trusted one, or did not make the
   * signature
   */
  sign(signal: AbortSignal): Sign | undefined {
    this.refuseUnsigned();
    const signer = this.#signer;
    return signer && ((body) => this.#signed(signer, body, signal));
  }

  /**
   * Whether one of the pinned keys signed this, or signed for it later; false if no known key did, and none
   * has to.
   *
   * @throws E_DAMAGED if a signature is wrong, or is missing and required
   */
  async check(bytes: Uint8Array, what: string, isAdopted?: IsAdopted): Promise<boolean> {
    const found = signatureOf(bytes);
    const key = found && this.#trusted.get(found.signature.key);
    if (found && key) {
      const { alg, value } = found.signature;
      if (key.alg === alg && key.isOf(found.body, value)) return true;
      throw notBelieved(what, `has a signature that the key ${key.id} did not make`);
    }
    if (this.#trusted.size > 0 && (await isAdopted?.(sha256(bytes)))) return true;
    if (!this.isRequired) return false;
    throw notBelieved(
      what,
      found
        ? `is signed by the key ${found.signature.key}, which is not one of signing.publicKeys`
        : 'is not signed, but signing.required is set',
    );
  }

  async #signed(signer: Signer, body: Uint8Array, signal: AbortSignal) {
    const key = await signer.publicKey(signal);
    if (this.#trusted.size > 0 && !this.#trusted.has(key.id)) {
      throw new HoldfastError(
        'E_BAD_KEY',
        `the signing key is ${key.id}, which is not one of signing.publicKeys`,
        { hint: `Add its public half to signing.publicKeys: ${key.text}` },
      );
    }
    const signature = await signer.sign(body, signal);
    if (key.isOf(body, signature.value)) return signature;
    throw new HoldfastError('E_BAD_KEY', `the signature does not fit the public half of the key ${key.id}`, {
      hint: 'Check the signing key; nothing was written.',
    });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function notBelieved(what: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${what} ${problem}`, {
    hint: 'It is not trusted. If Holdfast wrote it before signatures were required: holdfast keys signing adopt.',
  });
}

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import { open, seal, X_WING_SUITE } from './hpke.ts';
import type { KeyContext } from './key-provider.ts';
import { decapsulateWith, encapsulateTo, recoveryPublicKey, SEED_BYTES } from './x-wing.ts';

const ID_DIGITS = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const INFO = Buffer.from('holdfast/1 recovery');

/** A key of 32 bytes, wrapped to a recovery key. Both in base64. */
export interface RecoveryWrap {
  /** The KEM's ciphertext. */
  readonly enc: string;
  /** Ciphertext and tag. */
  readonly sealed: string;
}

/** 32 hex digits that name a recovery key: a hash of its public half. */
export function recoveryKeyId(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, ID_DIGITS);
}

/** Takes no secret: a writer of backups can wrap, and cannot open. @throws E_KEY_UNAVAILABLE, E_BAD_KEY */
export function wrapToRecoveryKey(
  publicKey: Uint8Array,
  plain: Uint8Array,
  context: KeyContext,
): RecoveryWrap {
  const { secret, ciphertext } = encapsulateTo(publicKey);
  const message = { secret, info: INFO, associated: associated(context) };
  const sealed = seal(X_WING_SUITE, message, plain);
  return { enc: ciphertext.toString('base64'), sealed: sealed.toString('base64') };
}

/** The private half of a repository's recovery key. It is on paper; only `recover` has it in memory. */
export class RecoveryKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
  readonly #seed: Buffer;

  /** @param seed 32 random bytes. @throws E_BAD_KEY, E_KEY_UNAVAILABLE */
  constructor(seed: Uint8Array) {
    this.#seed = Buffer.from(seed);
    this.publicKey = recoveryPublicKey(seed);
    this.id = recoveryKeyId(this.publicKey);
  }

  /** @returns the key, and its seed for the sheet */
  static generate(): { readonly key: RecoveryKey; readonly seed: Uint8Array } {
    const seed = randomBytes(SEED_BYTES);
    return { key: new RecoveryKey(seed), seed };
  }

  /** Undefined if it was not wrapped for this context. */
  unwrap({ enc, sealed }: RecoveryWrap, context: KeyContext): Uint8Array | undefined {
    const secret = decapsulateWith(this.#seed, Buffer.from(enc, 'base64'));
    const message = { secret, info: INFO, associated: associated(context) };
    const plain = open(X_WING_SUITE, message, Buffer.from(sealed, 'base64'));
    return plain?.length === KEY_BYTES ? plain : undefined;
  }

  /**
   * Seals the repository's secret under the private half itself. Anybody can wrap to the public half, but
   * only the holder of the private half can have made this. So everything that the secret authenticates can
   * be trusted.
   *
   * @returns base64 of nonce, ciphertext and tag
   */
  sealSecret(secret: Uint8Array, repository: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#secretKey(repository), nonce);
    cipher.setAAD(this.#secretContext(repository));
    const sealed = [nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat(sealed).toString('base64');
  }

  /** @throws E_DAMAGED if this key did not seal it for this repository */
  openSecret(sealed: string, repository: string): Uint8Array {
    const bytes = Buffer.from(sealed, 'base64');
    const problem = `the secret that recovery key ${this.id} sealed was changed in the repository`;
    if (bytes.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) throw new HoldfastError('E_DAMAGED', problem);
    const key = this.#secretKey(repository);
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(this.#secretContext(repository)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw new HoldfastError('E_DAMAGED', problem, { cause });
    }
  }

  #secretKey(repository: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#seed, repository, 'holdfast/1 recovery secret', KEY_BYTES));
  }

  #secretContext(repository: string): Buffer {
    return Buffer.from(`${repository}/${this.id}/repository`);
  }
}

function associated({ repository, run, purpose }: KeyContext): Buffer {
  return Buffer.from(`${repository}/${run}/${purpose}`);
}

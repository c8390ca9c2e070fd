import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { randomFor } from '../core/bound-random.ts';
import { HoldfastError } from '../core/errors.ts';
import { type KeyContext, type KeyProvider, type WrappedKey, wrongKey } from './key-provider.ts';

const HEX_256 = /^[0-9a-fA-F]{64}$/;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DATA_KEY_BYTES = 32;

/**
 * A root key given as 64 hex digits.
 *
 * A data key is wrapped as nonce (12) | AES-256-GCM ciphertext (32) | tag (16), under
 * HKDF-SHA-256(root, salt = repository id, info = `holdfast/1 wrap`), with the context as associated data.
 */
export class HexKeyProvider implements KeyProvider {
  readonly rootKeyId: string;
  readonly #root: Buffer;
  /** For the repository that was asked for last. */
  #wrapping: { readonly repository: string; readonly key: KeyObject } | undefined;

  /** @throws E_BAD_KEY; the message never contains the key */
  constructor(hexKey: string) {
    if (!HEX_256.test(hexKey)) {
      const length = hexKey.length === 64 ? 'with other characters' : `of ${hexKey.length} characters`;
      throw new HoldfastError('E_BAD_KEY', `the encryption key must be 64 hex digits, got a text ${length}`, {
        hint: 'Look up the key that `holdfast init` was run with; to make a key for a new repository, run `openssl rand -hex 32`.',
      });
    }
    this.#root = Buffer.from(hexKey, 'hex');
    this.rootKeyId = `hex:${hkdf(this.#root, '', 'holdfast/1 root key id').toString('hex', 0, 8)}`;
  }

  opens(rootKeyId: string): boolean {
    return rootKeyId === this.rootKeyId;
  }

  async generateDataKey(context: KeyContext): Promise<WrappedKey & { readonly plain: Uint8Array }> {
    const plain = randomFor(DATA_KEY_BYTES, associated(context));
    return { ...(await this.wrapKey(plain, context)), plain };
  }

  async wrapKey(plain: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    // Under one root key no nonce is used for two things.
    const nonce = randomFor(NONCE_BYTES, associated(context), plain);
    const cipher = createCipheriv('aes-256-gcm', this.#wrappingKey(context), nonce).setAAD(
      associated(context),
    );
    const wrapped = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return { rootKeyId: this.rootKeyId, wrapped: wrapped.toString('base64') };
  }

  exportRootKey(): Uint8Array {
    return Buffer.from(this.#root);
  }

  async unwrapDataKey({ rootKeyId, wrapped }: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    if (rootKeyId !== this.rootKeyId) throw wrongKey(rootKeyId, this.rootKeyId);
    const bytes = Buffer.from(wrapped, 'base64');
    if (bytes.length !== NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES) throw damaged(context);
    const decipher = createDecipheriv(
      'aes-256-gcm',
      this.#wrappingKey(context),
      bytes.subarray(0, NONCE_BYTES),
      {
        authTagLength: TAG_BYTES,
      },
    );
    decipher.setAAD(associated(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    } catch {
      throw damaged(context);
    }
  }

  #wrappingKey({ repository }: KeyContext): KeyObject {
    if (this.#wrapping?.repository !== repository)
      this.#wrapping = { repository, key: createSecretKey(hkdf(this.#root, repository, 'holdfast/1 wrap')) };
    return this.#wrapping.key;
  }
}

/** Random bytes have at least this many different values among 32. */
const LEAST_DIFFERENT_BYTES = 12;

/** For a key that somebody chooses: a key that is easily guessed protects nothing. @throws E_BAD_KEY */
export function refuseWeakKey(hexKey: string): void {
  const different = new Set(Buffer.from(hexKey, 'hex')).size;
  if (different >= LEAST_DIFFERENT_BYTES) return;
  throw new HoldfastError(
    'E_BAD_KEY',
    `the new key is not random: only ${different} of its 32 bytes are different`,
    { hint: 'Let --new-key FILE make one, or run `openssl rand -hex 32`.' },
  );
}

function hkdf(key: Uint8Array, salt: string, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, 32));
}

function associated({ repository, run, purpose, source }: KeyContext): Buffer {
  return Buffer.from([repository, run, purpose, ...(source === undefined ? [] : [source])].join('/'));
}

function damaged({ run, purpose }: KeyContext): HoldfastError {
  return new HoldfastError(
    'E_DAMAGED',
    `the wrapped ${purpose} key of run ${run} was changed after it was written`,
    {
      hint: 'Restore the object that holds it from a copy or an older version of it.',
    },
  );
}

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import type { KeyContext, KeyProvider, WrappedKey } from './key-provider.ts';

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

  /** @throws E_BAD_KEY; the key itself is in no message */
  constructor(hexKey: string) {
    if (!HEX_256.test(hexKey)) {
      const length = hexKey.length === 64 ? 'with other characters' : `of ${hexKey.length} characters`;
      throw new HoldfastError('E_BAD_KEY', `the encryption key must be 64 hex digits, got a text ${length}`, {
        hint: 'Look up the key that `holdfast init` was run with; `openssl rand -hex 32` makes one for a new repository.',
      });
    }
    this.#root = Buffer.from(hexKey, 'hex');
    this.rootKeyId = `hex:${hkdf(this.#root, '', 'holdfast/1 root key id').toString('hex', 0, 8)}`;
  }

  async generateDataKey(context: KeyContext): Promise<WrappedKey & { readonly plain: Uint8Array }> {
    const plain = randomBytes(DATA_KEY_BYTES);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#wrappingKey(context), nonce).setAAD(
      associated(context),
    );
    const wrapped = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return { rootKeyId: this.rootKeyId, wrapped: wrapped.toString('base64'), plain };
  }

  async unwrapDataKey({ rootKeyId, wrapped }: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    if (rootKeyId !== this.rootKeyId) {
      throw new HoldfastError(
        'E_WRONG_KEY',
        `this was sealed under key ${rootKeyId}; the configured key is ${this.rootKeyId}`,
        {
          hint: 'Configure the key that the repository was made with; nothing is damaged.',
          details: { wanted: rootKeyId, configured: this.rootKeyId },
        },
      );
    }
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

  #wrappingKey(context: KeyContext): Buffer {
    return hkdf(this.#root, context.repository, 'holdfast/1 wrap');
  }
}

function hkdf(key: Uint8Array, salt: string, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, 32));
}

function associated({ repository, run, purpose }: KeyContext): Buffer {
  return Buffer.from(`${repository}/${run}/${purpose}`);
}

function damaged({ run, purpose }: KeyContext): HoldfastError {
  return new HoldfastError('E_DAMAGED', `the wrapped ${purpose} key of run ${run} is not what was written`, {
    hint: 'Restore the object that holds it from a copy or an older version of it.',
  });
}

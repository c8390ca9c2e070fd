import { createDecipheriv, createHash } from 'node:crypto';

const KEY_BYTES = 32;
const IV_BYTES = 12;

/**
 * Key and IV as OpenSSL's `EVP_BytesToKey` makes them of a passphrase: MD5, once, without salt. Node's `createCipher`, which
 * Node 22 removed, took them so.
 */
export function deriveOriginalKey(passphrase: Uint8Array): { readonly key: Buffer; readonly iv: Buffer } {
  let all = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (all.length < KEY_BYTES + IV_BYTES) {
    last = createHash('md5').update(last).update(passphrase).digest();
    all = Buffer.concat([all, last]);
  }
  return { key: all.subarray(0, KEY_BYTES), iv: all.subarray(KEY_BYTES, KEY_BYTES + IV_BYTES) };
}

/** Decrypts AES-256-GCM piece by piece. There is no tag: nothing proves that the bytes are what was encrypted. */
export function originalDecipher(passphrase: Uint8Array): (bytes: Buffer) => Buffer {
  const { key, iv } = deriveOriginalKey(passphrase);
  const decipher = createDecipheriv('aes-256-gcm', key, iv);
  return (bytes) => decipher.update(bytes);
}

import { createCipheriv } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { TEST_KEY } from '../repository/engine.ts';

/** What `openssl enc -aes-256-cbc -md md5 -nosalt -P -k PASSPHRASE` prints as key and iv. */
const DERIVED: Readonly<Record<string, { readonly key: string; readonly iv: string }>> = {
  'correct horse': {
    key: '3cb4e732631f47e6eb961f34554b7cde8ace33bdac244269f1a356b6733e4cf5',
    iv: '1f7ae7d9c7ace0d0538689077f7cebeb',
  },
  [TEST_KEY]: {
    key: '28cd73447ffe5d9912a2edbbb90742dd45c159c8be0d850576a9ac50c5ee5b05',
    iv: '0468648fc4b16fb72cd3f230966b4ece',
  },
};

export const ORIGINAL_PASSPHRASE = 'correct horse';

/** Encrypts as Node's removed `createCipher('aes-256-gcm', passphrase)` did, without its tag, as hex digits. */
export function encryptAsOriginal(text: string, passphrase = ORIGINAL_PASSPHRASE): string {
  const derived = DERIVED[passphrase];
  if (!derived) throw new Error('no key is known of that passphrase');
  const iv = Buffer.from(derived.iv, 'hex').subarray(0, 12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(derived.key, 'hex'), iv);
  return cipher.update(text, 'utf8', 'hex') + cipher.final('hex');
}

/** A file of the original system with all that it could have on. */
export function originalFile(metadata: object, data: unknown, passphrase = ORIGINAL_PASSPHRASE): Buffer {
  return gzipSync(encryptAsOriginal(JSON.stringify({ metadata, data }, null, 2), passphrase));
}

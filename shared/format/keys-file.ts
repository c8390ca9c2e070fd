import { createHash, createHmac, hkdfSync } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { DOCUMENT_VERSION } from '../core/format-version.ts';
import { encodeAuthenticated, isAuthentic, parseAuthenticated } from './authenticated-json.ts';
import { problems, refuseNewer } from './manifest.ts';

/** What keys of such objects begin with. */
export const KEYS_PREFIX = 'keys/';
const KEYS_FORMAT = 'holdfast-keys';
const KEY = /^keys\/[0-9a-f]{32}\.json$/;
const wrapped = z.object({ rootKeyId: z.string(), wrapped: z.base64() });

const KeysFile = z.object({
  format: z.literal(KEYS_FORMAT),
  version: z.literal(DOCUMENT_VERSION),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  /** Its own object key. */
  key: z.string(),
  /** The root key that opens the others. */
  rootKeyId: z.string(),
  createdAt: z.iso.datetime(),
  /** Every older root key of the repository, each wrapped under this one. `rootKeyId` is the older key's own. */
  older: z.array(wrapped).min(1).max(1000),
  /**
   * A proof by each older root key that `rootKeyId` replaces it: the holder of just the older key cannot
   * check a MAC of this object. Missing in older objects.
   */
  vouchers: z
    .array(z.object({ rootKeyId: z.string(), mac: z.string().regex(/^[0-9a-f]{64}$/) }))
    .max(1000)
    .optional(),
  /**
   * The object that holds the SHA-256s of everything signed before the change, and their number: of older
   * keys' signatures, only these are trusted. Missing in older objects: then all are.
   */
  signedBefore: z
    .object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), count: z.number().int().min(0) })
    .optional(),
  /** The key of the MAC, wrapped under `rootKeyId`. */
  seal: wrapped,
});

/** docs/reference/format.md, "Keys". */
export type KeysFile = Readonly<z.infer<typeof KeysFile>>;

/** Path of a root key's object: ids hold characters that object paths may not. */
export function keysFileKey(rootKeyId: string): string {
  return `${KEYS_PREFIX}${createHash('sha256').update(rootKeyId).digest('hex').slice(0, 32)}.json`;
}

/** Whether an object wraps older root keys, by its key. */
export function isKeysFileKey(key: string): boolean {
  return KEY.test(key);
}

/** Older root keys as they are stored, wrapped under the present one. */
export function encodeKeysFile(file: Omit<KeysFile, 'format' | 'version'>, seal: Uint8Array): Buffer {
  return encodeAuthenticated({ format: KEYS_FORMAT, version: DOCUMENT_VERSION, ...file }, macKey(seal));
}

/** @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseKeysFile(bytes: Uint8Array, key: string): KeysFile {
  const document = parseAuthenticated(bytes, key);
  refuseNewer(document, KEYS_FORMAT, key);
  const parsed = KeysFile.safeParse(document);
  if (!parsed.success)
    throw new HoldfastError('E_DAMAGED', `${key} does not hold keys: ${problems(parsed.error)}`);
  if (parsed.data.key !== key || keysFileKey(parsed.data.rootKeyId) !== key)
    throw new HoldfastError('E_DAMAGED', `${key} holds the keys of ${parsed.data.key}`, {
      hint: 'Move the object back to its own path.',
    });
  return parsed.data;
}

/** @throws E_DAMAGED if it was changed */
export function checkKeysFile(bytes: Uint8Array, key: string, seal: Uint8Array): void {
  if (isAuthentic(bytes, macKey(seal))) return;
  throw new HoldfastError('E_DAMAGED', `${key} was changed after it was written`, {
    hint: 'Restore it from an older version of the object; the older key still opens what it opened before.',
  });
}

/** A proof, made with an older root key's 32 bytes, of the key that replaces it: hex. */
export function voucherOf(
  olderKey: Uint8Array,
  { repository, rootKeyId }: Pick<KeysFile, 'repository' | 'rootKeyId'>,
): string {
  const key = Buffer.from(hkdfSync('sha256', olderKey, repository, 'holdfast/1 successor', 32));
  return createHmac('sha256', key).update(rootKeyId).digest('hex');
}

function macKey(seal: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', seal, new Uint8Array(0), 'holdfast/1 keys', 32));
}

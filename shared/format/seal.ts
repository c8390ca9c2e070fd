import { createCipheriv, createDecipheriv, hkdfSync, timingSafeEqual } from 'node:crypto';
import { release } from '../core/buffer-memory.ts';
import { HoldfastError } from '../core/errors.ts';
import { parseRunKeyId, type RunKeyId } from '../core/ids.ts';

/** What a pack's items are, and so which key of its run seals them. */
export type PackPurpose = 'data' | 'index';

export const PACK_HEADER_BYTES = 88;
export const TAG_BYTES = 16;

const MAGIC = Buffer.from('HFPK');
const VERSION = 1;
/** AES-256-GCM under HKDF-SHA-256. */
const ALGORITHM = 1;
const PURPOSES: readonly PackPurpose[] = ['data', 'index'];

export interface PackHeader {
  readonly purpose: PackPurpose;
  readonly runKeyId: RunKeyId;
  readonly salt: Buffer;
  readonly commitment: Buffer;
}

/** A pack's key, and the header bytes that every item of it is bound to. */
export interface PackSeal {
  readonly key: Uint8Array;
  readonly header: Uint8Array;
}

/** Makes the header and key of a new pack. `salt`: 32 fresh random bytes. */
export function newPackSeal(
  purpose: PackPurpose,
  runKeyId: RunKeyId,
  runKey: Uint8Array,
  salt: Uint8Array,
): PackSeal {
  const { key, commitment } = derive(runKey, salt);
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  MAGIC.copy(header, 0);
  header[4] = VERSION;
  header[5] = ALGORITHM;
  header[6] = PURPOSES.indexOf(purpose) + 1;
  header.write(runKeyId, 8, 16, 'hex');
  header.set(salt, 24);
  header.set(commitment, 56);
  return { key, header };
}

/** @throws E_DAMAGED, E_NEWER_FORMAT */
export function parsePackHeader(bytes: Uint8Array, packName: string): PackHeader {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.length < PACK_HEADER_BYTES || !header.subarray(0, 4).equals(MAGIC)) {
    throw new HoldfastError('E_DAMAGED', `${packName} does not begin with a pack header`);
  }
  if (header[4] !== VERSION || header[5] !== ALGORITHM) {
    throw new HoldfastError(
      'E_NEWER_FORMAT',
      `${packName} is of pack version ${header[4]}, algorithm ${header[5]}; this release reads ${VERSION}, ${ALGORITHM}`,
      { hint: 'Install the newest release.' },
    );
  }
  const purpose = PURPOSES[(header[6] ?? 0) - 1];
  if (!purpose || header[7] !== 0) {
    throw new HoldfastError(
      'E_DAMAGED',
      `${packName} has purpose ${header[6]} in its header, known are 1 and 2`,
    );
  }
  return {
    purpose,
    runKeyId: parseRunKeyId(header.toString('hex', 8, 24)),
    salt: header.subarray(24, 56),
    commitment: header.subarray(56, 88),
  };
}

/**
 * The key of a stored pack.
 *
 * @throws E_WRONG_KEY where the run key is not the one that the pack was sealed with
 */
export function openPackSeal(
  bytes: Uint8Array,
  header: PackHeader,
  runKey: Uint8Array,
  packName: string,
): PackSeal {
  const { key, commitment } = derive(runKey, header.salt);
  if (!timingSafeEqual(commitment, header.commitment)) {
    throw new HoldfastError(
      'E_WRONG_KEY',
      `${packName} was sealed with another key than run key ${header.runKeyId}`,
      {
        hint: 'Restore the object from a copy of the bucket; the key for it is not in this backup.',
      },
    );
  }
  return { key, header: Buffer.from(bytes.subarray(0, PACK_HEADER_BYTES)) };
}

/** Seals one item; `offset` is where the item begins in its pack, and so its nonce. Appends the tag. */
export function sealItem(
  seal: PackSeal,
  offset: number,
  plain: Uint8Array,
  into: Buffer,
  at: number,
): number {
  const cipher = createCipheriv('aes-256-gcm', seal.key, nonce(offset));
  cipher.setAAD(seal.header);
  const body = cipher.update(plain);
  cipher.final();
  body.copy(into, at);
  const bodyBytes = body.length;
  release(body);
  cipher.getAuthTag().copy(into, at + bodyBytes);
  return bodyBytes + TAG_BYTES;
}

/** @throws E_DAMAGED */
export function openItem(seal: PackSeal, offset: number, stored: Uint8Array, what: string): Buffer {
  if (stored.length < TAG_BYTES)
    throw new HoldfastError('E_DAMAGED', `${what} has ${stored.length} bytes, fewer than a tag`);
  const decipher = createDecipheriv('aes-256-gcm', seal.key, nonce(offset), { authTagLength: TAG_BYTES });
  decipher.setAAD(seal.header);
  decipher.setAuthTag(stored.subarray(stored.length - TAG_BYTES));
  const plain = decipher.update(stored.subarray(0, stored.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw new HoldfastError('E_DAMAGED', `${what} is not what was sealed`, {
      cause,
      hint: 'Run `holdfast verify --full` to see what is affected, and restore another backup.',
    });
  }
  return plain;
}

function nonce(offset: number): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt32LE(offset % 2 ** 32, 0);
  iv.writeUInt32LE(Math.floor(offset / 2 ** 32), 4);
  return iv;
}

/** RFC 5869: 32 bytes of key, 32 bytes that commit to it (a GCM tag alone does not commit to its key). */
function derive(runKey: Uint8Array, salt: Uint8Array): { readonly key: Buffer; readonly commitment: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', runKey, salt, 'holdfast/1 pack', 64));
  return { key: bytes.subarray(0, 32), commitment: bytes.subarray(32) };
}

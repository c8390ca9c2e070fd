import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { releaseMemory } from '../core/buffer-memory.ts';
import { HoldfastError } from '../core/errors.ts';
import type { FormatVersion } from '../core/format-version.ts';
import { parseRunKeyId, type RunKeyId } from '../core/ids.ts';

/** The kind of a pack's items, which decides which key of its run seals them. */
export type PackPurpose = 'data' | 'index';

/** Bytes before the first item of a pack. */
export const PACK_HEADER_BYTES = 88;
/** Bytes that an item takes for its authentication. */
export const TAG_BYTES = 16;
/** An item of version 2 begins with its nonce. */
export const NONCE_BYTES = 12;

/** Of AES. */
const BLOCK_BYTES = 16;

const MAGIC = Buffer.from('HFPK');
const VERSIONS: readonly FormatVersion[] = [1, 2];
/** AES-256-GCM under HKDF-SHA-256. */
const ALGORITHM = 1;
const PURPOSES: readonly PackPurpose[] = ['data', 'index'];

/** What a pack begins with. */
export interface PackHeader {
  /**
   * 1 uses offsets as nonces; 2 stores nonces that depend on the sealed bytes, and hides how full a pack is.
   */
  readonly version: FormatVersion;
  readonly purpose: PackPurpose;
  readonly runKeyId: RunKeyId;
  readonly salt: Buffer;
  readonly commitment: Buffer;
}

/** A pack's key, and the header bytes that bind all its items. */
export interface PackSeal {
  readonly key: Uint8Array;
  readonly header: Uint8Array;
  /** For version 2: makes nonces. Readers need none. */
  readonly nonceKey?: Uint8Array | undefined;
}

/** Makes the header and key of a new pack. `salt`: 32 fresh random bytes. */
export function newPackSeal(
  purpose: PackPurpose,
  runKeyId: RunKeyId,
  runKey: Uint8Array,
  salt: Uint8Array,
  version: FormatVersion = 1,
): PackSeal {
  const { key, commitment, nonceKey } = derive(runKey, salt, version);
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  MAGIC.copy(header, 0);
  header[4] = version;
  header[5] = ALGORITHM;
  header[6] = PURPOSES.indexOf(purpose) + 1;
  header.write(runKeyId, 8, 16, 'hex');
  header.set(salt, 24);
  header.set(commitment, 56);
  return { key, header, nonceKey };
}

/** @throws E_DAMAGED, E_NEWER_FORMAT */
export function parsePackHeader(bytes: Uint8Array, packName: string): PackHeader {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (header.length < PACK_HEADER_BYTES || !header.subarray(0, 4).equals(MAGIC)) {
    throw new HoldfastError('E_DAMAGED', `${packName} does not begin with a pack header`);
  }
  const version = VERSIONS.find((known) => known === header[4]);
  if (!version || header[5] !== ALGORITHM) {
    throw new HoldfastError(
      'E_NEWER_FORMAT',
      `${packName} is of pack version ${header[4]}, algorithm ${header[5]}; this release reads versions ${VERSIONS.join(' and ')}, algorithm ${ALGORITHM}`,
      { hint: 'Install the newest release.' },
    );
  }
  const purpose = PURPOSES[(header[6] ?? 0) - 1];
  if (!purpose || header[7] !== 0) {
    throw new HoldfastError(
      'E_DAMAGED',
      `${packName} has purpose ${header[6]} in its header, known purposes are 1 and 2`,
    );
  }
  return {
    version,
    purpose,
    runKeyId: parseRunKeyId(header.toString('hex', 8, 24)),
    salt: header.subarray(24, 56),
    commitment: header.subarray(56, 88),
  };
}

/**
 * The key of a stored pack.
 *
 * @throws E_WRONG_KEY if this run key did not seal the pack
 */
export function openPackSeal(
  bytes: Uint8Array,
  header: PackHeader,
  runKey: Uint8Array,
  packName: string,
): PackSeal {
  const { key, commitment } = derive(runKey, header.salt, header.version);
  if (!timingSafeEqual(commitment, header.commitment)) {
    throw new HoldfastError(
      'E_WRONG_KEY',
      `${packName} was sealed with another key than run key ${header.runKeyId}`,
      {
        hint: 'Restore the object from a copy of the bucket; this backup does not hold its key.',
      },
    );
  }
  return { key, header: Buffer.from(bytes.subarray(0, PACK_HEADER_BYTES)) };
}

/** How many bytes an item takes besides its plain bytes. */
export function itemOverhead(seal: PackSeal): number {
  return TAG_BYTES + (isOfVersion1(seal) ? 0 : NONCE_BYTES);
}

/** Seals one item that begins at `offset` of its pack, into `into` from `at` on. @returns stored bytes */
export function sealItem(
  seal: PackSeal,
  offset: number,
  plain: Uint8Array,
  into: Buffer,
  at: number,
): number {
  const nonce = isOfVersion1(seal) ? nonceOf(offset) : syntheticNonce(seal, offset, plain);
  const cipher = createCipheriv('aes-256-gcm', seal.key, nonce);
  cipher.setAAD(boundTo(seal, offset));
  const body = cipher.update(plain);
  cipher.final();
  const start = at + itemOverhead(seal) - TAG_BYTES;
  if (start > at) nonce.copy(into, at);
  body.copy(into, start);
  const bodyBytes = body.length;
  releaseMemory(body);
  cipher.getAuthTag().copy(into, start + bodyBytes);
  return bodyBytes + itemOverhead(seal);
}

/** @throws E_DAMAGED */
export function openItem(seal: PackSeal, offset: number, stored: Uint8Array, what: string): Buffer {
  const least = itemOverhead(seal);
  if (stored.length < least)
    throw new HoldfastError(
      'E_DAMAGED',
      `${what} has ${stored.length} bytes, every item has at least ${least}`,
    );
  const start = least - TAG_BYTES;
  const nonce = start > 0 ? stored.subarray(0, start) : nonceOf(offset);
  const decipher = createDecipheriv('aes-256-gcm', seal.key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundTo(seal, offset));
  decipher.setAuthTag(stored.subarray(stored.length - TAG_BYTES));
  const plain = decipher.update(stored.subarray(start, stored.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw new HoldfastError('E_DAMAGED', `${what} was changed after it was sealed`, {
      cause,
      hint: 'Run `holdfast verify --full` to see what is affected, and restore another backup.',
    });
  }
  return plain;
}

/**
 * Plain bytes of a part of an item of version 2. Nothing has proven them: who uses them compares them with a digest that is proven.
 * GCM encrypts like CTR, from the second block of its counter on (NIST SP 800-38D, 7.1).
 *
 * @param from where they begin in the item's plain bytes
 */
export function decryptPart(seal: PackSeal, nonce: Uint8Array, from: number, stored: Uint8Array): Buffer {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.set(nonce);
  counter.writeUInt32BE(2 + Math.floor(from / BLOCK_BYTES), NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-ctr', seal.key, counter);
  decipher.update(Buffer.alloc(from % BLOCK_BYTES));
  return decipher.update(stored);
}

/** Whether a pack is of format 1. */
export function isOfVersion1({ header }: PackSeal): boolean {
  return header[4] === 1;
}

/** What binds an item: its pack, and in version 2 its place there, which in version 1 the nonce says. */
function boundTo(seal: PackSeal, offset: number): Uint8Array {
  return isOfVersion1(seal) ? seal.header : Buffer.concat([seal.header, offsetBytes(offset)]);
}

/** The nonce of version 1. */
function nonceOf(offset: number): Buffer {
  return Buffer.concat([offsetBytes(offset)], NONCE_BYTES);
}

/**
 * The nonce of version 2. If a machine is suspended and resumed twice, both copies fill the same place of the
 * same pack, perhaps with different bytes. Random bytes would be the same for both; a nonce that depends on
 * the sealed bytes is not.
 */
function syntheticNonce({ nonceKey }: PackSeal, offset: number, plain: Uint8Array): Buffer {
  if (!nonceKey) throw new HoldfastError('E_INTERNAL', 'a pack that was opened for reading is written to');
  const digest = createHmac('sha256', nonceKey).update(offsetBytes(offset)).update(plain).digest();
  return digest.subarray(0, NONCE_BYTES);
}

function offsetBytes(offset: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(offset));
  return bytes;
}

interface PackKeys {
  readonly key: Buffer;
  readonly commitment: Buffer;
  readonly nonceKey: Buffer | undefined;
}

/** RFC 5869: 32 bytes of key, 32 bytes that commit to it (a GCM tag alone does not commit to its key), nonce key. */
function derive(runKey: Uint8Array, salt: Uint8Array, version: FormatVersion): PackKeys {
  const length = version === 1 ? 64 : 96;
  const bytes = Buffer.from(hkdfSync('sha256', runKey, salt, `holdfast/${version} pack`, length));
  return {
    key: bytes.subarray(0, 32),
    commitment: bytes.subarray(32, 64),
    nonceKey: version === 1 ? undefined : bytes.subarray(64),
  };
}

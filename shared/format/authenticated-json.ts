import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { type ErrorCode, HoldfastError, isHoldfastError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { parseJson } from './json-text.ts';

const MAC_TAIL = /,\n"mac":"([0-9a-f]{64})"\}\n$/;
/** Bytes that such a document ends with. */
export const MAC_TAIL_BYTES = Buffer.byteLength(`,\n"mac":"${'0'.repeat(64)}"}\n`);

/**
 * A JSON document whose last member, on a line of its own, is the HMAC-SHA-256 of all bytes before that
 * member's comma. Any reader sees plain JSON; a checker sees exact bytes.
 *
 * @param before members to put between the document's own and the MAC, which covers them
 */
export function encodeAuthenticated(document: object, macKey: Uint8Array, before = ''): Buffer {
  const body = Buffer.from(JSON.stringify(document).slice(0, -1) + before);
  return Buffer.concat([body, Buffer.from(`,\n"mac":"${mac(body, macKey).toString('hex')}"}\n`)]);
}

/** The document without its `mac`; checks form only. @throws E_DAMAGED */
export function parseAuthenticated(bytes: Uint8Array, what: string): JsonObject {
  if (!MAC_TAIL.test(tailOf(bytes)))
    throw damaged(what, 'does not end as expected: it was cut short or changed');
  const document = parseJson(bytes, what);
  if (typeof document === 'object' && document !== null && !Array.isArray(document))
    return document as JsonObject;
  throw damaged(what, 'is not a JSON document');
}

/** Whether the document was written with this key, byte for byte. */
export function isAuthentic(bytes: Uint8Array, macKey: Uint8Array): boolean {
  const claimed = MAC_TAIL.exec(tailOf(bytes))?.[1];
  if (!claimed) return false;
  return timingSafeEqual(
    Buffer.from(claimed, 'hex'),
    mac(bytes.subarray(0, bytes.length - MAC_TAIL_BYTES), macKey),
  );
}

const DOCUMENT_PROBLEMS: readonly ErrorCode[] = [
  'E_DAMAGED',
  'E_NEWER_FORMAT',
  'E_FOREIGN_REPOSITORY',
  'E_WRONG_KEY',
  'E_OBJECT_UNREADABLE',
];

/**
 * Whether an error concerns one object of an open repository, not the store. As the repository opened with
 * the configured key, an object that names another key, or another version, is the exception.
 */
export function isDocumentProblem(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && DOCUMENT_PROBLEMS.includes(error.code);
}

function tailOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .subarray(-MAC_TAIL_BYTES)
    .toString('latin1');
}

function mac(body: Uint8Array, key: Uint8Array): Buffer {
  // Given a byte array, Node first checks whether it is a key object, which costs three times as much as the
  // MAC.
  return createHmac('sha256', createSecretKey(key)).update(body).digest();
}

function damaged(what: string, problem: string): HoldfastError {
  return new HoldfastError('E_DAMAGED', `${what} ${problem}`, {
    hint: 'Restore the object from a copy or an older version of it, or use another backup.',
  });
}

import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Prefix of every API key, by which secret scanners find them. */
export const API_KEY_PREFIX = 'hf_';
/** `hf_<id>_<256 random bits, then a checksum of all before it>`. */
const TOKEN = /^hf_([0-9a-f]{8})_[0-9a-f]{64}([0-9a-f]{8})$/;
const CHECKSUM_CHARS = 8;

/** An API key as its owner has it. Only its hash is kept. */
export interface NewToken {
  readonly token: string;
  /** Not secret: lists and the audit trail contain it. */
  readonly id: string;
  readonly hash: string;
}

/** A new key: its id, its secret as it is shown once, and the hash that is kept. */
export function newToken(): NewToken {
  const id = randomBytes(4).toString('hex');
  const body = `${API_KEY_PREFIX}${id}_${randomBytes(32).toString('hex')}`;
  const token = body + checksum(body);
  return { token, id, hash: hashOfToken(token) };
}

/**
 * The id in a key; undefined if the text is not a key: cut off, mistyped, or made up without the checksum.
 */
export function idOfToken(token: string): string | undefined {
  const [, id, claimed] = TOKEN.exec(token) ?? [];
  return claimed === checksum(token.slice(0, -CHECKSUM_CHARS)) ? id : undefined;
}

/** One SHA-256 is enough: nobody guesses 256 random bits, however fast each guess is. */
export function hashOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_CHARS, '0');
}

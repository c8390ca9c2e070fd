import { createHmac, randomBytes } from 'node:crypto';

/**
 * Random bytes that are others where what they are for is another thing. A machine that is stopped, and resumed twice, goes on
 * with the same state of its random generator: what is random is the same in both then, what depends on the things is not.
 *
 * @param count 32 at most
 */
export function randomFor(count: number, ...things: readonly (Uint8Array | string)[]): Buffer {
  const hmac = createHmac('sha256', randomBytes(32));
  for (const thing of things) {
    const bytes = typeof thing === 'string' ? Buffer.from(thing) : thing;
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    hmac.update(length).update(bytes);
  }
  return hmac.digest().subarray(0, count);
}

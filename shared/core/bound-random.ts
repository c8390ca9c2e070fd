import { createHmac, randomBytes } from 'node:crypto';

/**
 * Random bytes that also depend on the things they are for. A machine that is suspended and resumed twice
 * continues with the same state of its random generator both times: plain random bytes would repeat, these
 * differ if the things differ.
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

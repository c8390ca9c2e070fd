/**
 * Copies `bytes` to `at` of `target` and gives their number. For targets in shared memory: there `set` and `copy` go
 * byte by byte (1.6 GB/s), `fill` with exactly what is to be filled is one copy of memory (19 GB/s).
 *
 * @throws RangeError where there is no room for them
 */
export function copyInto(target: Buffer, at: number, bytes: Uint8Array): number {
  if (bytes.length > 0) target.fill(bytes, at, at + bytes.length);
  return bytes.length;
}

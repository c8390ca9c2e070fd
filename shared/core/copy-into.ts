/**
 * Copies `bytes` to `at` of `target` and returns their number. For targets in shared memory: there `set` and
 * `copy` go byte by byte (1.6 GB/s), while `fill` with a source of the exact length is one memory copy (19
 * GB/s).
 *
 * @throws RangeError if they do not fit
 */
export function copyInto(target: Buffer, at: number, bytes: Uint8Array): number {
  if (bytes.length > 0) target.fill(bytes, at, at + bytes.length);
  return bytes.length;
}

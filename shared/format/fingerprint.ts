/** Bytes on each side of a cut that its fingerprints cover. */
export const FINGERPRINT_BYTES = 64;

/**
 * 32-bit fingerprint of `bytes[from, to)`: FNV-1a, then MurmurHash3's 32-bit finalizer. It only finds cuts
 * again; a wrong match costs alignment, never data.
 */
export function fingerprint(bytes: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5;
  for (let i = from; i < to; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  h ^= to - from;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The keys whose hash leaves `at` when divided by `of`: what is too much at once is done for a part of the keys at a time. */
export interface KeyPart {
  readonly of: number;
  readonly at: number;
}

/** All keys. */
export const WHOLE: KeyPart = { of: 1, at: 0 };

/** In how many parts what was too much is done again. */
const PARTS = 4;
/** By then each of 16 million parts is too much: that is one key, and no more parts would help. */
const MOST_PARTS = PARTS ** 12;

/** A part, divided. */
export function partsOf({ of, at }: KeyPart): readonly KeyPart[] {
  return Array.from({ length: PARTS }, (_, i) => ({ of: of * PARTS, at: at + of * i }));
}

/** Whether a part can still be divided. */
export function isDivisible({ of }: KeyPart): boolean {
  return of < MOST_PARTS;
}

/** @param key as text */
export function isInPart(key: string, { of, at }: KeyPart): boolean {
  return of === 1 || hash(key) % of === at;
}

/** FNV-1a, 32 bits (Fowler, Noll, Vo; draft-eastlake-fnv), over code units. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

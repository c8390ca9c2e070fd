import type { Keyed } from './keyed.ts';

/** Of a Feistel network. Ten are what NIST takes for small numbers (SP 800-38G). */
const ROUNDS = 10;
/** Digits of a block: each half fits into 64 bits. */
const MOST_DIGITS = 36;

/**
 * Another number of so many bits: different ones for different numbers. A Feistel network over an even number of bits; what leaves
 * the range is put through again.
 */
export function permuteBits(keyed: Keyed, value: bigint, bits: number): bigint {
  const half = BigInt(Math.ceil(bits / 2));
  const mask = (1n << half) - 1n;
  let found = value;
  do {
    let left = found >> half;
    let right = found & mask;
    for (let round = 0; round < ROUNDS; round++) {
      const next = left ^ (keyed.round(bits, round, right) & mask);
      left = right;
      right = next;
    }
    found = (left << half) | right;
  } while (found >> BigInt(bits) > 0n);
  return found;
}

/** Other digits, as many: different ones for different texts of that length. */
export function permuteDigits(keyed: Keyed, digits: string): string {
  let made = '';
  for (let at = 0; at < digits.length; at += MOST_DIGITS)
    made += permuteBlock(keyed, digits.slice(at, at + MOST_DIGITS));
  return made;
}

function permuteBlock(keyed: Keyed, digits: string): string {
  const leftDigits = Math.floor(digits.length / 2);
  const sizes = [10n ** BigInt(leftDigits), 10n ** BigInt(digits.length - leftDigits)] as const;
  let left = BigInt(digits.slice(0, leftDigits) || '0');
  let right = BigInt(digits.slice(leftDigits));
  for (let round = 0; round < ROUNDS; round++) {
    const tweak = 1000 + digits.length;
    if (round % 2 === 0) left = (left + keyed.round(tweak, round, right)) % sizes[0];
    else right = (right + keyed.round(tweak, round, left)) % sizes[1];
  }
  const text = (part: bigint, length: number) => (length === 0 ? '' : String(part).padStart(length, '0'));
  return text(left, leftDigits) + text(right, digits.length - leftDigits);
}

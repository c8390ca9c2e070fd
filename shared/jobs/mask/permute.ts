import type { Keyed } from './keyed.ts';

/** Of a Feistel network. Ten are what NIST takes for small numbers (SP 800-38G). */
const ROUNDS = 10;
/** Of a half whose rounds are remembered. */
const SMALL_BITS = 16;
/** Digits of a block: each half fits into 64 bits. */
const MOST_DIGITS = 36;

/**
 * Another number of the same width in bits: different numbers give different ones. A Feistel network over an even number of bits; what leaves
 * the range is put through again.
 */
export function permuteBits(keyed: Keyed, value: bigint, bits: number): bigint {
  const half = Math.ceil(bits / 2);
  const round = half <= SMALL_BITS ? keyed.smallRounds(bits, half) : undefined;
  let found = value;
  do
    found = round
      ? BigInt(smallFeistel(Number(found), half, round))
      : feistel(found, BigInt(half), (number, right) => keyed.round(bits, number, right));
  while (found >> BigInt(bits) > 0n);
  return found;
}

function feistel(value: bigint, half: bigint, round: (number: number, right: bigint) => bigint): bigint {
  const mask = (1n << half) - 1n;
  let left = value >> half;
  let right = value & mask;
  for (let number = 0; number < ROUNDS; number++)
    [left, right] = [right, left ^ (round(number, right) & mask)];
  return (left << half) | right;
}

/** The same with numbers that a double holds exactly. */
function smallFeistel(value: number, half: number, round: (number: number, right: number) => number): number {
  const size = 2 ** half;
  let left = Math.floor(value / size);
  let right = value % size;
  for (let number = 0; number < ROUNDS; number++) [left, right] = [right, left ^ round(number, right)];
  return left * size + right;
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

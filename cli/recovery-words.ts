import { createHash } from 'node:crypto';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { HoldfastError } from '../shared/core/errors.ts';
import { type PrivateHalf, privateHalfOf } from '../shared/jobs/keys/recovery-sheet-key.ts';

/** 24 words of 11 bits say 32 bytes, and a checksum of 8 bits: BIP-39. */
const WORDS = 24;
const WORD_BITS = 11n;
const SEED_BYTES = 32;
/** This many letters identify every word. */
const TELLING_LETTERS = 4;

const NUMBERS = new Map(wordlist.map((word, i) => [word, i]));

/** A seed as words. */
export function wordsOf(seed: Uint8Array): string[] {
  let bits = BigInt(`0x${Buffer.concat([seed, checksumOf(seed)]).toString('hex')}`);
  const words: string[] = [];
  for (; words.length < WORDS; bits >>= WORD_BITS)
    words.unshift(wordlist[Number(bits & ((1n << WORD_BITS) - 1n))] ?? '');
  return words;
}

/**
 * Reads what somebody typed from the sheet, or a file of it: words in any case, with or without their
 * numbers, or their first four letters; or 64 hex digits. Errors name wrong words by position, never by
 * content.
 *
 * @param known ids of the repository's recovery keys, so that a single wrong word can be found. @throws
 * E_BAD_KEY
 */
export function parseRecoveryWords(text: string, known: readonly string[]): PrivateHalf {
  const hex = text.replaceAll(/\s/g, '');
  if (/^[0-9a-fA-F]{64}$/.test(hex)) return privateHalfOf(Buffer.from(hex, 'hex'));
  const given = text
    .toLowerCase()
    .split(/\s+/)
    .filter((token) => /[a-z]/.test(token));
  const words = given.map(wholeWord);
  const wrong = words.flatMap((word, i) => (word === undefined ? [i + 1] : []));
  if (wrong.length > 0) throw bad(`${placesOf(wrong)} not on the list of words`);
  if (words.length !== WORDS) throw bad(`${words.length} words were given, a recovery key has ${WORDS}`);
  const complete = words.filter((word) => word !== undefined);
  const key = keyOf(complete);
  if (key && (known.length === 0 || known.includes(key.id))) return key;
  const place = findWrong(complete, known);
  if (place !== undefined) throw bad(`${place} different from the sheet`);
  if (key) return key;
  throw bad('the words do not fit together: at least one differs from the sheet');
}

/** The word itself, or the only one that begins this way. */
function wholeWord(text: string): string | undefined {
  const letters = text.replaceAll(/[^a-z]/g, '');
  if (NUMBERS.has(letters)) return letters;
  if (letters.length < TELLING_LETTERS) return undefined;
  const meant = wordlist.filter((word) => word.startsWith(letters));
  return meant.length === 1 ? meant[0] : undefined;
}

/** Undefined if the checksum is wrong. */
function keyOf(words: readonly string[]): PrivateHalf | undefined {
  let bits = 0n;
  for (const word of words) bits = (bits << WORD_BITS) | BigInt(NUMBERS.get(word) ?? 0);
  const bytes = Buffer.from(bits.toString(16).padStart(2 * (SEED_BYTES + 1), '0'), 'hex');
  const seed = bytes.subarray(0, SEED_BYTES);
  return checksumOf(seed).equals(bytes.subarray(SEED_BYTES)) ? privateHalfOf(seed) : undefined;
}

function checksumOf(seed: Uint8Array): Buffer {
  return createHash('sha256').update(seed).digest().subarray(0, 1);
}

/** Finds one wrong word, or two neighbours that changed places, by trying which change gives a known key. */
function findWrong(words: readonly string[], known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const isKnown = (candidate: readonly string[]) => known.includes(keyOf(candidate)?.id ?? '');
  for (const [i, word] of words.entries()) {
    const next = words[i + 1];
    if (next !== undefined && isKnown(words.with(i, next).with(i + 1, word))) return placesOf([i + 1, i + 2]);
    if (wordlist.some((other) => other !== word && isKnown(words.with(i, other)))) return placesOf([i + 1]);
  }
  return undefined;
}

function placesOf(places: readonly number[]): string {
  return places.length === 1 ? `word ${places[0]} is` : `words ${places.join(', ')} are`;
}

function bad(problem: string): HoldfastError {
  return new HoldfastError('E_BAD_KEY', `the recovery key cannot be read: ${problem}`, {
    hint: 'Compare the words with the sheet, one by one; the first four letters of each are enough.',
  });
}

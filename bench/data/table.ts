import { seededRandom } from '../../test/support/repository/rows.ts';

const WORD_COUNT = 2000;
/** How often a word is followed by its usual successor: text then compresses about as much as text does. */
const USUAL = 0.6;
const SENTENCE_WORDS = 15;
const LETTERS = 'etaoinshrdlcumwfgypbvkjxqz';

const WORDS = Array.from({ length: WORD_COUNT }, (_, i) => {
  const random = seededRandom(i + 11);
  const letter = () => LETTERS[Math.floor(26 * random() * random())] ?? '';
  return Array.from({ length: 2 + Math.floor(random() * 8.5) }, letter).join('');
});

type Random = () => number;

/** The place of a word in WORDS; the first are used most (Zipf's law). */
function rank(random: Random): number {
  return Math.floor(WORD_COUNT ** random()) - 1;
}

export function word(random: Random): string {
  return WORDS[rank(random)] ?? '';
}

export function sentence(random: Random, words = SENTENCE_WORDS): string {
  let at = rank(random);
  let text = WORDS[at] ?? '';
  for (let i = 1; i < words; i++) {
    at = random() < USUAL ? (at * 31 + 17) % WORD_COUNT : rank(random);
    text += ` ${WORDS[at]}`;
  }
  return text;
}

/**
 * A row of a table dump as COPY text, about 183 bytes: id, e-mail, name, time, amount, flag, a sentence.
 *
 * @param version 0 for the first form of the row; others have another time, amount and sentence
 */
export function tableRow(id: number, version = 0): string {
  const random = seededRandom(id * 2 + 1);
  const changed = version === 0 ? random : seededRandom(id * 7919 + version);
  const [first, last] = [word(random), word(random)];
  const flag = random() < 0.5 ? 't' : 'f';
  const amount = (changed() * 1000).toFixed(2);
  return `${id}\t${first}.${last}.${id}@example.org\t${first} ${last}\t${time(changed)}+00\t${amount}\t${flag}\t${sentence(changed)}\n`;
}

/** A second of about a year: `2024-05-29 16:50:54`. */
export function time(random: Random): string {
  const at = 1_700_000_000_000 + Math.floor(random() * 3e7) * 1000;
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

import { seededRandom } from '../../test/support/repository/rows.ts';

const WORD_COUNT = 24_000;
/** Words that most summaries are made of. */
const COMMON_COUNT = 400;
const COMMON = 0.45;
/** How often a word is followed by one of its usual few successors. */
const USUAL = 0.35;
const SUCCESSORS = 6;
/** A summary says its name again. */
const NAMED = 0.4;
const ONSETS = [
  '',
  'b',
  'c',
  'd',
  'f',
  'g',
  'h',
  'l',
  'm',
  'n',
  'p',
  'r',
  's',
  't',
  'v',
  'w',
  'st',
  'tr',
  'pl',
  'gr',
  'ch',
  'sh',
];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ea', 'io', 'ou', 'y'];
const CODAS = ['', '', 'n', 'r', 's', 't', 'l', 'd', 'm', 'ck', 'ng', 'nt'];
const OPENINGS = [
  'A simple',
  'A',
  'Simple',
  'The',
  'Fast',
  'A lightweight',
  'Tiny',
  'Official',
  'A small library for',
  'Utilities for',
  'A plugin for',
  'Component for',
  'An',
  'Wrapper around',
  '',
];

type Random = () => number;

const WORDS = Array.from({ length: WORD_COUNT }, (_, i) => {
  const random = seededRandom(i + 101);
  const of = (parts: readonly string[]) => parts[Math.floor(random() * parts.length)] ?? '';
  const syllables = 1 + Math.floor(random() * (i < COMMON_COUNT ? 2 : 3.4));
  return Array.from({ length: syllables }, () => of(ONSETS) + of(VOWELS) + of(CODAS)).join('');
});

function rank(random: Random): number {
  return random() < COMMON
    ? Math.floor(COMMON_COUNT ** random()) - 1
    : Math.floor(WORD_COUNT * random() ** 2.2);
}

/**
 * Name and summary of a software package as COPY text, about 86 bytes: mostly prose, and names that resemble their
 * neighbours'.
 *
 * @param version 0 for the first form of the row; others have another summary
 */
export function proseRow(id: number, version = 0): string {
  const random = seededRandom(id * 2 + 13);
  const changed = version === 0 ? random : seededRandom(id * 7919 + version);
  const name = nameOf(id, random);
  const words = [OPENINGS[Math.floor(changed() ** 2 * OPENINGS.length)] ?? ''].filter((text) => text !== '');
  let at = rank(changed);
  for (let left = 3 + Math.floor(changed() * 9); left > 0; left--) {
    words.push(WORDS[at] ?? '');
    at =
      changed() < USUAL
        ? (at * 31 + 7 * Math.floor(changed() * SUCCESSORS) + 17) % WORD_COUNT
        : rank(changed);
  }
  if (changed() < NAMED)
    words.splice(1 + Math.floor(changed() * (words.length - 1)), 0, name.split('-')[0] ?? '');
  const end = changed() < 0.3 ? '.' : '';
  return `${name}\t${words.join(' ')}${end}\n`;
}

/** The first part is shared by a run of neighbours. */
function nameOf(id: number, random: Random): string {
  const ofRun = seededRandom(Math.floor(id / 9) * 2 + 23);
  const first = WORDS[Math.floor(WORD_COUNT * ofRun())] ?? '';
  const more = Array.from({ length: 1 + Math.floor(random() * 2) }, () => WORDS[rank(random)] ?? '');
  return [first, ...more, ...(random() < 0.1 ? [String(1 + Math.floor(random() * 9))] : [])].join('-');
}

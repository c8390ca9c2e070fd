import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const MOST_COLUMNS = 120;
const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...below('docs', /\.md$/)];
const CODE = ['cli', 'console', 'infra', 'lambdas', 'shared'].flatMap((folder) => below(folder, /\.tsx?$/));

/** Nobody would say this to a colleague; docs/glossary.md has the words. */
const PHRASES: readonly RegExp[] = [
  /\bis another and hardly\b/,
  /\bthis could not be renewed\b/i,
  /\bis tried again by itself\b/i,
  /\bwhat you may do is not known\b/i,
  /\bdecides nothing about\b/,
  /\bcurve of growth\b/i,
  /\bdoes not know who asks\b/,
  /\bwho asks may not\b/i,
  /\bhas not is stored\b/,
  /\bas are the next\b/,
  /\bwhere it stays\b/,
  /\blooked for in vain\b/,
  /\bwhatever is no\b/i,
  /\bzone takes with it\b/,
  /\bwanted (?:is|are)\b/,
  /\bexclude each other\b/,
];

/** `where` for `if` or `when` in comments: it is for places. May only go down. */
const CONJUNCTION =
  /\b(?:undefined|missing|empty|none|null|nothing|false|E_[A-Z_]+(?:\*)?) where\b|[;:,] where (?:it|there|nobody|nothing|none|that|this)\b|(?:^|\. )Where (?:there|nobody|somebody|nothing|none)\b/g;
const MOST_CONJUNCTIONS = 0;

/** Ways of saying things that a native engineer would not use in a comment. May only go down. */
const STIFF =
  /\bwhoever\b|\bwhosoever\b|\b(?:what|that|which) has not\b(?! been)|\bof which (?:all|some|none)\b|\bso long as\b/gi;
const MOST_STIFF = 0;

function below(folder: string, name: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file) && !file.startsWith('generated') && !file.includes('node_modules'))
    .map((file) => `${folder}/${file}`);
}

/** Lines of prose: no tables, no blocks of code, no pictures, no addresses that cannot be broken. */
function proseOf(page: string): { readonly at: number; readonly text: string }[] {
  let inBlock = false;
  return readFileSync(page, 'utf8')
    .split('\n')
    .map((text, i) => ({ at: i + 1, text }))
    .filter(({ text }) => {
      if (text.trimStart().startsWith('```')) inBlock = !inBlock;
      return !inBlock && !/^\s*(\||!\[|<|#)/.test(text) && !/^\S+$/.test(text.trim());
    });
}

/** What the comments of a file say, without the code that they quote. */
function commentsOf(file: string): string {
  const found = readFileSync(file, 'utf8').match(/\/\*\*?[\s\S]*?\*\/|^\s*\/\/.*$/gm) ?? [];
  return found
    .join('\n')
    .replace(/^\s*(?:\/\*\*?|\*\/?|\/\/) ?/gm, '')
    .replace(/`[^`]*`/g, '')
    .replace(/\s*\n\s*/g, ' ');
}

function countedIn(files: readonly string[], phrase: RegExp): string[] {
  return files.flatMap((file) =>
    [...commentsOf(file).matchAll(phrase)].map((match) => `${file}: ${match[0]}`),
  );
}

describe('words', () => {
  it.each(PAGES)('%s has lines of at most 120 columns', (page) => {
    const long = proseOf(page).filter(({ text }) => text.length > MOST_COLUMNS);
    expect(long.map(({ at }) => `${page}:${at}`)).toEqual([]);
  });

  it.each(PAGES)('%s has no mark of a merge', (page) => {
    expect(readFileSync(page, 'utf8')).not.toMatch(/^(?:<{7}|>{7}) | ={7} |^={7}$/m);
  });

  it('says nothing that was found hard to understand', () => {
    const found = [...PAGES, ...CODE].flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return PHRASES.filter((phrase) => phrase.test(text)).map((phrase) => `${file}: ${phrase.source}`);
    });
    expect(found).toEqual([]);
  });

  it.each([
    ['where for a condition', CONJUNCTION, MOST_CONJUNCTIONS],
    ['stiff phrases', STIFF, MOST_STIFF],
  ] as const)('comments hold no more of %s than they did', (_, phrase, most) => {
    const found = countedIn(CODE, phrase);
    expect(found.length, found.join('\n')).toBeLessThanOrEqual(most);
  });
});

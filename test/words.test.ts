import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const MOST_COLUMNS = 120;
const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', ...below('docs', /\.md$/)];
const CODE = ['cli', 'console', 'infra', 'lambdas', 'shared'].flatMap((folder) => below(folder, /\.tsx?$/));

/** What nobody would say: docs/glossary.md has the words, and these are none. */
const PHRASES: readonly RegExp[] = [
  /\bis another and hardly\b/,
  /\bthis could not be renewed\b/i,
  /\bwhat you may do is not known\b/i,
  /\bdecides nothing about\b/,
  /\bdoes not know who asks\b/,
  /\bwho asks may not\b/i,
  /\bhas not is stored\b/,
  /\bwhere it stays\b/,
  /\blooked for in vain\b/,
  /\bwhatever is no\b/i,
];

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

describe('words', () => {
  it.each(PAGES)('%s has lines of at most 120 columns', (page) => {
    const long = proseOf(page).filter(({ text }) => text.length > MOST_COLUMNS);
    expect(long.map(({ at }) => `${page}:${at}`)).toEqual([]);
  });

  it('says nothing that was found hard to understand', () => {
    const found = [...PAGES, ...CODE].flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return PHRASES.filter((phrase) => phrase.test(text)).map((phrase) => `${file}: ${phrase.source}`);
    });
    expect(found).toEqual([]);
  });
});

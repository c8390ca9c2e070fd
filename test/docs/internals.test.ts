import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { filesBelow, PAGES, proseOf } from '../support/pages.ts';

const SOURCES = ['shared', 'cli', 'lambdas', 'infra', 'test', 'tools']
  .flatMap((folder) => filesBelow(folder, /\.(ts|tsx|py)$/))
  .map((file) => readFileSync(file, 'utf8'))
  .join('\n');
const NAMES = new Set(SOURCES.match(/\w+/g));

/** What stands between backquotes. */
function quoted(page: string): string[] {
  return [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
}

describe.each(['architecture', 'adding-a-source', 'testing', 'reliability', 'performance'])(
  'docs/internals/%s.md',
  (name) => {
    const page = `docs/internals/${name}.md`;
    const found = existsSync(page) ? quoted(page) : [];

    it('names functions and types that are there', () => {
      const named = found.filter((text) => /^[A-Za-z]+[a-z][A-Z]\w*$/.test(text));
      expect(named.filter((text) => !NAMES.has(text))).toEqual([]);
    });

    it('names files that are there', () => {
      const roots = ['', 'shared/', 'test/', 'docs/', 'infra/'];
      const ends = ['', '.ts', '.test.ts', '.tsx'];
      const named = found.filter(
        (text) => /^[a-z][\w.-]*(\/[\w.-]+)+$/.test(text) && !/^application|KIND/.test(text),
      );
      const missing = named.filter(
        (text) => !roots.some((root) => ends.some((end) => existsSync(`${root}${text}${end}`))),
      );
      expect(missing).toEqual([]);
    });
  },
);

/** Folders of the project, by whose names a path on a page is one of its files. */
const PATHS = /\b(?:bench|cli|console|docs|examples|infra|lambdas|shared|test|tools)\/[\w./-]*\w/g;

it.each(PAGES.filter((page) => !/^(CHANGELOG|CONTRIBUTING)/.test(page)))(
  '%s names files that are there',
  (page) => {
    const paths = quoted(page).flatMap((text) => text.match(PATHS) ?? []);
    const ends = ['', '.ts', '.test.ts', '.tsx', '/handler.ts'];
    const generated = /KIND|^docs\/(api|openapi)|node_modules/;
    expect(
      paths.filter(
        (text) =>
          !generated.test(text) &&
          !ends.some((end) => existsSync(`${text}${end}`) || existsSync(`test/${text}${end}`)),
      ),
    ).toEqual([]);
  },
);

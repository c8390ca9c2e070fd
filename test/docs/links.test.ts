import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesBelow, headingsOf, PAGES, proseOf } from '../support/pages.ts';

/** What names a page without linking to it: code, comments, errors, hints. */
const CODE = ['bench', 'bin', 'cli', 'console', 'examples', 'infra', 'lambdas', 'shared', 'test', 'tools']
  .flatMap((folder) => filesBelow(folder, /\.(tsx?|js|py|json|md)$|Dockerfile$/))
  .filter((file) => !file.startsWith('test/fixtures/') && !file.startsWith('test/docs/'));
const INDEX = 'docs/README.md';

interface Link {
  readonly at: string;
  readonly to: string;
}

/** Links of a page to other places of the project, as they are written; of many lines each. */
function linksOf(page: string): Link[] {
  const text = proseOf(page);
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(({ 1: to = '', index }) => ({ at: `${page}:${text.slice(0, index).split('\n').length}`, to }))
    .filter(({ to }) => !/^[a-z]+:/.test(to));
}

function fileOf(page: string, to: string): string {
  const [file] = to.split('#');
  return file ? path.join(path.dirname(page), file) : page;
}

function problemOf(page: string, to: string): string | undefined {
  const file = fileOf(page, to);
  const [, anchor] = to.split('#');
  if (!existsSync(file)) return 'no such file';
  return anchor && !headingsOf(file).anchors.has(anchor) ? 'no such heading' : undefined;
}

describe('links', () => {
  it('are found', () => expect(PAGES.flatMap(linksOf).length).toBeGreaterThan(200));

  it.each(PAGES)('of %s lead to a file and a heading', (page) => {
    const broken = linksOf(page)
      .map(({ at, to }) => ({ at, to, problem: problemOf(page, to) }))
      .filter(({ problem }) => problem !== undefined);
    expect(broken).toEqual([]);
  });

  it.each(PAGES)('of %s name no section beside a link, or without one', (page) => {
    const found = proseOf(page).match(/\]\([^)]*\),\s+"[A-Z]|"[A-Z][^"|\n]{3,40}",? (above|below)\b/g);
    expect(found ?? []).toEqual([]);
  });

  it('lead from the index to every page', () => {
    const seen = new Set([INDEX]);
    for (const page of seen)
      for (const { to } of linksOf(page)) {
        const file = fileOf(page, to);
        if (file.startsWith('docs/') && file.endsWith('.md')) seen.add(file);
      }
    // The index links to the folder of decisions, whose names say what they are about.
    const wanted = PAGES.filter((page) => /^docs\/(?!decisions\/)/.test(page));
    expect(wanted.filter((page) => !seen.has(page))).toEqual([]);
  });
});

describe('pages that code, errors and hints name', () => {
  const named = CODE.flatMap((file) => {
    const text = readFileSync(file, 'utf8').replaceAll(/\n\s*(\*|\/\/|#)?\s*/g, ' ');
    return [
      ...text.matchAll(/\bdocs\/([a-z-]+(?:\/[a-z0-9-]+)?(?:\.schema)?\.(?:md|json))(?:, \\?"([^"\\]+))?/gi),
    ].map(({ 1: page = '', 2: title }) => ({ file, page: `docs/${page}`, title }));
  });

  it('are found', () => expect(named.length).toBeGreaterThan(150));

  it('are there', () => {
    // Addresses of others have folders of that name too.
    const others = /^docs\/(reference\/rest|database\/usage)/;
    const wrong = named.filter(({ page }) => !existsSync(page) && !others.test(page));
    expect(wrong).toEqual([]);
  });

  it('have the heading that is named with them', () => {
    const wrong = named.filter(
      ({ page, title }) => title !== undefined && existsSync(page) && !headingsOf(page).titles.has(title),
    );
    expect(wrong).toEqual([]);
  });
});

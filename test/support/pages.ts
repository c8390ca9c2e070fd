import { readdirSync, readFileSync } from 'node:fs';

/** Pages that people read, those of `docs/` in all its folders. */
export const PAGES: readonly string[] = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...filesBelow('docs', /\.md$/),
  ...filesBelow('examples', /\.md$/),
];

/** Files below a folder whose path there matches, by name. */
export function filesBelow(folder: string, name: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file) && !/(^|\/)(node_modules|generated)\//.test(file))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/** A page whose blocks of code are empty lines: what is in them is no text. */
export function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^( *)```[\s\S]*?^ *```$/gm, (block) =>
    block.replaceAll(/.+/g, ''),
  );
}

/** Titles of a page, and the anchors that GitHub makes of them: the second of a name ends in `-1`. */
export function headingsOf(page: string): { readonly titles: Set<string>; readonly anchors: Set<string> } {
  const titles = [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title.replaceAll('`', ''),
  );
  const counts = new Map<string, number>();
  const anchors = titles.map((title) => {
    const name = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return count === 0 ? name : `${name}-${count}`;
  });
  return { titles: new Set(titles), anchors: new Set(anchors) };
}

/** A block of code of a page. */
export interface Block {
  readonly page: string;
  /** Of its first line of code. */
  readonly line: number;
  /** What stands after the three backquotes. */
  readonly language: string;
  readonly code: string;
}

/** Blocks of code of a page, without the indent of a list. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^( *)```(\S*)\n([\s\S]*?)^ *```$/gm)].map(
    ({ 1: indent = '', 2: language = '', 3: code = '', index }) => ({
      page,
      line: text.slice(0, index).split('\n').length + 1,
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

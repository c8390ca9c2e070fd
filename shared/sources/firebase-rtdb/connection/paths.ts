import { HoldfastError } from '../../../core/errors.ts';

/** Keys from the root of a database to a node; none is the root. */
export type NodePath = readonly string[];

/** Levels of keys that Firebase allows. */
export const MOST_DEPTH = 32;
const MOST_KEY_BYTES = 768;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are not allowed in a key
const FORBIDDEN = /[.$#[\]\u0000-\u001f\u007f]/;

/** `/characters/alice` as it is shown. */
export function showPath(path: NodePath): string {
  return `/${path.join('/')}`;
}

/**
 * What a person wrote: `/characters/alice`, with or without the first slash.
 *
 * @param what names it in the message
 * @throws E_USAGE for keys that no database can hold, and if it is deeper than any can be
 */
export function parsePath(text: string, what: string): NodePath {
  const path = text.split('/').filter((key) => key !== '');
  for (const key of path) {
    const fault = keyFault(key);
    if (fault)
      throw new HoldfastError('E_USAGE', `${what} is '${text}': the key '${key.slice(0, 100)}' ${fault}`, {
        hint: 'A path is keys with / between them, such as /characters/alice.',
      });
  }
  if (path.length <= MOST_DEPTH) return path;
  throw new HoldfastError(
    'E_USAGE',
    `${what} has ${path.length} levels; a database has ${MOST_DEPTH} at most`,
  );
}

/** What is wrong with a key, undefined if nothing is. */
export function keyFault(key: string): string | undefined {
  if (key === '') return 'is empty';
  if (key.includes('/')) return 'has a /';
  if (FORBIDDEN.test(key)) return 'has one of . $ # [ ] or a control character';
  if (!key.isWellFormed()) return 'has half of a surrogate pair';
  const bytes = Buffer.byteLength(key);
  return bytes > MOST_KEY_BYTES ? `has ${bytes} bytes; allowed are ${MOST_KEY_BYTES}` : undefined;
}

/** The part of a URL: `/characters/alice.json`. @throws E_SOURCE_UNSUPPORTED for a key that no URL can hold */
export function urlPath(path: NodePath): string {
  if (!isAddressable(path))
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `a key of ${JSON.stringify(showPath(path))} is half of a character, which no URL can hold`,
      { hint: 'Rename the key; what lies elsewhere can be named by --path or --dataset.' },
    );
  return `/${path.map(encodeURIComponent).join('/')}.json`;
}

/** Whether a URL can say the path: half of a character has no bytes in UTF-8. */
export function isAddressable(path: NodePath): boolean {
  return path.every((key) => key.isWellFormed());
}

/** Whether a path is the same as another, or below it. */
export function isWithin(path: NodePath, parent: NodePath): boolean {
  return parent.length <= path.length && parent.every((key, i) => path[i] === key);
}

import { HoldfastError } from '../../core/errors.ts';

/** What file systems take for one name. */
const MOST_NAME_BYTES = 255;
const MOST_PATH_BYTES = 3500;

/**
 * The folders on the way to a dataset's file, and its own name. @throws E_SOURCE_UNSUPPORTED if no file can
 * have it
 */
export function pathParts(name: string): { readonly folders: readonly string[]; readonly file: string } {
  const parts = name.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..') || name.includes('\0'))
    throw noFile(`'${name}', which no file below a folder can be called`);
  const [longest = 0] = parts.map((part) => Buffer.byteLength(part)).sort((a, b) => b - a);
  if (longest > MOST_NAME_BYTES)
    throw noFile(
      `'${name.slice(0, 60)}…', with a part of ${longest} bytes; a file's has at most ${MOST_NAME_BYTES}`,
    );
  if (Buffer.byteLength(name) > MOST_PATH_BYTES)
    throw noFile(
      `'${name.slice(0, 60)}…' of ${Buffer.byteLength(name)} bytes; at most ${MOST_PATH_BYTES} fit`,
    );
  return { folders: parts.slice(0, -1), file: parts.at(-1) ?? '' };
}

/** @throws E_SOURCE_UNSUPPORTED if files of these names cannot lie in one folder */
export function refuseNames(names: readonly string[]): void {
  for (const name of names) pathParts(name);
  refuseClashes(names);
}

/** @throws E_SOURCE_UNSUPPORTED if names are the same, or one would be both a file and a folder */
export function refuseClashes(names: readonly string[]): void {
  const files = new Set<string>();
  for (const name of names) {
    if (files.has(name)) throw noFile(`'${name}' twice`);
    files.add(name);
  }
  for (const name of names) {
    for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
      const folder = name.slice(0, at);
      if (files.has(folder)) throw noFile(`'${folder}' and '${name}'`);
    }
  }
}

function noFile(what: string): HoldfastError {
  return new HoldfastError('E_SOURCE_UNSUPPORTED', `a folder cannot hold the dataset ${what}`, {
    hint: 'Restore the others with --dataset, and this one into another target or with `holdfast export`.',
  });
}

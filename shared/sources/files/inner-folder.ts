import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { makeFolder } from '../../core/make-folder.ts';

/** What lies in it is plain data. */
const MODE = 0o700;
const FOLDER = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0);
const NO_LINK = FOLDER | (constants.O_NOFOLLOW ?? 0);

/**
 * Does some work in a folder below `root`, which is made if it is not there, for its owner alone. `root` may
 * be a symbolic link; what lies below it is never reached through one. On Linux that holds even if somebody
 * changes folders meanwhile: the path that `work` gets leads to the very folder that was looked at. SurvivingCopies
 * the folders are looked at first.
 *
 * @param names of the folders on the way down
 * @throws E_TARGET_NOT_EMPTY if one of them is a link or a file; what the file system says
 */
export async function withInnerFolder<T>(
  root: string,
  names: readonly string[],
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await makeFolder(root, MODE);
  if (process.platform !== 'linux') {
    await refuseLinks(root, names);
    const folder = path.join(root, ...names);
    await makeFolder(folder, MODE);
    return work(folder);
  }
  let handle = await open(root, FOLDER);
  try {
    for (const [i, name] of names.entries()) {
      const next = await openInner(handle, name, path.join(root, ...names.slice(0, i + 1)));
      await handle.close();
      handle = next;
    }
    return await work(placeOf(handle));
  } finally {
    await handle.close();
  }
}

/** @throws E_TARGET_NOT_EMPTY if a folder on the way down is a link or a file */
export async function refuseLinks(root: string, names: readonly string[]): Promise<void> {
  for (let depth = 1; depth <= names.length; depth++) {
    const folder = path.join(root, ...names.slice(0, depth));
    const found = await lstat(folder).catch(() => undefined);
    if (!found) return;
    if (found.isSymbolicLink()) throw inTheWay(folder, 'a symbolic link');
    if (!found.isDirectory()) throw inTheWay(folder, 'a file');
  }
}

/** The same folder by whatever path it can be reached: the kernel keeps it for the handle. */
function placeOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

async function openInner(above: FileHandle, name: string, shown: string): Promise<FileHandle> {
  const place = path.join(placeOf(above), name);
  await mkdir(place, MODE).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  try {
    return await open(place, NO_LINK);
  } catch (error) {
    const found = await lstat(place).catch(() => undefined);
    if (!found || found.isDirectory()) throw error;
    throw inTheWay(shown, found.isSymbolicLink() ? 'a symbolic link' : 'a file');
  }
}

function inTheWay(folder: string, what: string): HoldfastError {
  return new HoldfastError(
    'E_TARGET_NOT_EMPTY',
    what === 'a file'
      ? `${folder} is a file, and the backup has files below that name`
      : `${folder} is a symbolic link; a restore writes no file through one`,
    { hint: 'Restore into another folder, or remove it first.' },
  );
}

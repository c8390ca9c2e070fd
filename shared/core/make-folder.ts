import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder and its parents, one by one: Node's own recursion never ends if a folder takes no other, as
 * in `/proc`, and reports ENOENT on a read-only file system.
 *
 * @param mode of the folders that it makes
 * @returns the first folder that was made; undefined if all existed
 * @throws the file system's error
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<string | undefined> {
  const above = path.dirname(folder);
  try {
    return await makeOne(folder, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
  }
  const first = await makeFolder(above, mode);
  return (await makeOne(folder, mode)) === undefined ? first : (first ?? folder);
}

/** Undefined if it exists. */
async function makeOne(folder: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(folder, mode);
    return folder;
  } catch (error) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory()) return undefined;
    throw error;
  }
}

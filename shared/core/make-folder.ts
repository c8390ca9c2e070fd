import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder and those above it, step by step: Node's own recursion never ends where a folder takes no other, as in `/proc`,
 * and says ENOENT where the file system is read-only.
 *
 * @param mode of those that it makes
 * @returns the first that was made, undefined where all were there
 * @throws what the file system says
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

/** Undefined where it is there. */
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

import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder and those above it.
 *
 * @param mode of those that it makes
 * @returns the first that was made, undefined where all were there
 * @throws what the file system says; Node's own says ENOENT where it is read-only
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<string | undefined> {
  try {
    return await mkdir(folder, { recursive: true, mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(await topMissing(folder));
    throw error;
  }
}

async function topMissing(folder: string): Promise<string> {
  for (let at = folder; ; at = path.dirname(at)) {
    const above = await stat(path.dirname(at)).catch(() => undefined);
    if (above || at === path.dirname(at)) return at;
  }
}

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { HoldfastError } from '../shared/core/errors.ts';

/** Makes a key and writes it to a new file that only its owner can read. @throws as `writeNewFile` */
export async function makeKeyFile(file: string, useExisting: string): Promise<string> {
  const key = randomBytes(32).toString('hex');
  await writeNewFile(file, `${key}\n`, useExisting);
  return key;
}

/**
 * @param useExisting how to use an existing file instead. @throws E_USAGE if the file exists or cannot be
 * written
 */
export async function writeNewFile(file: string, text: string, useExisting: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new HoldfastError(
      'E_USAGE',
      exists ? `${file} already exists; a key is never overwritten` : `${file} cannot be written`,
      {
        cause,
        hint: exists
          ? `Name another file, or use that key with ${useExisting}.`
          : 'Name a file in a folder that you can write to.',
      },
    );
  }
}

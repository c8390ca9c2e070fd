import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

const IMPORT = /(?:from|import\()\s*['"](\.[^'"]+)['"]/g;

/**
 * Removes the declarations that nothing public refers to.
 *
 * @param folder of all declarations
 * @param entries modules that programs may import, below it, without an ending
 * @returns how many are left
 * @throws where a declaration refers to one that is not there
 */
export async function keepPublicTypes(folder: string, entries: readonly string[]): Promise<number> {
  const kept = new Set(entries.map((entry) => path.join(folder, `${entry}.d.ts`)));
  // A set goes on to what is added to it meanwhile.
  for (const file of kept)
    for (const [, imported = ''] of (await readFile(file, 'utf8')).matchAll(IMPORT))
      kept.add(path.join(path.dirname(file), imported.replace(/\.[jt]sx?$/, '.d.ts')));
  for (const file of await readdir(folder, { recursive: true })) {
    const found = path.join(folder, file);
    if (file.endsWith('.d.ts') && !kept.has(found)) await rm(found);
  }
  return kept.size;
}

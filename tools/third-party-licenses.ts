import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const PACKAGE = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const LICENSE = /^(licen[cs]e|copying|notice)/i;

/**
 * Writes down the licenses of the packages whose code is in what is published.
 *
 * @param modules files that were bundled
 * @returns names of the packages
 */
export async function writeLicenses(into: string, modules: Iterable<string>): Promise<string[]> {
  const folders = new Set<string>();
  for (const file of modules) {
    const folder = PACKAGE.exec(path.relative('.', file))?.[1];
    if (folder) folders.add(folder);
  }
  const texts = new Map<string, string>();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
    const files = (await readdir(folder)).filter((file) => LICENSE.test(file)).toSorted();
    const read = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
    texts.set(`${name} ${version}`, [`${name} ${version} (${license})`, ...read].join('\n\n').trim());
  }
  const names = [...texts.keys()].toSorted();
  const line = `\n\n${'-'.repeat(80)}\n\n`;
  await writeFile(into, `${names.map((name) => texts.get(name)).join(line)}\n`);
  return names;
}

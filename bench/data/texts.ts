import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const IS_TEXT = /\.([cm]?[jt]s|json|md)$/;
const MOST_FILE_BYTES = 1e6;
/** No file is more than this share of the whole. */
const MOST_FILE_SHARE = 1 / 20;

/** Text files of packages below node_modules, in order of path, each once, up to `mostBytes`; all end in a newline. */
export function readTexts(mostBytes: number): string[] {
  const texts: string[] = [];
  let bytes = 0;
  for (const file of textFiles('node_modules', Math.min(MOST_FILE_BYTES, mostBytes * MOST_FILE_SHARE))) {
    const text = readFileSync(file, 'utf8');
    bytes += Buffer.byteLength(text);
    if (bytes > mostBytes) break;
    texts.push(text.endsWith('\n') ? text : `${text}\n`);
  }
  return texts;
}

function textFiles(folder: string, mostBytes: number): string[] {
  return (
    readdirSync(folder, { withFileTypes: true })
      // Caches of tools, which are no package, and may change meanwhile.
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .flatMap(({ name }) => readdirSync(path.join(folder, name), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && IS_TEXT.test(entry.name))
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => statSync(file).size < mostBytes)
      .sort()
  );
}

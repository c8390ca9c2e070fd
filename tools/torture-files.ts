import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Test files with a long form import it, */
const LONG_FORM = /from '[^']*support\/repository\/torture\.ts'/;
/** or a file beside them does. */
const BESIDE = /from '(\.\/[^']+\.ts)'/g;

/** Test files with a long form whose path contains the text. */
export function tortureFiles(only: string): readonly string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map((file) => path.join('test', file))
    .filter((file) => file.endsWith('.test.ts') && file.includes(only) && hasLongForm(file, new Set()))
    .toSorted();
}

function hasLongForm(file: string, seen: Set<string>): boolean {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const beside = [...text.matchAll(BESIDE)].map(([, name = '']) => path.join(path.dirname(file), name));
  return LONG_FORM.test(text) || beside.some((one) => hasLongForm(one, seen));
}

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Test files with a long form import it. */
const LONG_FORM = 'support/repository/torture.ts';

/** Test files with a long form whose path contains the text. */
export function tortureFiles(only: string): readonly string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map((file) => path.join('test', file))
    .filter((file) => file.endsWith('.test.ts') && file.includes(only))
    .filter((file) => readFileSync(file, 'utf8').includes(LONG_FORM))
    .toSorted();
}

/** How many tests each file has, a line each, and all of them: to compare before and after files were moved. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-count-'));
const list = path.join(folder, 'tests.json');
// Tests that a helper makes are seen only if files are loaded.
execFileSync(
  process.execPath,
  [path.resolve('node_modules/vitest/vitest.mjs'), 'list', '--static-parse=false', `--json=${list}`],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
const tests = JSON.parse(readFileSync(list, 'utf8')) as { readonly file: string }[];
rmSync(folder, { recursive: true });
const counts = Object.entries(Object.groupBy(tests, ({ file }) => path.relative('.', file)))
  .map(([file, of = []]) => ({ file, count: of.length }))
  .toSorted((a, b) => (a.file < b.file ? -1 : 1));
for (const { file, count } of counts) console.log(`${String(count).padStart(5)}  ${file}`);
console.log(`${String(tests.length).padStart(5)}  in all`);

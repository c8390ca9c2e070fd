import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const page = await readFile('docs/reference/security.md', 'utf8');
const [, section = ''] = /^## Who can do what\n([\s\S]*?)^## /m.exec(page) ?? [];
const listed = [...section.matchAll(/^(\d+)\. `([^`]+)`: (.+)$/gm)].map(([, number, file, name]) => ({
  number: Number(number),
  path: `test/${file}.test.ts`,
  name: name ?? '',
}));

it.each(listed)('$number of the table of who can do what is a test that is there', async ({ path, name }) => {
  expect(existsSync(path), path).toBe(true);
  expect(await readFile(path, 'utf8')).toContain(name);
});

it('names every test of its list in the table, and no other', () => {
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  expect(rows.length).toBeGreaterThan(10);
  const named = rows.flatMap((row) =>
    [...row.matchAll(/\((\d+(?:, \d+)*)\)/g)].flatMap(([, numbers = '']) => numbers.split(', ').map(Number)),
  );
  expect([...new Set(named)].sort((a, b) => a - b)).toEqual(listed.map(({ number }) => number));
  expect(listed.map(({ number }) => number)).toEqual(listed.map((_, at) => at + 1));
});

it('says of every cell what shows it, or that nothing does, or that there is nothing to show', () => {
  const rows = section.split('\n').filter((line) => /^\| (?!who|---)/.test(line));
  for (const row of rows) expect(row.split(' | ')).toHaveLength(5);
});

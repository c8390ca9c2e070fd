import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const text = readFileSync('docs/reference/aws-behaviours.md', 'utf8');
const rows = text.split('\n').filter((line) => /^\| (?!---|behaviour)/.test(line));

it('every behaviour of AWS that is listed names its source and how it is checked, and every page is used', () => {
  expect(rows.length).toBeGreaterThan(80);
  const pages = new Set([...text.matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number)));
  const used = new Set<number>();
  for (const row of rows) {
    const [behaviour = '', source = '', checked = ''] = row.slice(2, -2).split(' | ');
    expect(
      [behaviour, source, checked].map((cell) => cell.length),
      row,
    ).not.toContain(0);
    for (const [, number] of source.matchAll(/\[(\d+)\]/g)) used.add(Number(number));
  }
  expect([...used].toSorted((a, b) => a - b)).toEqual([...pages].toSorted((a, b) => a - b));
});

it('tests that the list of behaviours names are there', () => {
  for (const [, name = ''] of text.matchAll(/`(test\/[\w/.-]+)`/g)) expect(existsSync(name), name).toBe(true);
});

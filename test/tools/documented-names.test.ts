import { expect } from 'vitest';
import { exportedNames, namesOf } from '../../tools/documented-names.ts';
import { turns } from '../support/repository/torture.ts';

const it = turns(2);

it('nine of ten names that product code exports say what they are for', () => {
  const names = exportedNames();
  const missing = names.filter(({ isDocumented }) => !isDocumented);
  expect(names.length).toBeGreaterThan(2000);
  const listed = missing.map(({ file, line, name }) => `${file}:${line} ${name}`);
  expect(missing.length / names.length, `undocumented:\n${listed.join('\n')}`).toBeLessThan(0.1);
});

it('counts a name once, and no comment but its own', () => {
  const text = `/** Of the file. */

import a from 'a';
/** One. */
export const one = z.string();
export type one = string;
// Not for readers.
export function two(): void {}
/* Neither. */
export class Three {}
/** Of what stands below it alone. */
const inside = 1;
export const four = inside;
`;
  expect(namesOf('a.ts', text).map(({ name, isDocumented }) => [name, isDocumented])).toEqual([
    ['one', true],
    ['two', false],
    ['Three', false],
    ['four', false],
  ]);
});

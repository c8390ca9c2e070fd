import { expect, it } from 'vitest';
import { parseJson } from '../../../shared/format/json-text.ts';

const nested = (levels: number, inside: string, [open, close] = ['[', ']']) =>
  Buffer.from(open.repeat(levels) + inside + close.repeat(levels));

it.each([
  ['an empty list', (levels: number) => nested(levels - 1, '[]')],
  ['a number', (levels: number) => nested(levels, '1')],
  ['objects', (levels: number) => nested(levels - 1, '{}', ['{"a":', '}'])],
])('JSON of 64 levels is read, of 65 is refused: %s', (_, of) => {
  expect(parseJson(of(64), 'a document')).toBeTypeOf('object');
  expect(() => parseJson(of(65), 'a document')).toThrow('a document is nested more than 64 levels deep');
});

it('JSON nested very deeply is refused without running out of stack', () => {
  expect(() => parseJson(nested(5000, ''), 'a document')).toThrow('more than 64 levels');
});

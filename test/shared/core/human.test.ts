import { expect, it } from 'vitest';
import { age } from '../../../shared/core/human.ts';

const then = new Date('2026-11-26T02:00:00Z');

it.each([
  ['2026-11-26T01:00:00Z', 'just now'],
  ['2026-11-26T02:00:59Z', 'just now'],
  ['2026-11-26T02:01:00Z', '1 minute ago'],
  ['2026-11-26T02:59:59Z', '59 minutes ago'],
  ['2026-11-26T03:00:00Z', '1 hour ago'],
  ['2026-11-27T03:00:00Z', '25 hours ago'],
  ['2026-11-28T01:59:59Z', '47 hours ago'],
  ['2026-11-28T02:00:00Z', '2 days ago'],
])('at %s it was %s', (now, said) => {
  expect(age(then, new Date(now))).toBe(said);
});

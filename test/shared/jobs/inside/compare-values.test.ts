import { expect, it } from 'vitest';
import { compareValues } from '../../../../shared/jobs/inside/compare-values.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { testSeed } from '../../../support/repository/torture.ts';

const random = seededRandom(testSeed);
const below = (most: number) => Math.floor(random() * most);
const digits = (most: number) => Array.from({ length: 1 + below(most) }, () => below(10)).join('');

const decimal = (most: number) =>
  `${below(2) ? '-' : ''}${digits(most)}${below(2) ? `.${digits(most)}` : ''}`;

/** A decimal number of up to 20 digits after the point, times 10^20. */
function exact(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const value = BigInt(whole + fraction.padEnd(20, '0'));
  return text.startsWith('-') ? -value : value;
}

it.each([3, 7, 8, 20])('orders decimal numbers of up to twice %i digits exactly', (most) => {
  for (let i = 0; i < 1500; i++) {
    const a = decimal(most);
    // Next to each other, where rounding would show.
    const next = a.replace(/\d$/, (last) => `${(Number(last) + 1) % 10}`);
    for (const b of [next, decimal(most)]) {
      const [one, other] = [exact(a), exact(b)];
      const order = one === other ? 0 : one < other ? -1 : 1;
      expect([a, b, compareValues(a, b, true)]).toEqual([a, b, order]);
    }
  }
});

it('orders what is no decimal as PostgreSQL does: NaN last, infinities around all numbers', () => {
  const sorted = ['-Infinity', '-1e300', '-1', '0', '1e-300', '2', '1e300', 'Infinity', 'NaN'];
  expect(sorted.toReversed().toSorted((a, b) => compareValues(a, b, true))).toEqual(sorted);
});

import { describe, expect, it } from 'vitest';
import { KeyCount, KeySet, keyHash } from '../../../../../shared/jobs/inside/subset/key-set.ts';
import { RowBits } from '../../../../../shared/jobs/inside/subset/row-bits.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { testSeed } from '../../../../support/repository/torture.ts';

describe('keys of a subset', () => {
  it('are in a set if and only if they were added', () => {
    const random = seededRandom(testSeed);
    const [keys, known] = [new KeySet(new KeyCount()), new Set<string>()];
    for (let i = 0; i < 50_000; i++) {
      const text = String(Math.floor(random() * 60_000));
      if (keys.add(keyHash(text)) === known.has(text)) expect.fail(`key ${text}`);
      known.add(text);
    }
    expect(keys.size).toBe(known.size);
    for (let i = 0; i < 100_000; i++)
      if (keys.has(keyHash(String(i))) !== known.has(String(i))) expect.fail(`key ${i}`);
  });

  it('have bits of the places that were chosen', () => {
    const random = seededRandom(testSeed);
    const [bits, places] = [new RowBits(), new Set<number>()];
    for (let i = 0; i < 50_000; i++) {
      const place = Math.floor(random() * 100_000);
      if (!bits.has(place)) bits.add(place, 3);
      places.add(place);
    }
    expect([bits.count, bits.plainBytes]).toEqual([places.size, 3 * places.size]);
    for (let i = 0; i < 100_000; i++) if (bits.has(i) !== places.has(i)) expect.fail(`place ${i}`);
  });

  it('are refused if they are too many, of all sets together', () => {
    const count = new KeyCount(3);
    const [one, other] = [new KeySet(count), new KeySet(count)];
    for (const text of ['a', 'b', 'a']) one.add(keyHash(text));
    other.add(keyHash('a'));
    expect(() => other.add(keyHash('c'))).toThrow('the subset refers to more than 3 different keys');
  });
});

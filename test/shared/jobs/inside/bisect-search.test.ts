import { describe, expect, it } from 'vitest';
import { search } from '../../../../shared/jobs/inside/bisect/search.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed } from '../../../support/repository/torture.ts';

/** `h` holds, `f` fails, `?` cannot be checked. */
const OUTCOMES = { h: 'holds', f: 'fails', '?': 'not checked' } as const;

function searched(text: string, isAll = false) {
  const check = async (place: number) => ({
    outcome: OUTCOMES[text[place] as keyof typeof OUTCOMES],
    columns: [],
    rows: [],
  });
  return search(text.length, check, { isAll });
}

describe('a search for where a check begins to fail', () => {
  it('finds it by about log2 of the places, past those that cannot be checked', async () => {
    const random = seededRandom(testSeed);
    for (let i = 0; i < cases(300, 300, 10_000); i++) {
      const count = 1 + Math.floor(random() * 300);
      const first = Math.floor(random() * (count + 1));
      const isSparse = random() < 0.5;
      const all = Array.from({ length: count }, (_, place) => (place < first ? 'h' : 'f'));
      const text = all.map((letter) => (isSparse && random() < 0.4 ? '?' : letter)).join('');
      const { holds, fails, probes, isMonotone } = await searched(text);
      const wanted = text.indexOf('f');
      expect([holds ?? -1, fails ?? -1], text).toEqual([
        text.slice(0, wanted < 0 ? undefined : wanted).lastIndexOf('h'),
        wanted,
      ]);
      expect(isMonotone).toBe(true);
      if (!isSparse) expect(probes.length).toBeLessThanOrEqual(Math.ceil(Math.log2(count + 1)) + 6);
    }
  });

  it('says that it failed and held again, if what it tried shows that; with all tried, always', async () => {
    expect(await searched('hhhhhhffhhhhhhhhhhhhhhhf')).toMatchObject({ isMonotone: false });
    expect(await searched('hfhh', true)).toMatchObject({ holds: 0, fails: 1, isMonotone: false });
    expect(await searched('hfhh')).toMatchObject({ holds: 3, fails: undefined });
  });
});

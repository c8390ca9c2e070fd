import { describe, expect, it } from 'vitest';
import { Chunker, type CutTest } from '../../../shared/format/chunker.ts';
import { GearCuts } from '../../../shared/format/gear.ts';
import { KeyedCuts } from '../../../shared/format/keyed-cuts.ts';
import { digitRows, learn, predict } from '../../support/repository/cut-attack.ts';

const SIZES = { minBytes: 1024, averageBytes: 1024 + 16 * 1024, maxBytes: 256 * 1024 };
const SECRET = Buffer.alloc(32, 'cuts');

const ends = (test: CutTest) => (stream: Buffer) => {
  const chunker = new Chunker(SIZES, test, { count: 0, at: () => undefined });
  const found: number[] = [];
  for (let start = 0; start < stream.length; ) {
    start = chunker.next(stream, start, stream.length, true)?.end ?? stream.length;
    if (start < stream.length) found.push(start);
  }
  return found;
};

/** Share of the cuts in rows that the attacker has not seen that he knows beforehand. */
function predicted(test: CutTest): { readonly share: number; readonly cuts: number } {
  const { minBytes, averageBytes } = SIZES;
  const cut = ends(test);
  const knowledge = learn({ minBytes, averageBytes, cut }, 1);
  const stream = digitRows(45 * averageBytes, 2);
  const cuts = cut(stream);
  const right = cuts.filter((end, i) => predict(knowledge, stream, cuts[i - 1] ?? 0, minBytes) === end);
  return { share: right.length / cuts.length, cuts: cuts.length };
}

describe('who knows some rows and where they were cut', () => {
  it('predicts the cuts of format 1', () => {
    const { share, cuts } = predicted(new GearCuts(SIZES, SECRET));
    expect(cuts).toBeGreaterThan(30);
    expect(share).toBeGreaterThan(0.8);
  });

  it('predicts the cuts of format 2 no better than by chance', () => {
    const { share, cuts } = predicted(new KeyedCuts(SIZES, SECRET));
    expect(cuts).toBeGreaterThan(30);
    // One of 8,192 rows is a cut: who guesses has next to none of them.
    expect(share).toBeLessThan(0.05);
  });
});

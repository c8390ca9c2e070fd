import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDelta, encodeDelta } from '../../../shared/format/delta.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { cases } from '../../support/repository/torture.ts';

const MOST = 1 << 20;
const line = fc.oneof(fc.constantFrom('', 'a', 'b', 'abcabc', 'x'.repeat(30)), fc.string());
/** Records that begin alike for longer than a match must be, as long lines of code or JSON do. */
const likeLine = fc
  .tuple(fc.constantFrom(30, 100, 130), fc.constantFrom('x', 'y'), fc.constantFrom('', 'a', 'b', 'ab'))
  .map(([length, letter, end]) => letter.repeat(length) + end);
const textOf = (lines: fc.Arbitrary<string>, minLength = 0) =>
  fc
    .array(lines, { minLength, maxLength: minLength + 20 })
    .map((all) => Buffer.from(all.map((l) => `${l}\n`).join('')));
const text = textOf(line);
/** So many that the end is not near. */
const likeText = textOf(likeLine, 30);

describe('delta', () => {
  it('makes the next chunk from the base, whatever the two are', () => {
    fc.assert(
      fc.property(text, text, (base, next) => {
        expect(applyDelta(base, encodeDelta(base, next), MOST).equals(next)).toBe(true);
      }),
      { numRuns: cases(400, 2000, 20000) },
    );
  });

  it('comes to an end where records begin alike', () => {
    fc.assert(
      fc.property(likeText, likeText, (base, next) => {
        expect(applyDelta(base, encodeDelta(base, next), MOST).equals(next)).toBe(true);
      }),
      { numRuns: cases(400, 2000, 20000) },
    );
  });

  const rows = seededRows(1500, 7);
  const base = Buffer.from(rows.join(''));
  it.each([
    {
      title: 'rows updated',
      most: 45,
      next: rows.map((row, i) => (i % 97 === 50 ? row.replace('\t', '\tupdated') : row)),
    },
    { title: 'rows removed', most: 12, next: rows.filter((_, i) => i % 97 !== 50) },
    {
      title: 'rows inserted',
      most: 200,
      next: rows.flatMap((row, i) => (i % 97 === 50 ? [row, `new ${row}`] : [row])),
    },
    { title: 'a block moved to the end', most: 60, next: [...rows.slice(300), ...rows.slice(0, 300)] },
  ])('costs little for $title', ({ next, most }) => {
    const delta = encodeDelta(base, Buffer.from(next.join('')));
    expect(delta.length).toBeLessThan(most * 15);
  });

  it.each([
    { title: 'cut short', damage: (delta: Buffer) => delta.subarray(0, -1) },
    { title: 'with bytes left over', damage: (delta: Buffer) => Buffer.concat([delta, Buffer.from('x')]) },
    {
      title: 'that says another size',
      damage: (delta: Buffer) => Buffer.concat([Buffer.from([5]), delta.subarray(1)]),
    },
  ])('is rejected when $title', ({ damage }) => {
    const delta = encodeDelta(Buffer.from('a\nb\nc\n'), Buffer.from('a\nx\nc\n'));
    expect(() => applyDelta(Buffer.from('a\nb\nc\n'), damage(delta), MOST)).toThrow(
      expect.objectContaining({ code: 'E_DAMAGED' }),
    );
  });

  it('never yields other than a typed error or at most the allowed bytes for any input', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(applyDelta(Buffer.from('some base\n'), bytes, 1000).length).toBeLessThanOrEqual(1000);
        } catch (error) {
          expect(error).toMatchObject({ code: 'E_DAMAGED' });
        }
      }),
      { numRuns: cases(1000, 5000, 50000) },
    );
  });
});

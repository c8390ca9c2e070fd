import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeColumnMap, encodeColumnMap, wantedParts } from '../../../shared/format/columns/column-map.ts';
import { encodeColumns } from '../../../shared/format/columns/encode-columns.ts';
import { columnPlaces } from '../../support/repository/plain-columns.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { cases, tortureTimeoutMs } from '../../support/repository/torture.ts';

/** A table as an item: columns of constants, short and long values. */
function tableOf(widths: readonly number[], rows: number): Buffer {
  const random = seededRandom(widths.length * 31 + rows);
  const value = (width: number) =>
    Array.from({ length: width }, () => Math.floor(random() * 36).toString(36)).join('');
  const text = Array.from(
    { length: rows },
    () => `${widths.map((width) => (width === 0 ? 'same' : value(width))).join('\t')}\n`,
  ).join('');
  const item = encodeColumns(Buffer.from(text), 1, 4);
  if (!item) throw new Error('no columns were made');
  return item;
}

it('has parts that begin and end with columns, with the digests of their bytes, in few bytes', {
  timeout: tortureTimeoutMs,
}, () => {
  const widths = fc.array(fc.constantFrom(0, 0, 1, 2, 8, 40, 300), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(widths, fc.integer({ min: 16, max: 900 }), (some, rows) => {
      const columns = [8, ...some];
      const item = tableOf(columns, rows);
      const map = encodeColumnMap(item, 6);
      if (!map) {
        const large = columnPlaces(item.subarray(1)).filter(({ from, to }) => to > from);
        expect(item.length < 64 * 1024 || large.length < 2 || columns.length < 2).toBe(true);
        return;
      }
      expect(map.length).toBeLessThanOrEqual(Math.min(2048, item.length / 32));
      const places = columnPlaces(item.subarray(1));
      let [at, done] = [0, 0];
      for (const { columns: count, bytes, digest } of decodeColumnMap(map, item.length)) {
        const sum = createHash('sha256')
          .update(item.subarray(at, at + bytes))
          .digest();
        expect(sum.subarray(0, 16).equals(digest)).toBe(true);
        at += bytes;
        done += count;
        const next = places[done]?.from;
        expect(at).toBe(next === undefined ? item.length : next + 1);
      }
      expect(done).toBe(columns.length);
    }),
    { numRuns: cases(20, 150, 2000) },
  );
});

it('says which parts hold some columns: those, and the heads', () => {
  const item = tableOf([40, 40, 1, 1, 40, 0], 2000);
  const map = encodeColumnMap(item, 6);
  if (!map) throw new Error('no map was made');
  const parts = decodeColumnMap(map, item.length);
  expect(parts.map(({ columns }) => columns)).toEqual([0, 1, 1, 2, 2]);
  const froms = (places: readonly number[]) =>
    wantedParts(parts, places)?.map(({ columns, from }) => [columns, from]);
  const at = columnPlaces(item.subarray(1)).map(({ from }) => from + 1);
  expect(froms([1])).toEqual([
    [0, 0],
    [1, at[1]],
  ]);
  expect(froms([2, 3])).toEqual([
    [0, 0],
    [2, at[2]],
  ]);
  expect(froms([0, 5])).toEqual([
    [0, 0],
    [1, at[0]],
    [2, at[4]],
  ]);
  expect(froms([6])).toBeUndefined();
  expect(() => decodeColumnMap(map, item.length + 1)).toThrow(/its parts have/);
});

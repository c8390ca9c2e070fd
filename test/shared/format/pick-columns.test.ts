import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pickColumns } from '../../../shared/format/columns/decode-columns.ts';
import { encodeColumns } from '../../../shared/format/columns/encode-columns.ts';
import { pickFields } from '../../../shared/format/pick-fields.ts';
import { columnPlaces } from '../../support/repository/plain-columns.ts';
import { cases } from '../../support/repository/torture.ts';

const MOST = 1 << 20;
const CODEC = 4;

/** Twelve columns of all kinds. */
function table(rows: number): string[][] {
  return Array.from({ length: rows }, (_, i) => [
    String(i + 1),
    'same',
    ['t', 'f', '\\N'][i % 3] ?? '',
    (((i * 7919) % 100_000) / 100).toFixed(2),
    new Date(1.7e12 + i * 61_000).toISOString().replace('T', ' ').slice(0, 19),
    i % 7 ? `a note about the row ${i * 31}, and ${'more '.repeat(i % 9)}` : '\\N',
    ((BigInt(i + 1) * 0x9e3779b97f4a7c15n ** 2n) % 16n ** 32n).toString(16).padStart(32, '0'),
    `${i % 250}`,
    '',
    i % 5 ? String(i * 31) : '\\N',
    `text ${'x'.repeat(i % 40)}${i}`,
    new Date(i * 86_400_000).toISOString().slice(0, 10),
  ]);
}
const textOf = (rows: readonly (readonly string[])[]) => rows.map((row) => `${row.join('\t')}\n`).join('');
const picked = (rows: readonly (readonly string[])[], places: readonly number[]) =>
  textOf(rows.map((row) => places.map((place) => row[place] ?? '')));

describe('some fields of rows', () => {
  const places = fc
    .uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 1 })
    .map((some) => some.toSorted((a, b) => a - b));

  it('are the same from columns, from the rows, and by splitting lines', () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 300 }), places, (count, wanted) => {
        const rows = table(count);
        const plain = Buffer.from(textOf(rows));
        const body = encodeColumns(plain, 1, CODEC)?.subarray(1);
        if (!body) throw new Error('no columns were made');
        expect(pickColumns(body, MOST, wanted)?.toString()).toBe(picked(rows, wanted));
        expect(pickFields(plain, wanted).toString()).toBe(picked(rows, wanted));
      }),
      { numRuns: cases(30, 200, 3000) },
    );
  });

  it('are read while every other column is damaged: nothing of those is decompressed', () => {
    const rows = table(2000);
    const body = encodeColumns(Buffer.from(textOf(rows)), 3, CODEC)?.subarray(1);
    if (!body) throw new Error('no columns were made');
    const wanted = [0, 3];
    const lying = columnPlaces(body);
    const harmed = Buffer.from(body);
    for (const [place, { from, to }] of lying.entries())
      if (!wanted.includes(place)) harmed.fill(0xff, from, to);
    expect(pickColumns(harmed, MOST, wanted)?.toString()).toBe(picked(rows, wanted));
    expect(() => pickColumns(harmed, MOST, [0, 5])).toThrow();
    const bytes = (of: typeof lying) => of.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
    // Two of twelve, of this table.
    expect(bytes(lying.filter((_, place) => wanted.includes(place))) / bytes(lying)).toBeLessThan(1 / 3);
  });

  it('are fewer where a record has fewer, and none where no column is', () => {
    expect(pickFields(Buffer.from('a\tb\n\nc\n'), [1]).toString()).toBe('b\n\n\n');
    const body = encodeColumns(Buffer.from(textOf(table(20))), 1, CODEC)?.subarray(1);
    expect(body && pickColumns(body, MOST, [3, 12])).toBeUndefined();
  });
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeColumns } from '../../../shared/format/columns/decode-columns.ts';
import { encodeColumns as encodeWith } from '../../../shared/format/columns/encode-columns.ts';
import { compress } from '../../../shared/format/zstd.ts';
import { compileWasm, WASM_MODULES } from '../../../tools/build-wasm.ts';
import { plainColumns } from '../../support/repository/plain-columns.ts';
import { cases, strides, turns } from '../../support/repository/torture.ts';

const MOST = 1 << 20;
const CODEC = 4;
const KINDS = ['text', 'constant', 'dictionary', 'number', 'time', 'hex'] as const;

/** Without the first byte, which is the codec. */
function encodeColumns(plain: Uint8Array, level: number): Buffer | undefined {
  const item = encodeWith(plain, level, CODEC);
  if (item) expect(item[0]).toBe(CODEC);
  return item?.subarray(1);
}

/** Rows of these values, column by column. */
const rowsOf = (...columns: readonly (readonly string[])[]) =>
  Buffer.from(
    (columns[0] ?? []).map((_, row) => `${columns.map((column) => column[row]).join('\t')}\n`).join(''),
    'latin1',
  );
const times = (count: number, value: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => value(i));
const kindOf = (body: Buffer) => KINDS[body[headsAt(body)] ?? 0];

/** Where the heads of the columns begin. */
function headsAt(body: Buffer): number {
  let at = 0;
  for (let left = 3; left > 0; at++) if ((body[at] ?? 0) < 128) left--;
  return at;
}

/** Both readers give back what was there. */
function expectKept(plain: Buffer): Buffer {
  const body = encodeColumns(plain, 1);
  if (!body) throw new Error('no columns were made');
  expect(decodeColumns(body, MOST).equals(plain)).toBe(true);
  expect(plainColumns(body)).toBe(plain.toString('latin1'));
  return body;
}

describe('rows as columns', () => {
  const hex = (i: number, bytes: number) =>
    (BigInt(i + 1) * 0x9e3779b97f4a7c15n ** 3n)
      .toString(16)
      .padStart(80, '0')
      .slice(-2 * bytes);
  it.each<readonly [kind: (typeof KINDS)[number], what: string, value: (i: number) => string]>([
    ['constant', 'nothing', () => ''],
    ['constant', 'nulls', () => '\\N'],
    ['dictionary', 'a flag', (i) => (i % 3 ? 't' : 'f')],
    ['dictionary', 'a flag or null', (i) => ['t', 'f', '\\N'][i % 3] ?? ''],
    ['dictionary', 'large numbers, few of them', (i) => String(10 ** (6 + (i % 9)))],
    ['number', 'a sequence', (i) => String(i + 1)],
    ['number', 'numbers below and above 0', (i) => String(((i * 7919) % 1000) - 500)],
    ['number', 'with nulls', (i) => (i % 5 ? String(i * 31) : '\\N')],
    ['number', 'the largest', (i) => String(999_999_999_999_999_999n - BigInt(i) * 12_345_678_901n)],
    ['number', 'amounts', (i) => (((i * 7919) % 100_000) / 100 - 300).toFixed(2)],
    ['number', 'amounts around 0', (i) => `${i % 2 ? '-' : ''}0.${String(i + 1).padStart(4, '0')}`],
    ['number', 'numbers without zeros at the end', (i) => String(((i * 7919) % 10_000) / 1000)],
    ['time', 'dates', (i) => new Date(i * 86_400_000 * 11 - 3e12).toISOString().slice(0, 10)],
    ['time', 'dates or null', (i) => (i % 4 ? new Date(i * 86_400_000).toISOString().slice(0, 10) : '\\N')],
    [
      'time',
      'seconds with a zone',
      (i) => `${new Date(i * 1e7 - 1e9).toISOString().slice(0, 19).replace('T', ' ')}+00`,
    ],
    [
      'time',
      'parts of seconds',
      (i) =>
        `2024-02-29 23:59:59${
          i % 7
            ? `.${String(((i * 7919) % 999_999) + 1)
                .padStart(6, '0')
                .replace(/0+$/, '')}`
            : ''
        }`,
    ],
    ['time', 'years of before', (i) => `${String(i + 1).padStart(4, '0')}-12-31 00:00:00`],
    ['hex', 'MD5', (i) => hex(i, 16)],
    ['hex', 'UUID', (i) => hex(i, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')],
    ['hex', 'bytea', (i) => `\\\\x${hex(i, 20)}`],
    ['hex', 'with nulls', (i) => (i % 9 ? hex(i, 8) : '\\N')],
    ['text', 'words', (i) => `word ${(i * 7919) % 5000} of a text`],
    ['text', 'nearly numbers', (i) => (i === 77 ? '007' : String(i))],
    ['text', 'minus zero', (i) => (i === 77 ? '-0' : String(i))],
    ['text', 'numbers with zeros at the end, and others', (i) => (i % 2 ? `${i}.50` : `${i}.5`)],
    [
      'text',
      'no such day',
      (i) => (i === 77 ? '2023-02-29' : new Date(i * 86_400_000).toISOString().slice(0, 10)),
    ],
    ['text', 'two zones', (i) => `2024-01-01 00:00:00+0${i % 2} ${i}`],
    ['text', 'upper-case hex', (i) => hex(i, 16).toUpperCase()],
    ['text', 'hex of two lengths', (i) => hex(i, i === 5 ? 9 : 8)],
    ['text', 'an escaped tab', (i) => `a\\tb${i}`],
    ['text', 'bytes that are no text', (i) => `\xff\xfe\x00${i}`],
  ])('keeps %s: %s', (kind, _what, value) => {
    expect(
      kindOf(
        expectKept(
          rowsOf(
            times(300, value),
            times(300, (i) => `row ${i}`),
          ),
        ),
      ),
    ).toBe(kind);
    expectKept(
      rowsOf(
        times(300, (i) => `row ${i}`),
        times(300, value),
        times(300, value),
      ),
    );
  });

  it('leaves what is no table to the other codecs', () => {
    const rows = times(100, (i) => `${i}\tvalue\n`);
    for (const text of [
      '',
      'x',
      rows.join('').slice(0, -1),
      [...rows, 'one more\n'].join(''),
      rows.slice(0, 15).join(''),
      'a\n'.repeat(500),
    ])
      expect(encodeColumns(Buffer.from(text), 1)).toBeUndefined();
    expect(
      encodeColumns(rowsOf(...Array.from({ length: 1025 }, () => times(20, (i) => `v${i}`))), 1),
    ).toBeUndefined();
    expectKept(rowsOf(...Array.from({ length: 1024 }, () => times(20, (i) => `v${i}`))));
  });

  const value = fc.oneof(
    fc.constant('\\N'),
    fc.integer().map(String),
    fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }).map(String),
    fc
      .tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: 0, max: 9 }))
      .map(([n, d]) => n.toFixed(d)),
    fc.double({ noNaN: true }).map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString().replace('T', ' ').replace('Z', '')),
    fc
      .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10)),
    fc.uuid(),
    fc.string({
      unit: fc
        .integer({ min: 0, max: 255 })
        .filter((b) => b !== 9 && b !== 10)
        .map((b) => String.fromCharCode(b)),
      maxLength: 40,
    }),
  );
  it('keeps any columns, of one kind or mixed', () => {
    const column = fc.oneof(
      fc.array(value, { minLength: 20, maxLength: 120 }),
      fc
        .tuple(value, value)
        .chain(([a, b]) => fc.array(fc.constantFrom(a, b), { minLength: 20, maxLength: 120 })),
      ...[fc.integer().map(String), fc.uuid()].map((one) => fc.array(one, { minLength: 20, maxLength: 120 })),
    );
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 6 }), (columns) => {
        const rows = Math.min(...columns.map(({ length }) => length));
        const plain = rowsOf(
          times(rows, (i) => `row ${i}`),
          ...columns.map((one) => one.slice(0, rows)),
        );
        expectKept(plain);
      }),
      { numRuns: cases(75, 300, 3000), seed: 14 },
    );
  });
});

describe('columns that were harmed', () => {
  const plain = rowsOf(
    times(200, (i) => String(i)),
    times(200, (i) => (i % 3 ? (i / 8).toFixed(3) : '\\N')),
    times(200, (i) => `2024-01-01 00:00:${String(i % 60).padStart(2, '0')}`),
    times(200, (i) => `00000000000000${String(i).padStart(4, '0')}`),
    times(200, (i) => (i % 2 ? 'yes' : 'no')),
    times(200, (i) => `text ${i}`),
    times(200, () => 'same'),
  );
  const body = encodeColumns(plain, 1) ?? Buffer.alloc(0);

  it('at any byte are refused, or make other rows, never more than was allowed', () => {
    for (const nth of strides(7)) {
      const at = nth - 1;
      if (at >= body.length) break;
      for (const bit of [1, 16, 128]) {
        const harmed = Buffer.from(body);
        harmed[at] = (harmed[at] ?? 0) ^ bit;
        expectBounded(harmed);
      }
    }
  });

  it('cut short at any byte are refused', () => {
    for (const nth of strides(7)) {
      const end = nth - 1;
      if (end >= body.length) break;
      expect(() => decodeColumns(body.subarray(0, end), MOST)).toThrow(
        expect.objectContaining({ code: 'E_DAMAGED' }),
      );
    }
    expect(() => decodeColumns(Buffer.concat([body, Buffer.from([0])]), MOST)).toThrow('left over');
  });

  it('larger than allowed are refused before memory is taken for them', () => {
    expect(() => decodeColumns(body, plain.length - 1)).toThrow('at most');
    const bomb = compress(Buffer.alloc(60e6), 1);
    const head = (bytes: number) => Buffer.from([(bytes & 127) | 128, bytes >> 7, 20, 1, 0]);
    const varint = (n: number) => {
      const out = [];
      for (; n > 127; n >>= 7) out.push((n & 127) | 128);
      return Buffer.from([...out, n]);
    };
    const lying = Buffer.concat([head(200), varint(200), varint(bomb.length), bomb]);
    expect(() => decodeColumns(lying, MOST)).toThrow(expect.objectContaining({ code: 'E_DAMAGED' }));
  });

  it('of times with a flag that only numbers have are refused', () => {
    const moments = encodeColumns(rowsOf(times(200, (i) => `2024-01-01 00:${10 + (i % 50)}:00`)), 1);
    const [kind, flags] = [5, 6].map((at) => moments?.[at]);
    expect(kind).toBe(4);
    const flagged = Buffer.from(moments ?? []);
    flagged[6] = (flags ?? 0) | 4;
    expect(() => decodeColumns(flagged, MOST)).toThrow('a column of numbers has flags');
  });

  it('made of anything are refused or bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectBounded(Buffer.from(bytes))),
      { numRuns: cases(600, 3000, 30000), seed: 5 },
    );
  });

  function expectBounded(item: Buffer): void {
    try {
      expect(decodeColumns(item, MOST).length).toBeLessThanOrEqual(MOST);
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_DAMAGED' });
    }
  }
});

// The compiler takes seconds.
turns(4).each(WASM_MODULES)(
  'the module is what its source compiles to: $source',
  async ({ source, module }) => {
    expect(readFileSync(module, 'utf8')).toBe(await compileWasm(source));
  },
  60_000,
);

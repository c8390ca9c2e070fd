import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODEC, decodeChain, encodeFull, encodeJsonLines } from '../../../shared/format/codec.ts';
import { compress } from '../../../shared/format/zstd.ts';
import { shapes as plainShapes } from '../../support/page-reader/shapes.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { strides } from '../../support/repository/torture.ts';

const MOST = 1 << 20;
const decode = (item: Uint8Array, most = MOST) => decodeChain([item], most);
const lines = (count: number, line: (i: number) => string) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(''), 'utf8');

/** Both readers give back what was there. */
function expectKept(plain: Buffer): Buffer {
  const item = encodeJsonLines(plain, 1);
  if (!item) throw new Error('no shapes were made');
  expect(item[0]).toBe(CODEC.shapes);
  expect(decode(item).equals(plain)).toBe(true);
  expect(plainShapes(item.subarray(1), MOST, new Set()).equals(plain)).toBe(true);
  return item;
}

const message = (i: number) => {
  const random = seededRandom(i);
  const extra = i % 4 === 0 ? { seen: true } : {};
  const text = `message ${Math.floor(random() * 1e6)}`;
  return JSON.stringify({ [`messages/-N${i}`]: { at: 1.7e12 + i * 977, chat: `c${i % 9}`, text, ...extra } });
};

describe('lines of JSON as shapes and columns', () => {
  it('are kept, and smaller than zstd makes them', () => {
    const plain = lines(3000, message);
    expect(expectKept(plain).length).toBeLessThan(encodeFull(plain, 3).length * 0.8);
  });

  it.each<readonly [what: string, line: (i: number) => string]>([
    ['of one shape', (i) => `{"a":${i},"b":"x${i}"}`],
    ['with some that are no JSON', (i) => (i % 3 ? `{"a":${i}}` : `line ${i}`)],
    ['with a shape that is rare', (i) => (i === 50 ? '[[[1]]]' : `{"a":${i}}`)],
    ['with escapes', (i) => JSON.stringify({ [`k"${i}\\`]: `"\\${i}\n\t` })],
    ['with a quote that is not closed', (i) => (i % 5 ? `{"a":"${i}"}` : `{"a":"${i}`)],
    ['with a backslash at the end', (i) => (i % 5 ? `{"a":"${i}"}` : `{"a":"${i}\\`)],
    ['with spaces and nothing', (i) => (i % 2 ? `{ "a" : ${i} , "b" : "" }` : '{"a":,}')],
    ['that are numbers', (i) => `[${i},${-i}.5,1e${i % 300}]`],
    ['with bytes that are no UTF-8', (i) => `{"a":"\u00ff${i}"}`],
    ['with empty lines between', (i) => (i % 3 ? `{"a":${i}}` : '')],
  ])('are kept: %s', (_what, line) => {
    expectKept(lines(200, line));
    expectKept(Buffer.from(lines(200, line).toString('utf8'), 'latin1'));
  });

  it('are left to the other codecs where most lines are no JSON, or have a tab', () => {
    for (const line of [
      (i: number) => 'word '.repeat(i),
      (i: number) => `{"a":"\t${i}"}`,
      (i: number) => '['.repeat(i + 1),
      () => '{}',
    ])
      expect(encodeJsonLines(lines(200, line), 1)).toBeUndefined();
    expect(encodeJsonLines(Buffer.from('{"a":1}'), 1)).toBeUndefined();
    expect(encodeJsonLines(Buffer.alloc(0), 1)).toBeUndefined();
  });

  it('are kept whatever they hold', () => {
    const wild = fc.string({ unit: fc.constantFrom(...'{}[]:,"\\ a1é-.'), maxLength: 30 });
    const line = fc.oneof(fc.json({ maxDepth: 3 }), wild);
    const chunk = fc.array(
      line.filter((text) => !/[\t\n]/.test(text)),
      { minLength: 40, maxLength: 80 },
    );
    fc.assert(
      fc.property(chunk, fc.integer({ min: 17, max: 60 }), (some, usual) => {
        const all = [...some, ...Array.from({ length: usual + some.length }, (_, i) => `{"id":${i}}`)];
        expectKept(lines(all.length, (i) => all[(i * 7) % all.length] ?? ''));
      }),
      { numRuns: 200, seed: 18 },
    );
  });
});

describe('shapes that were harmed', () => {
  const plain = lines(300, (i) => (i % 50 === 3 ? 'odd line' : message(i)));
  const item = encodeJsonLines(plain, 1) ?? Buffer.alloc(0);
  const damaged = expect.objectContaining({ code: 'E_DAMAGED' });

  function expectBounded(harmed: Uint8Array): void {
    try {
      expect(decode(harmed).length).toBeLessThanOrEqual(MOST);
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_DAMAGED' });
    }
  }

  it('at any byte are refused, or make other lines, never more than was allowed', () => {
    for (const at of strides(9)) {
      if (at >= item.length) break;
      for (const bit of [1, 16, 128]) {
        const harmed = Buffer.from(item);
        harmed[at] = (harmed[at] ?? 0) ^ bit;
        expectBounded(harmed);
      }
    }
  });

  it('cut short at any byte, or with a byte more, are refused', () => {
    for (let end = 1; end < item.length; end++) expect(() => decode(item.subarray(0, end))).toThrow(damaged);
    expect(() => decode(Buffer.concat([item, Buffer.from([0])]))).toThrow('left over');
  });

  it('larger than allowed are refused before memory is taken for them', () => {
    expect(() => decode(item, plain.length - 1)).toThrow('at most');
    const bomb = Buffer.concat([Buffer.from([CODEC.zstd]), compress(Buffer.alloc(60e6), 1)]);
    const size = [(bomb.length & 127) | 128, bomb.length >> 7];
    const lying = Buffer.from([CODEC.shapes, 100, 20, 1, 1, 9, ...size, ...bomb]);
    expect(() => decode(lying)).toThrow(damaged);
  });

  it('with shapes or deltas in them, or tables for the numbers of shapes, are refused', () => {
    for (const codec of [CODEC.delta, CODEC.deltaZstd, CODEC.shapes, 9]) {
      const inner = Buffer.from([codec, 0x61, 0x0a]);
      const nested = Buffer.from([CODEC.shapes, 2, 1, 1, 1, 9, inner.length, ...inner]);
      expect(() => decode(nested)).toThrow(damaged);
    }
    const right = Buffer.from([CODEC.shapes, 2, 1, 1, 1, 9, 3, CODEC.raw, 0x61, 0x0a]);
    expect(decode(right).toString()).toBe('a\n');
  });

  it('made of anything are refused or bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        expectBounded(Uint8Array.from([CODEC.shapes, ...bytes])),
      ),
      { numRuns: 3000, seed: 7 },
    );
  });
});

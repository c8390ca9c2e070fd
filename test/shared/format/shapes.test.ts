import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODEC, decodeChain, encodeFull, encodeJsonLines } from '../../../shared/format/codec.ts';
import { decodeShapes } from '../../../shared/format/shapes/decode-shapes.ts';
import { encodeShapes } from '../../../shared/format/shapes/encode-shapes.ts';
import { splitLines } from '../../../shared/format/shapes/split-lines.ts';
import { compress } from '../../../shared/format/zstd.ts';
import { shapes as plainShapes } from '../../support/page-reader/shapes.ts';
import { plainSplit } from '../../support/repository/plain-shapes.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { cases, strides } from '../../support/repository/torture.ts';

const MOST = 1 << 20;
const decode = (item: Uint8Array, most = MOST) => decodeChain([item], most);
const lines = (count: number, line: (i: number) => string) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${line(i)}\n`).join(''), 'utf8');

/** The WebAssembly splits as the plain form does. */
function expectSplit(plain: Buffer): void {
  const split = splitLines(plain);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const groups = split?.groups.map(({ shape, values }) => ({ shape: text(shape), values: text(values) }));
  const expected = plainSplit(plain.toString('latin1'));
  expect(groups).toEqual(expected?.groups);
  expect(split && [...split.numbers]).toEqual(expected?.numbers);
}

/** Both readers give back what was there, and both writers make the same. */
function expectKept(plain: Buffer): Buffer {
  expectSplit(plain);
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
    for (const text of ['{"a":1}', '{"a":1}\n', '[1\n'.repeat(200), '\n'.repeat(200)]) {
      expect(encodeJsonLines(Buffer.from(text), 1)).toBeUndefined();
      expectSplit(Buffer.from(text));
    }
    expect(encodeJsonLines(Buffer.alloc(0), 1)).toBeUndefined();
  });

  it('are split as the plain form splits them, whatever they hold', () => {
    const byte = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'{}[]:,"\\ a1.-') },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) },
    );
    const part = fc.oneof(
      fc.string({ unit: byte, maxLength: 50 }),
      fc.json({ maxDepth: 2 }),
      fc
        .constantFrom('x', '"', '\\')
        .chain((sign) => fc.integer({ min: 1, max: 40 }).map((n) => sign.repeat(n))),
    );
    const line = fc.array(part, { maxLength: 3 }).map((parts) => parts.join('').replace(/[\t\n]/g, ''));
    const chunk = fc.array(fc.tuple(line, fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(chunk, fc.integer({ min: 0, max: 16 }), (some, shift) => {
        const all = some.flatMap(([text, times]) => Array.from({ length: times }, () => text));
        const text = all.map((_, i) => `${all[(i * 31) % all.length]}\n`).join('');
        expectSplit(Buffer.from(text.slice(Math.min(shift, text.length - 1)), 'latin1'));
      }),
      { numRuns: cases(60, 3000, 100_000), seed: 19 },
    );
  });

  it('of very many shapes keep those with the most lines', () => {
    const shape = (i: number) => `${'['.repeat(1 + (i % 300))}${i}`;
    expectSplit(lines(300 * 20, shape));
    expectSplit(lines(300 * 20, (i) => (i < 300 * 16 ? shape(i) : `[[${i}`)));
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
      { numRuns: cases(25, 200, 2000), seed: 18 },
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

  it('are refused by the WebAssembly and by the plain form alike', () => {
    const raw = (bytes: Uint8Array) => Buffer.concat([Buffer.from([CODEC.raw]), bytes]);
    const open = (part: Uint8Array, most: number) => {
      if (part[0] !== CODEC.raw || part.length - 1 > most) throw new Error('not raw, or too large');
      return Buffer.from(part.subarray(1));
    };
    const few = lines(40, (i) =>
      i % 20 === 3 ? 'odd line, and more' : i % 3 ? `{"a":"${'x'.repeat(i)}"}` : `[${i},null]`,
    );
    const body = encodeShapes(few, raw) ?? Buffer.alloc(0);
    const expectAlike = (harmed: Buffer) => {
      const [first, second] = [
        () => decodeShapes(harmed, MOST, open),
        () => plainShapes(harmed, MOST, new Set()),
      ].map((read) => {
        try {
          return read().toString('latin1');
        } catch {
          return 'refused';
        }
      });
      expect(first).toBe(second);
    };
    const half = Math.floor(body.length / 2);
    for (let at = 0; at < body.length; at++) {
      for (const byte of [0, 1, 9, 10, 255, (body[at] ?? 0) ^ 1, (body[at] ?? 0) ^ 64]) {
        const harmed = Buffer.from(body);
        harmed[at] = byte;
        expectAlike(harmed);
      }
      expectAlike(Buffer.concat([body.subarray(0, at), body.subarray(at + 1)]));
      expectAlike(Buffer.concat([body.subarray(0, at), body.subarray(half, half + 1), body.subarray(at)]));
    }
    expect(decodeShapes(body, MOST, open).equals(few)).toBe(true);
  });

  it('cut short at any byte, or with a byte more, are refused', () => {
    for (const end of strides(7)) {
      if (end >= item.length) break;
      expect(() => decode(item.subarray(0, end))).toThrow(damaged);
    }
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

  it('with more bytes of values than the lines have are refused', () => {
    const values = [3, CODEC.raw, 9, 10];
    const empty = Buffer.from([2, 2, 2, 2, 9, 9, 3, 0x7b, 9, 9, 3, CODEC.raw, 0, 1, ...values, ...values]);
    const full = Buffer.from(empty);
    full[0] = 3;
    for (const body of [empty, full]) {
      expect(() => decode(Buffer.concat([Buffer.from([CODEC.shapes]), body]))).toThrow(damaged);
      expect(() => plainShapes(body, MOST, new Set())).toThrow();
    }
  });

  it('made of anything are refused or bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        expectBounded(Uint8Array.from([CODEC.shapes, ...bytes])),
      ),
      { numRuns: cases(600, 3000, 30000), seed: 7 },
    );
  });
});

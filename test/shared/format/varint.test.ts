import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../shared/format/varint.ts';

const natural = fc.maxSafeNat();
const integer = fc.integer({ min: -(2 ** 51), max: 2 ** 51 });

describe('varint', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.array(natural), fc.array(integer), (naturals, integers) => {
        const writer = new ByteWriter(1);
        for (const n of naturals) writer.varint(n);
        for (const n of integers) writer.signed(n);
        const reader = new ByteReader(writer.finish(), 'test');
        expect(naturals.map(() => reader.varint())).toEqual(naturals);
        expect(integers.map(() => reader.signed())).toEqual(integers.map((n) => n + 0));
        reader.end();
      }),
    );
  });

  it.each([
    { title: 'runs past the end', bytes: [0x80] },
    { title: 'is longer than it need be', bytes: [0x80, 0x00] },
    { title: 'is larger than 2^53-1', bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f] },
    { title: 'never ends', bytes: Array(12).fill(0xff) },
  ])('rejects a number that $title', ({ bytes }) => {
    expect(() => new ByteReader(Uint8Array.from(bytes), 'test').varint()).toThrow(
      expect.objectContaining({ code: 'E_DAMAGED' }),
    );
  });

  it('rejects a count of more things than can follow, before it allocates any', () => {
    const writer = new ByteWriter();
    writer.varint(2 ** 52);
    expect(() => new ByteReader(writer.finish(), 'test').count(1)).toThrow(/does not fit/);
  });
});

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  decodeListLeaf,
  decodeListRoot,
  encodeListLeaf,
  encodeListRoot,
  type ListedPack,
  splitPacks,
} from '../../../shared/format/pack-list.ts';

const SALT = Buffer.alloc(16, 7);
const idOf = (of: string | number) => createHash('sha256').update(String(of)).digest('hex');
const keyOf = (run: number) => ({
  run: idOf(`run ${run}`).slice(0, 32),
  purpose: 'data' as const,
  rootKeyId: 'hex:0011223344556677',
  wrapped: Buffer.alloc(60, run).toString('base64'),
});
const packsOf = (count: number, keys = 3): ListedPack[] =>
  Array.from({ length: count }, (_, i) => ({ id: idOf(i), bytes: i * 1000 + 1, key: keyOf(i % keys) }));

/** A leaf, by hand, from docs/reference/format.md: all numbers below 128, so that each is one byte. */
function leafByHand(packs: readonly { id: string; bytes: number; key: number }[], keys: string): Buffer {
  return Buffer.concat([
    Buffer.from('HFPL'),
    Buffer.from([1, 0, 0, 0]),
    SALT,
    Buffer.from([0x80 | (keys.length & 0x7f), keys.length >> 7]),
    Buffer.from(keys),
    Buffer.from([packs.length]),
    ...packs.map(({ id }) => Buffer.from(id, 'hex')),
    Buffer.from(packs.map(({ bytes }) => bytes)),
    Buffer.from(packs.map(({ key }) => key)),
  ]);
}

describe('a leaf of a list of packs', () => {
  it('has the bytes that docs/reference/format.md says', () => {
    const [one, two] = [keyOf(1), keyOf(2)];
    const packs = [
      { id: idOf('a'), bytes: 5, key: two },
      { id: idOf('b'), bytes: 120, key: one },
      { id: idOf('c'), bytes: 0, key: two },
    ];
    const byHand = leafByHand(
      packs.map(({ id, bytes, key }) => ({ id, bytes, key: key === two ? 0 : 1 })),
      JSON.stringify([two, one]),
    );
    expect(encodeListLeaf(packs, SALT).equals(byHand)).toBe(true);
    expect(decodeListLeaf(byHand, 'leaf')).toEqual(packs);
  });

  it('gives back what it was made of', () => {
    for (const count of [1, 2, 255, 256, 4096]) {
      const packs = packsOf(count);
      expect(decodeListLeaf(encodeListLeaf(packs, SALT), 'leaf')).toEqual(packs);
    }
  });

  it('is refused where anything of it cannot be', () => {
    const keys = JSON.stringify([keyOf(1)]);
    const whole = leafByHand([{ id: idOf('a'), bytes: 5, key: 0 }], keys);
    const damaged = expect.objectContaining({ code: 'E_DAMAGED' });
    const decode = (bytes: Buffer) => () => decodeListLeaf(bytes, 'leaf');
    expect(decode(leafByHand([{ id: idOf('a'), bytes: 5, key: 1 }], keys))).toThrow(damaged);
    expect(decode(Buffer.concat([whole, Buffer.from([0])]))).toThrow(damaged);
    expect(decode(leafByHand([], '{"not":"keys"}'.padEnd(200)))).toThrow(damaged);
    for (let length = 0; length < whole.length; length++)
      expect(decode(whole.subarray(0, length))).toThrow(damaged);
    const newer = Buffer.from(whole);
    newer[4] = 2;
    expect(decode(newer)).toThrow(expect.objectContaining({ code: 'E_NEWER_FORMAT' }));
    const root = Buffer.from(whole);
    root[5] = 1;
    expect(decode(root)).toThrow(damaged);
  });
});

describe('the root of a list of packs', () => {
  it('gives back what it was made of, and is refused if it is cut short', () => {
    const children = Array.from({ length: 60 }, (_, i) => ({
      id: idOf(i),
      bytes: 40_000 + i,
      packs: 1000 + i,
      packBytes: 8_000_000_000 + i,
    }));
    const root = encodeListRoot(children, SALT);
    expect(decodeListRoot(root, 'root')).toEqual(children);
    expect(root.subarray(0, 8).toString('latin1')).toBe('HFPL\x01\x01\x00\x00');
    for (let length = 0; length < root.length; length += 7)
      expect(() => decodeListRoot(root.subarray(0, length), 'root')).toThrow(
        expect.objectContaining({ code: 'E_DAMAGED' }),
      );
  });
});

describe('where leaves end', () => {
  it('is within bounds, and loses no pack', () => {
    const packs = packsOf(12_000, 1);
    const groups = splitPacks(packs);
    expect(groups.flat()).toEqual(packs);
    for (const group of groups.slice(0, -1)) {
      expect(group.length).toBeGreaterThanOrEqual(256);
      expect(group.length).toBeLessThanOrEqual(4096);
    }
    expect(groups.length).toBeGreaterThan(6);
    expect(groups.length).toBeLessThan(30);
  });

  it('is the same for what did not change: a few packs fewer, and some more at the end, leave most leaves as they were', () => {
    const packs = packsOf(12_000, 1);
    const names = (groups: readonly (readonly ListedPack[])[]) =>
      new Set(groups.map((group) => JSON.stringify(group)));
    const before = names(splitPacks(packs));
    const fewer = packs.filter((_, i) => ![17, 5000, 9001].includes(i));
    const more = Array.from({ length: 50 }, (_, i) => ({ id: idOf(`new ${i}`), bytes: 1, key: keyOf(9) }));
    const after = names(splitPacks([...fewer, ...more]));
    expect([...after].filter((group) => !before.has(group)).length).toBeLessThanOrEqual(8);
  });
});

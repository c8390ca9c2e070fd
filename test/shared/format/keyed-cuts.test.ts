import { hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KeyedCuts } from '../../../shared/format/keyed-cuts.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';

const MASK = 2n ** 64n - 1n;

/** SipHash-2-4 with big integers, from its paper. */
function sipHash(key: Buffer, text: Buffer): bigint {
  const [k0, k1] = [key.readBigUInt64LE(0), key.readBigUInt64LE(8)];
  let [v0, v1] = [k0 ^ 0x736f6d6570736575n, k1 ^ 0x646f72616e646f6dn];
  let [v2, v3] = [k0 ^ 0x6c7967656e657261n, k1 ^ 0x7465646279746573n];
  const rotate = (v: bigint, bits: bigint) => ((v << bits) | (v >> (64n - bits))) & MASK;
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & MASK;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const padded = Buffer.alloc(8 * (Math.floor(text.length / 8) + 1));
  text.copy(padded);
  padded[padded.length - 1] = text.length;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

const SECRET = Buffer.alloc(32, 3);
const KEY = Buffer.from(hkdfSync('sha256', SECRET, '', 'holdfast/2 cuts', 48));

/** What docs/reference/format.md says of a test point, and nothing faster. */
function proposes(window: Buffer, distance: number, sizes: typeof SIZES): boolean {
  let n = 0n;
  for (let i = 0; i < 4; i++) {
    const word = (at: number) => BigInt((window.readUInt32LE(4 * at) + KEY.readUInt32LE(4 * at)) % 2 ** 32);
    n = (n + word(i) * word(i + 4)) & MASK;
  }
  const text = Buffer.alloc(8);
  text.writeBigUInt64LE(n);
  const low = Number(sipHash(KEY.subarray(32), text) & 0xffffffffn);
  return low < distance * Math.floor(2 ** 32 / (sizes.averageBytes - sizes.minBytes));
}

const SIZES = { minBytes: 256, averageBytes: 256 + 2048, maxBytes: 64 * 1024 };

/** The end of the first record that a chunk may end with. */
function firstCut(bytes: Buffer, start: number): number | undefined {
  for (let record = start; record < bytes.length; ) {
    const end = bytes.indexOf(10, record) + 1 || bytes.length + 1;
    for (let before = record; before < end; ) {
      const point = Math.min(before + 32, end);
      if (point > bytes.length) return undefined;
      if (
        point > start + SIZES.minBytes &&
        proposes(bytes.subarray(point - 32, point), point - before, SIZES)
      )
        return end;
      before = point;
    }
    record = end;
  }
  return undefined;
}

describe('keyed cuts', () => {
  it('are by a SipHash that gives what its authors publish', () => {
    const bytes = Buffer.from(Array.from({ length: 16 }, (_, i) => i));
    expect(sipHash(bytes, bytes.subarray(0, 15)).toString(16)).toBe('a129ca6149be45e5');
    expect(sipHash(bytes, bytes.subarray(0, 8)).toString(16)).toBe('93f5f5799a932462');
  });

  const random = seededRandom(4);
  const rowsOf = (most: number) =>
    Array.from({ length: Math.ceil(60_000 / Math.min(most, 2000)) }, () => {
      const row = Buffer.from(Array.from({ length: 1 + random() * most }, () => 97 + random() * 26));
      row[row.length - 1] = 10;
      return row;
    });
  it.each([
    ['one byte or two', Buffer.concat(rowsOf(2))],
    ['up to 40 bytes', Buffer.concat(rowsOf(40))],
    ['up to 300 bytes', Buffer.concat(rowsOf(300))],
    ['up to 9,000 bytes', Buffer.concat(rowsOf(9000))],
    ['32 bytes', Buffer.from(`${'0123456789abcdefghijklmnopqrstu\n'}`.repeat(2000))],
    ['a table', Buffer.from(seededRows(600, 8).join(''))],
    ['bytes that are not text', Buffer.from(Array.from({ length: 60_000 }, () => random() * 256))],
  ])('are where docs/reference/format.md says, in rows of %s', (_, bytes) => {
    const test = new KeyedCuts(SIZES, SECRET);
    let cuts = 0;
    for (let start = 0; start < bytes.length; cuts++) {
      const expected = firstCut(bytes, start);
      const found = test.propose(bytes, start, bytes.length);
      const end = found === undefined ? undefined : bytes.indexOf(10, found) + 1 || bytes.length + 1;
      expect(end).toBe(expected);
      start = end ?? start + 10_007;
    }
    expect(cuts).toBeGreaterThan(5);
  });
});

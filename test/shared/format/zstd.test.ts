import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MiB } from '../../../shared/core/units.ts';
import {
  compress,
  compressInto,
  decompress,
  decompressInto,
  mostCompressedBytes,
} from '../../../shared/format/zstd.ts';
import { ZstdStream } from '../../../shared/format/zstd-stream.ts';
import { cases } from '../../support/repository/torture.ts';

const MOST = 1 << 20;
const DAMAGED = expect.objectContaining({ code: 'E_DAMAGED' });
const LEVELS = [1, 3, 9];

/** Bytes that compress well, badly or not at all, of 0 to 150 KB. */
const bytes = fc
  .tuple(
    fc.integer({ min: 0, max: 150_000 }),
    fc.integer({ min: 1, max: 256 }),
    fc.integer({ min: 1, max: 2 ** 30 }),
  )
  .map(([length, values, seed]) => {
    const made = Buffer.alloc(length);
    let state = seed;
    for (let at = 0; at < length; at++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      made[at] = (state >>> 16) % values;
    }
    return made;
  });

/** What Node's documented functions make of it. */
const judged = (frame: Uint8Array) => zlib.zstdDecompressSync(frame);

/** A frame of uncompressed blocks (RFC 8878), by hand: all its content is there, but no block says that it is the last. */
function unfinishedFrame(content: Buffer): Buffer {
  const head = Buffer.alloc(9 + 3);
  head.writeUInt32LE(0xfd2fb528, 0);
  head.writeUInt8(0b1010_0000, 4);
  head.writeUInt32LE(content.length, 5);
  head.writeUIntLE(content.length << 3, 9, 3);
  return Buffer.concat([head, content]);
}

describe('zstd', () => {
  it('makes frames that Node reads, and reads those of Node, one after the other', () => {
    fc.assert(
      fc.property(bytes, fc.constantFrom(...LEVELS), (plain, level) => {
        expect(judged(compress(plain, level)).equals(plain)).toBe(true);
        expect(decompress(zlib.zstdCompressSync(plain), MOST).equals(plain)).toBe(true);
        const sized = zlib.zstdCompressSync(plain, { pledgedSrcSize: plain.length });
        const into = Buffer.alloc(plain.length);
        decompressInto(sized, into);
        expect(into.equals(plain)).toBe(true);
      }),
      { numRuns: cases(50, 300, 10_000), seed: 24 },
    );
  });

  it('writes a frame where it is told to, and nothing before it', () => {
    const plain = Buffer.from('abc '.repeat(1000));
    const to = Buffer.alloc(5 + mostCompressedBytes(plain.length), 0xee);
    const length = compressInto(plain, 3, to, 5);
    expect(to.subarray(0, 5)).toEqual(Buffer.alloc(5, 0xee));
    expect(judged(to.subarray(5, 5 + length)).equals(plain)).toBe(true);
    const item = compress(plain, 3, 1);
    expect(judged(item.subarray(1)).equals(plain)).toBe(true);
  });

  it('reads the next frame after one that is cut short, damaged, or has no last block', () => {
    const plain = Buffer.from('a good frame '.repeat(2000));
    const good = zlib.zstdCompressSync(plain, { pledgedSrcSize: plain.length });
    const other = compress(Buffer.from('x y z '.repeat(3000)), 3);
    for (let at = 0; at < other.length; at++) {
      const damaged = Buffer.from(other);
      damaged[at] = (damaged[at] ?? 0) ^ 0x55;
      for (const bad of [other.subarray(0, at), damaged]) {
        try {
          decompress(bad, MOST);
        } catch (error) {
          expect(error).toEqual(DAMAGED);
        }
        expect(decompress(good, MOST).equals(plain)).toBe(true);
      }
    }
    const unfinished = unfinishedFrame(Buffer.alloc(1000, 'u'));
    for (const read of [
      () => decompress(unfinished, MOST),
      () => decompressInto(unfinished, Buffer.alloc(1000)),
    ]) {
      try {
        read();
      } catch (error) {
        expect(error).toEqual(DAMAGED);
      }
      expect(decompress(good, MOST).equals(plain)).toBe(true);
    }
  });

  it('keeps no memory of a large text, as a catalog can be', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heldBytes = () => {
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const large = Buffer.alloc(20 * MiB, 'a large text ');
    const work = () => {
      const item = compress(large, 3, 1);
      expect(judged(item.subarray(1)).equals(large)).toBe(true);
      const to = Buffer.alloc(MOST);
      expect(judged(to.subarray(1, 1 + compressInto(large, 3, to, 1))).equals(large)).toBe(true);
      expect(decompress(item.subarray(1), large.length).equals(large)).toBe(true);
    };
    compress(Buffer.alloc(MOST), 3);
    const before = heldBytes();
    work();
    // Buffers that were collected are given back by a thread of their own.
    for (let tries = 0; heldBytes() - before > 8 * MiB && tries < 100; tries++) await setTimeout(50);
    expect(heldBytes() - before).toBeLessThan(8 * MiB);
  });

  it('knows how large a frame can become, whatever is in it', () => {
    for (const length of [0, 1, 255, 256, 1000, 131_071, 131_072, 131_073, 1_000_000]) {
      const most = length + (length >> 8) + (length < 131_072 ? (131_072 - length) >> 11 : 0);
      expect(mostCompressedBytes(length)).toBeGreaterThanOrEqual(most + 64);
      expect(mostCompressedBytes(length)).toBeLessThanOrEqual(most + 128);
      for (const level of LEVELS)
        expect(compress(randomBytes(length), level).length).toBeLessThanOrEqual(most);
    }
  });

  it('refuses a frame that holds more or less than is asked for', () => {
    const frame = compress(Buffer.alloc(1000, 'x'), 3);
    for (const length of [0, 1, 999, 1001])
      expect(() => decompressInto(frame, Buffer.alloc(length))).toThrow(DAMAGED);
    expect(() => decompress(frame, 999)).toThrow(DAMAGED);
    const lies = Buffer.from(frame);
    lies.writeUInt16LE(1000 - 256 + 1, 5);
    expect(() => decompress(lies, MOST)).toThrow(DAMAGED);
  });
});

describe('a Node whose streams have no such internals', () => {
  afterEach(() => {
    vi.doUnmock('../../../shared/format/zstd-stream.ts');
    vi.resetModules();
  });

  it('does the same by the documented functions', async () => {
    vi.resetModules();
    vi.doMock('../../../shared/format/zstd-stream.ts', () => ({
      compressingStream: () => undefined,
      decompressingStream: () => undefined,
    }));
    const other = await import('../../../shared/format/zstd.ts');
    const plain = Buffer.from('the same bytes '.repeat(20_000));
    for (const level of LEVELS) {
      const frame = other.compress(plain, level);
      expect(judged(frame).equals(plain)).toBe(true);
      expect(other.decompress(frame, MOST).equals(plain)).toBe(true);
      const into = Buffer.alloc(plain.length);
      other.decompressInto(frame, into);
      expect(into.equals(plain)).toBe(true);
    }
  });

  it('is seen by what its streams lack', () => {
    expect(ZstdStream.of({}, 0)).toBeUndefined();
    expect(ZstdStream.of({ _handle: null, _writeState: new Uint32Array(2) }, 0)).toBeUndefined();
    expect(ZstdStream.of({ _handle: { writeSync() {} } }, 0)).toBeUndefined();
  });
});

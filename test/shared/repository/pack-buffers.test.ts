import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../../shared/core/units.ts';
import { readDirectory } from '../../../shared/format/pack.ts';
import { openPackSeal, parsePackHeader } from '../../../shared/format/seal.ts';
import { ChunkProcessor } from '../../../shared/repository/codec/chunk-processor.ts';

const runKey = randomBytes(32);
const processor = () =>
  new ChunkProcessor({
    version: 2,
    purpose: 'data',
    runKeyId: 'ab'.repeat(16) as never,
    runKey,
    packBytes: 4 * MiB,
    maxChunkBytes: MiB,
    level: 0,
  });

describe('the buffer of a pack', () => {
  it('is small while little was written', () => {
    const small = processor();
    small.addItem(randomBytes(10 * KiB));
    const [closed] = small.finish();
    expect(closed?.buffer.byteLength).toBeLessThan(256 * KiB);
  });

  it('grows to a full pack, and keeps every item', () => {
    const filled = processor();
    const sizes = Array.from({ length: 60 }, (_, at) => 1 + at * 3 * KiB);
    const closed = sizes.flatMap((size) => {
      filled.addItem(randomBytes(size));
      return filled.takeClosed();
    });
    const packs = [...closed, ...filled.finish()];
    const items = packs.flatMap(({ id, buffer, length }) => {
      const bytes = Buffer.from(buffer, 0, length);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(id);
      return readDirectory(bytes, openPackSeal(bytes, parsePackHeader(bytes, id), runKey, id), id);
    });
    expect(packs[0]?.length).toBe(4 * MiB);
    expect(items.map(({ storedBytes }) => storedBytes - 28)).toEqual(sizes);
  });

  it('is filled again, whatever size it had', () => {
    const one = processor();
    one.reuse(new ArrayBuffer(5 * KiB));
    one.addItem(randomBytes(300 * KiB));
    const [closed] = one.finish();
    expect(closed?.length).toBeGreaterThan(300 * KiB);
    expect(closed?.buffer.byteLength).toBeGreaterThanOrEqual(closed?.length ?? 0);
  });
});

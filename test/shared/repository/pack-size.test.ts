import { describe, expect, it } from 'vitest';
import { mostInMemory } from '../../../shared/core/parallel.ts';
import { GiB, MiB } from '../../../shared/core/units.ts';
import { packSizes } from '../../../shared/repository/packs/pack-size.ts';

const LEAST = 8 * MiB;
const sizes = (namedBytes: number, workers: number) =>
  packSizes(namedBytes, { packBytes: LEAST, maxUploads: 2, workers });

describe('packs', () => {
  it.each([
    [0, 8],
    [64 * GiB - 1, 8],
    [64 * GiB, 16],
    [256 * GiB, 32],
    [1024 * GiB, 64],
  ])('are larger where those that the parent names take %i bytes: %i MiB', (namedBytes, size) => {
    expect(sizes(namedBytes, 1).packBytes).toBe(size * MiB);
  });

  it('take no more memory than 128 MiB for it, whatever the number of worker threads', () => {
    for (const workers of [1, 2, 3, 4, 6, 8, 16])
      for (const namedBytes of [64, 256, 1024, 10_240].map((gib) => gib * GiB)) {
        const { packBytes, maxUploads } = sizes(namedBytes, workers);
        expect(maxUploads).toBeGreaterThan(0);
        if (packBytes > LEAST) expect((workers + maxUploads) * packBytes).toBeLessThanOrEqual(128 * MiB);
      }
  });

  it('are what they were where they are the smallest', () => {
    expect(sizes(0, 30)).toEqual({ packBytes: LEAST, maxUploads: 2, keepsBuffers: true });
  });

  it('are read whole as many at once as fit into memory', () => {
    const many = { most: 6, memoryBytes: 64 * MiB };
    expect(mostInMemory([{ bytes: 8 * MiB }, { bytes: 1 }], many)).toBe(6);
    expect(mostInMemory([{ bytes: 1 }, { bytes: 32 * MiB }], many)).toBe(2);
    expect(mostInMemory([{ bytes: 100 * MiB }], many)).toBe(1);
    expect(mostInMemory([], many)).toBe(6);
  });
});

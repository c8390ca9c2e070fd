import { GiB, MiB } from '../../core/units.ts';

/** How much larger packs are where those that the parent names take so much: docs/reference/format.md, "Pack". */
const GROWTH = [
  { fromBytes: 1024 * GiB, factor: 8 },
  { fromBytes: 256 * GiB, factor: 4 },
  { fromBytes: 64 * GiB, factor: 2 },
  { fromBytes: 0, factor: 1 },
] as const;

/** For packs that are being filled, one in each worker thread, and those on their way to the store. */
const MEMORY_BYTES = 128 * MiB;

/** Larger ones are let go when they are stored: as long as they wait to be filled again, they take memory. */
const LARGEST_KEPT_BYTES = 16 * MiB;

/** How large packs are, and how many are on their way. */
export interface PackSizes {
  readonly packBytes: number;
  /** Packs on their way to the store at once. */
  readonly maxUploads: number;
  /** Whether the buffers of stored packs are filled again. */
  readonly keepsBuffers: boolean;
}

/**
 * How large packs of chunks are to be. A repository of a terabyte has some 16,000 packs so, and not 130,000, and no
 * more memory is taken: of large packs fewer are uploaded at once, and where workers are many they are not so large.
 *
 * @param namedBytes what the packs take that the parent names; 0 for a first backup, and for backups of version 1
 * @param limits what holds for the smallest
 */
export function packSizes(
  namedBytes: number,
  limits: { readonly packBytes: number; readonly maxUploads: number; readonly workers: number },
): PackSizes {
  const { packBytes: least, workers } = limits;
  const inMemory = (packBytes: number) => Math.floor(MEMORY_BYTES / packBytes);
  const { factor } = GROWTH.find((step) => namedBytes >= step.fromBytes && fits(step.factor)) ?? {
    factor: 1,
  };
  const packBytes = least * factor;
  const fewer = Math.max(1, Math.min(limits.maxUploads, inMemory(packBytes) - workers));
  const maxUploads = factor === 1 ? limits.maxUploads : fewer;
  return { packBytes, maxUploads, keepsBuffers: packBytes <= Math.max(least, LARGEST_KEPT_BYTES) };

  function fits(times: number): boolean {
    return inMemory(least * times) > workers;
  }
}

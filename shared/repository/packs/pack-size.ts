import { GiB, MiB } from '../../core/units.ts';

/**
 * How much larger packs are if the packs that the parent names have this size: docs/reference/format.md,
 * "Pack".
 */
const GROWTH = [
  { fromBytes: 1024 * GiB, factor: 8 },
  { fromBytes: 256 * GiB, factor: 4 },
  { fromBytes: 64 * GiB, factor: 2 },
  { fromBytes: 0, factor: 1 },
] as const;

/** For packs being filled, one in each worker thread, and those being uploaded. */
const MEMORY_BYTES = 128 * MiB;

/** Larger buffers are released once stored: while they wait to be filled again, they take memory. */
const LARGEST_KEPT_BYTES = 16 * MiB;

/** How large packs are, and how many are on their way. */
export interface PackSizes {
  readonly packBytes: number;
  /** Packs being uploaded at once. */
  readonly maxUploads: number;
  /** Whether the buffers of stored packs are filled again. */
  readonly keepsBuffers: boolean;
}

/**
 * How large packs of chunks should be. A repository of a terabyte then has some 16,000 packs instead of
 * 130,000, for no more memory: fewer large packs are uploaded at once, and with many workers packs are
 * smaller.
 *
 * @param namedBytes size of the packs that the parent names; 0 for a first backup, and for backups of version
 * 1
 * @param limits for the smallest size
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

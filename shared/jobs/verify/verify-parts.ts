import { GiB } from '../../core/units.ts';
import { depthText, MOST_PARTS, type VerifyDepth } from './verify-depth.ts';

/**
 * Bytes of packs: a function reads about 10 GB a minute, which leaves room for trees, bases and a slow store.
 */
const PART_BYTES = 32 * GiB;

/** The two halves of a part; undefined if it is as small as parts are, or reads nothing. */
export function halvesOf(depth: VerifyDepth): readonly [VerifyDepth, VerifyDepth] | undefined {
  if (depth.kind === 'quick') return undefined;
  const { kind, part, of } = depth.kind === 'full' ? { kind: 'subset' as const, part: 1, of: 1 } : depth;
  if (2 * of > MOST_PARTS) return undefined;
  // A pack is in part n of t if its id is n - 1 beyond a multiple of t.
  return [
    { kind, part, of: 2 * of },
    { kind, part: part + of, of: 2 * of },
  ];
}

/** The depths that together read a depth of this size, each part small enough for a function. */
export function verifyParts(depth: VerifyDepth, bytes: number): readonly VerifyDepth[] {
  if (bytes <= PART_BYTES) return [depth];
  return halvesOf(depth)?.flatMap((half) => verifyParts(half, bytes / 2)) ?? [depth];
}

/** What a verification of a backup's new packs asks for, one event per part. */
export function newPartsOf(backup: string, storedBytes: number) {
  return verifyParts({ kind: 'new', part: 1, of: 1 }, storedBytes).map((depth) => ({
    backup,
    depth: depthText(depth),
    inParts: true,
  }));
}

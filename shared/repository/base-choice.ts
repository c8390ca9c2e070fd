import { type ChunkRef, type ItemLocation, MAX_CHAIN, type PackHandle } from '../format/chunk-ref.ts';

/** A delta larger than this share of the chunk stored in full is not worth its place in a chain. */
const MOST_DELTA_SHARE = 1 / 2;

export interface BaseChoice {
  /** What the delta would be added to: the beginning of the parent's chain. */
  readonly chain: readonly ItemLocation[];
  /** The largest item that is kept as a delta. */
  readonly maxDeltaBytes: number;
}

/**
 * The base for a chunk that changed: the parent's chunk; when its chain is full, or its deltas take as much as
 * a full chunk would, the full chunk that it began with; nothing where that lies in a pack that is going.
 */
export function chooseBase(
  parent: ChunkRef,
  plainBytes: number,
  isKept: (pack: PackHandle) => boolean,
): BaseChoice | undefined {
  const gone = parent.chain.findIndex(({ pack }) => !isKept(pack));
  const kept = gone < 0 ? parent.chain : parent.chain.slice(0, gone);
  const full = kept[0];
  if (!full) return undefined;
  const fullBytes = full.storedBytes * Math.max(1, plainBytes / Math.max(1, parent.plainBytes));
  const most = fullBytes * MOST_DELTA_SHARE;
  const deltaBytes = kept.slice(1).reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  if (kept.length >= MAX_CHAIN || deltaBytes >= most)
    return { chain: [full], maxDeltaBytes: Math.floor(most) };
  return { chain: kept, maxDeltaBytes: Math.floor(most) };
}

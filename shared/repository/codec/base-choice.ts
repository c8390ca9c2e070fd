import { type ChunkRef, type ItemLocation, MAX_CHAIN, type PackHandle } from '../../format/chunk-ref.ts';

/** A delta larger than this share of the chunk stored in full is not worth its place in a chain. */
const MOST_DELTA_SHARE = 1 / 2;

/** What a chunk is stored as a difference from. */
export interface BaseChoice {
  /** The chain to add the delta to: the beginning of the parent's chain. */
  readonly chain: readonly ItemLocation[];
  /** The largest item that is kept as a delta. */
  readonly maxDeltaBytes: number;
}

/**
 * The base for a changed chunk: the parent's chunk, whose chain grows by one. A full chain is shortened
 * first: the new delta replaces its last ones. No base if its deltas take more than a full chunk, or if the
 * full chunk is in a pack that is being retired.
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
  if (sizeOf(kept.slice(1)) >= fullBytes) return undefined;
  const chain = kept.length >= MAX_CHAIN ? shortened(kept) : kept;
  return { chain, maxDeltaBytes: Math.floor(fullBytes * MOST_DELTA_SHARE) };
}

/**
 * The beginning of a full chain, up to where each delta is at least as large as all later ones together. So
 * each change is stored again only a few times, however long the chunk lives.
 */
function shortened(chain: readonly ItemLocation[]): readonly ItemLocation[] {
  const isSmall = ({ storedBytes }: ItemLocation, at: number) =>
    at > 0 && storedBytes < sizeOf(chain.slice(at + 1));
  const end = chain.findIndex(isSmall);
  return chain.slice(0, end < 0 ? 1 : end);
}

function sizeOf(items: readonly ItemLocation[]): number {
  return items.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
}

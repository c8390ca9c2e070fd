import type { DatasetPlan } from '../../sources/source.ts';

/** Partitions that one process reads. */
export interface ShareGroup {
  readonly estimatedBytes: number;
  /** Indexes of datasets and of their partitions. */
  readonly parts: readonly (readonly [dataset: number, partition: number])[];
}

/**
 * Groups all partitions into shares of about `shareBytes`: as many shares as the total needs, `mostShares` at most; each partition,
 * largest first, goes into the one with the least. The whole schema goes into the first, as one process reads
 * it part by part.
 */
export function groupShares(
  datasets: readonly DatasetPlan[],
  shareBytes: number,
  mostShares = Number.POSITIVE_INFINITY,
): readonly ShareGroup[] {
  const all = datasets.flatMap(({ kind, partitions }, dataset) =>
    partitions.map(({ estimatedBytes }, partition) => ({
      kind,
      estimatedBytes,
      at: [dataset, partition] as const,
    })),
  );
  const total = all.reduce((sum, { estimatedBytes }) => sum + estimatedBytes, 0);
  const data = all.filter(({ kind }) => kind === 'data');
  const most = Math.max(1, Math.min(data.length, mostShares, Math.ceil(total / shareBytes)));
  const groups = Array.from({ length: most }, () => ({
    estimatedBytes: 0,
    parts: [] as (readonly [number, number])[],
  }));
  const [first] = groups;
  for (const { kind, estimatedBytes, at } of all.toSorted(largestFirst)) {
    const group = kind === 'schema' ? first : groups.reduce(least);
    if (!group) continue;
    group.estimatedBytes += Math.round(estimatedBytes);
    group.parts.push(at);
  }
  return groups.filter(({ parts }, i) => i === 0 || parts.length > 0);
}

interface Part {
  readonly kind: 'schema' | 'data';
  readonly estimatedBytes: number;
}

/** Schema before data, so that the share with the schema takes less data. */
function largestFirst(a: Part, b: Part): number {
  if (a.kind !== b.kind) return a.kind === 'schema' ? -1 : 1;
  return b.estimatedBytes - a.estimatedBytes;
}

function least<T extends { readonly estimatedBytes: number }>(best: T, next: T): T {
  return next.estimatedBytes < best.estimatedBytes ? next : best;
}

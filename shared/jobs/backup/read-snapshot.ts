import { parallel } from '../../core/parallel.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { StoredRef } from '../../repository/reading/stored-ref.ts';
import type { ViewToCommit } from '../../repository/writing/backup-to-write.ts';
import type { ShareWriter } from '../../repository/writing/share-writer.ts';
import type { ChangedPartition, DatasetPlan, SourceCapabilities, SourceView } from '../../sources/source.ts';
import type { ReadTotal } from './read-total.ts';

interface ReadOptions {
  /** Parts of the snapshot; those that a share takes. @default all */
  readonly parts?: readonly ChangedPartition[];
  readonly maxReaders: number;
  readonly signal: AbortSignal;
  /** Learns of each part that was read. */
  readonly total: Pick<ReadTotal, 'over'>;
}

/**
 * Reads partitions into a writer: data, largest part first, and in parallel the schema, one part after the
 * other, whose writer may take much memory, and time in which the data need not wait. Then again what changed
 * meanwhile; last the facts about the data.
 */
export async function readSnapshot(
  view: SourceView,
  writer: ShareWriter,
  { parts = allPartitions(view.datasets), maxReaders, signal, total }: ReadOptions,
): Promise<void> {
  const read = async (part: ChangedPartition, stopping: AbortSignal) => {
    const { dataset, partition } = part;
    if (partition.sameAsParent && (await writer.reusePartition(dataset, partition.name))) {
      total.over(part, partition.estimatedBytes);
      return;
    }
    let plainBytes = 0;
    const records = counted(view.read(dataset, partition, stopping), (bytes) => {
      plainBytes += bytes;
    });
    await writer.writePartition(dataset, partition.name, records);
    total.over(part, plainBytes);
  };
  const ordered = parts.toSorted((a, b) => b.partition.estimatedBytes - a.partition.estimatedBytes);
  const last = ordered.filter(({ dataset }) => dataset.readLast);
  const { schema = [], data = [] } = Object.groupBy(
    ordered.filter(({ dataset }) => !dataset.readLast),
    ({ dataset }) => dataset.kind,
  );
  const sides = [
    { side: schema, most: 1 },
    { side: data, most: maxReaders },
  ];
  await parallel(sides, { most: 2, signal }, ({ side, most }, stopping) =>
    parallel(side, { most, signal: stopping }, read),
  );
  for (
    let changed = (await view.changed?.(signal)) ?? [];
    changed.length > 0;
    changed = (await view.changed?.(signal)) ?? []
  )
    await parallel(changed, { most: maxReaders, signal }, read);
  await parallel(last, { most: 1, signal }, read);
}

async function* counted(
  records: AsyncIterable<Uint8Array>,
  add: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const block of records) {
    add(block.length);
    yield block;
  }
}

/**
 * What a snapshot says about itself, once all of it is read.
 *
 * @param after the newest change segment before it was opened; undefined: it is no base
 */
export function readOf(view: SourceView, capabilities: SourceCapabilities, after?: number): ViewToCommit {
  const { server, position, omitted, datasets, window } = view;
  const consistency = view.consistency ?? capabilities.consistency;
  const base = view.join && after !== undefined ? { join: view.join, after } : undefined;
  return { server, position, omitted, datasets, consistency, window, base };
}

/** Every partition of every dataset, in the order of the plan. */
export function allPartitions(datasets: readonly DatasetPlan[]): readonly ChangedPartition[] {
  return datasets.flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })));
}

/** Reports stored bytes, as running totals. */
export function countStored(onProgress: OnProgress): (stored: StoredRef) => void {
  let plainBytes = 0;
  let storedBytes = 0;
  return ({ ref, isNew }) => {
    plainBytes += ref.plainBytes;
    storedBytes += isNew ? (ref.chain.at(-1)?.storedBytes ?? 0) : 0;
    onProgress({ kind: 'done', plainBytes, storedBytes });
  };
}

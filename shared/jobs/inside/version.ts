import { HoldfastError } from '../../core/errors.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { BackupContents, StoredDataset, StoredPartition } from '../../sources/contents.ts';
import type { DatasetPlan, PartitionPlan, Source, SourceView } from '../../sources/source.ts';
import { contentsOf } from '../restore/contents.ts';

/** One of the two that are compared: a backup, or a database as it is now. */
export interface Version extends AsyncDisposable {
  /** What it is called in messages. */
  readonly name: string;
  readonly contents: BackupContents;
  /** The backup whose chunks hold it; undefined of a database. */
  readonly reader?: BackupReader;
  /** When all is read. @throws E_SOURCE_LOST, E_SOURCE_CHANGED if what was read is not of one moment */
  check(signal: AbortSignal): Promise<void>;
}

/** A backup as one of the two. */
export function backupVersion(reader: BackupReader): Version {
  return {
    name: reader.manifest.key,
    contents: contentsOf(reader),
    reader,
    check: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

/**
 * A database as it is now, as of one moment as far as its kind can promise. Its records are those that a backup of it would have.
 *
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function openLive(source: Source, signal: AbortSignal): Promise<Version> {
  const view = await source.open(signal, { allowEmpty: true });
  return {
    name: source.name,
    contents: contentsOfView(source.kind, view),
    check: (stopping) => view.check(stopping),
    [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
  };
}

/** Definitions are read once, as they are asked for with each table. */
function contentsOfView(sourceKind: string, view: SourceView): BackupContents {
  const planned = new Map<StoredPartition, readonly [DatasetPlan, PartitionPlan]>();
  const datasets = view.datasets.map((plan): StoredDataset => {
    const partitions = plan.partitions.map((partition) => {
      const stored = { name: partition.name, records: 0, plainBytes: partition.estimatedBytes };
      planned.set(stored, [plan, partition]);
      return stored;
    });
    const plainBytes = partitions.reduce((sum, partition) => sum + partition.plainBytes, 0);
    const { name, kind, attributes } = plan;
    return { name, kind, attributes, records: 0, plainBytes, partitions };
  });
  const definitions = new Map<StoredPartition, readonly Uint8Array[]>();
  return {
    sourceKind,
    server: view.server,
    datasets,
    async *read(dataset, partition, signal) {
      const [plan, part] = planned.get(partition) ?? [];
      if (!plan || !part) throw new HoldfastError('E_INTERNAL', `${dataset.name} has no such partition`);
      if (dataset.kind === 'data') {
        yield* view.read(plan, part, signal);
        return;
      }
      const known = definitions.get(partition);
      if (known) {
        yield* known;
        return;
      }
      const blocks = await Array.fromAsync(view.read(plan, part, signal), (block) => Buffer.from(block));
      definitions.set(partition, blocks);
      yield* blocks;
    },
    copy() {
      throw new HoldfastError('E_INTERNAL', 'a database cannot be copied into a file');
    },
  };
}

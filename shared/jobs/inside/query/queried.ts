import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import type { StoredDataset } from '../../../sources/contents.ts';
import { contentsOf, selectDatasets } from '../../restore/contents.ts';
import { type BlocksOf, recordBlocks } from './record-blocks.ts';

/** Which records are read, and what of them. */
export type WantedRecords = Omit<BlocksOf, 'dataset' | 'partition'>;

/** What a query reads: a backup, or what comes of one. */
export interface Queried {
  readonly sourceKind: string;
  /** With the numbers of records that `read` gives. */
  readonly datasets: readonly StoredDataset[];
  /** Blocks of whole records, or of some of their fields: record-blocks.ts. */
  read(dataset: StoredDataset, wanted: WantedRecords, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** A backup as it is. */
export function queriedBackup(reader: BackupReader): Queried {
  return {
    sourceKind: reader.manifest.source.kind,
    datasets: queriedDatasets(reader),
    read: (dataset, wanted, signal) => blocksOf(reader, dataset, wanted, signal),
  };
}

/** What a query can name of a backup, in the order of the files of `writeDatasets`. */
export function queriedDatasets(reader: BackupReader): readonly StoredDataset[] {
  return selectDatasets(contentsOf(reader), undefined);
}

async function* blocksOf(
  reader: BackupReader,
  { name: dataset, partitions }: StoredDataset,
  wanted: WantedRecords,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const { name: partition } of partitions)
    yield* recordBlocks(reader, { dataset, partition, ...wanted }, signal);
}

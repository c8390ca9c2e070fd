import type { FilePlace } from '../core/file-place.ts';
import type { JsonObject } from '../core/json.ts';

/** A partition as a backup has it. */
export interface StoredPartition {
  readonly name: string;
  readonly records: number;
  readonly plainBytes: number;
}

/** A dataset as a backup has it. */
export interface StoredDataset {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly attributes: JsonObject;
  readonly records: number;
  readonly plainBytes: number;
  readonly partitions: readonly StoredPartition[];
}

/** A backup as a target or an exporter sees it. */
export interface BackupContents {
  readonly sourceKind: string;
  /** Product and version of the server it was read from. */
  readonly server: string;
  readonly datasets: readonly StoredDataset[];
  /**
   * Yields a partition's records in the order of the backup, in blocks that are verified before they are
   * handed over, and the consumer's to keep. Blocks end at record ends, save inside a record that is larger than the largest chunk.
   *
   * @throws E_DAMAGED
   */
  read(dataset: StoredDataset, partition: StoredPartition, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Writes what `read` yields into a file, reads it back from there and compares. Yields the bytes that were done, piece by piece
   * from the front.
   *
   * @throws E_DAMAGED, E_RESTORE_DIFFERS, E_TARGET_FULL, E_SOURCE_DENIED
   */
  copy(
    dataset: StoredDataset,
    partition: StoredPartition,
    to: FilePlace,
    signal: AbortSignal,
  ): AsyncIterable<number>;
}

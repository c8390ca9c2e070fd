import { writePieces } from '../../core/file-place.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';

/** A backup as if it had always held other records: those that `read` gives. */
export function derivedContents(
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  read: BackupContents['read'],
): BackupContents {
  return {
    ...contents,
    datasets,
    read,
    async *copy(dataset, partition, to, signal) {
      let { at } = to;
      for await (const block of read(dataset, partition, signal)) {
        writePieces({ ...to, at }, [block]);
        at += block.length;
        yield block.length;
      }
    },
  };
}

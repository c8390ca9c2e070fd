import type { KeyRanges } from '../../format/key-ranges.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { nearChunks } from '../../repository/reading/near-chunks.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';

/** Told if least and greatest keys cannot be read, so that everything is. */
export type OnWarning = (message: string) => void;

/**
 * A backup of which records of a dataset are read as far as they may have one of some keys.
 *
 * @param ranges undefined: all are read
 */
export function nearContents(
  reader: BackupReader,
  contents: BackupContents,
  {
    dataset,
    ranges,
    onWarning = () => {},
  }: {
    readonly dataset: StoredDataset;
    readonly ranges: KeyRanges | undefined;
    readonly onWarning?: OnWarning | undefined;
  },
): BackupContents {
  if (!ranges) return contents;
  const onDamage = warningOf(onWarning);
  return {
    ...contents,
    read: (of, partition, signal) => {
      if (of.name !== dataset.name) return contents.read(of, partition, signal);
      const near = { dataset: of.name, partition: partition.name, ranges, onDamage, signal };
      return reader.readChunks(nearChunks(reader, near), signal);
    },
  };
}

/** What is said of damaged bounds. */
export function warningOf(onWarning: OnWarning): (problem: Error) => void {
  return ({ message }) => onWarning(`everything is read, as least and greatest keys cannot be: ${message}`);
}

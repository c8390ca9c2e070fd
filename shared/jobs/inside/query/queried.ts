import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import type { NearOptions } from '../../../repository/reading/near-chunks.ts';
import type { StoredDataset } from '../../../sources/contents.ts';
import { contentsOf, selectDatasets } from '../../restore/contents.ts';
import { type OnWarning, warningOf } from '../near-contents.ts';
import { type KeyTests, keysTested } from '../wanted-keys.ts';
import { recordBlocks } from './record-blocks.ts';

/** Which records are read, and what of them. */
export interface WantedRecords {
  /** Of the wanted fields, ascending. @default whole records */
  readonly places?: readonly number[] | undefined;
  /** Records for which they do not hold may be left out. @default all are wanted */
  readonly tests?: KeyTests | undefined;
  /** Told if least and greatest keys cannot be read, so that everything is. */
  readonly onWarning?: OnWarning | undefined;
}

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
  dataset: StoredDataset,
  { places, tests, onWarning = () => {} }: WantedRecords,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const near = { ranges: rangesFor(dataset, tests), onDamage: warningOf(onWarning) };
  for (const { name: partition } of dataset.partitions)
    yield* recordBlocks(reader, { dataset: dataset.name, partition, places, ...near }, signal);
}

/** Keys of which at least one list of tests holds; undefined if one of them says too little. */
function rangesFor(dataset: StoredDataset, tests: KeyTests = []): NearOptions['ranges'] | undefined {
  const each = tests.map((all) => keysTested(dataset, all));
  const known = each.flatMap((ranges) => ranges ?? []);
  const [first] = known;
  if (!first || known.length < each.length) return undefined;
  return { keyId: first.keyId, mayBeIn: (bounds) => known.some((ranges) => ranges.mayBeIn(bounds)) };
}

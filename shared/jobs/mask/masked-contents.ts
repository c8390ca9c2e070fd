import { KiB } from '../../core/units.ts';
import type { RecordDigest } from '../../format/record-digest.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { recordsIn, wholeRecords } from '../../sources/rows.ts';
import { derivedContents } from '../restore/derived-contents.ts';
import type { Keyed } from './keyed.ts';
import type { MaskPlan } from './plan-mask.ts';
import { RowMasker } from './row-masker.ts';

const BLOCK_BYTES = 256 * KiB;
const NEWLINE = Buffer.from('\n');

/**
 * A backup as if its values had always been the masked ones: nobody who reads it gets another. Sizes in bytes are those of the backup
 * itself.
 *
 * @param digestOf takes up all records that are read of a dataset
 */
export function maskedContents(
  contents: BackupContents,
  plan: MaskPlan,
  keyed: Keyed,
  digestOf: (dataset: StoredDataset) => RecordDigest | undefined = () => undefined,
): BackupContents {
  const maskers = new Map(
    plan.tables.map(({ facts, decisions }) => [facts.dataset, new RowMasker(facts, decisions, keyed)]),
  );
  const left = new Set(plan.leftOut.map(({ name }) => name));
  const read: BackupContents['read'] = async function* (dataset, partition, signal) {
    const masker = maskers.get(dataset.name);
    const digest = digestOf(dataset);
    const blocks = contents.read(dataset, partition, signal);
    for await (const block of masker?.isNeeded ? masked(blocks, masker) : blocks) {
      digest?.update(block);
      yield block;
    }
  };
  return derivedContents(
    contents,
    contents.datasets.filter(({ name }) => !left.has(name)),
    read,
  );
}

async function* masked(blocks: AsyncIterable<Uint8Array>, masker: RowMasker): AsyncGenerator<Uint8Array> {
  for await (const block of wholeRecords(blocks)) {
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    for (const record of recordsIn(block)) {
      const made = masker.mask(record);
      pieces.push(made, NEWLINE);
      bytes += made.length + 1;
      if (bytes < BLOCK_BYTES) continue;
      yield Buffer.concat(pieces);
      pieces = [];
      bytes = 0;
    }
    if (bytes > 0) yield Buffer.concat(pieces);
  }
}

import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { NearOptions } from '../../repository/reading/near-chunks.ts';
import { splitRecords } from '../../sources/rows.ts';
import { markedRuns } from './record-runs.ts';

/**
 * The records of a partition after a number of first ones. Of what lies before them only the tree is read, and of that only nodes on the
 * way.
 *
 * @param skipped how many to leave out
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* recordsFrom(
  reader: BackupReader,
  {
    dataset,
    partition,
    skipped,
  }: { readonly dataset: string; readonly partition: string; readonly skipped: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let passed = 0;
  let isReached = false;
  // What ends inside a record must not be the last that is passed: its rest would look like a record.
  const passes = (records: number) => {
    if (isReached || passed + records >= skipped) return false;
    passed += records;
    return true;
  };
  const runs = async function* () {
    const isWanted = ({ records }: { readonly records: number }) => !passes(records);
    for await (const { refs } of reader.leaves(reader.root(dataset, partition), { isWanted, signal })) {
      const wanted = refs.filter(({ records }) => {
        if (passes(records)) return false;
        isReached = true;
        return true;
      });
      yield { refs: wanted };
    }
  };
  for await (const record of splitRecords(reader.readChunks(runs(), signal))) {
    if (passed < skipped) passed++;
    else yield record;
  }
}

/** A record, and how many of its partition lie before it; undefined: those were passed over. */
export interface PlacedRecord {
  readonly record: Uint8Array | undefined;
  readonly place: number;
}

/**
 * The records after the first so many of a partition that may have one of some keys; chunks that can hold none are passed over, and it
 * is said how far that is.
 *
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* nearRecordsFrom(
  reader: BackupReader,
  { skipped, ...near }: NearOptions & { readonly skipped: number },
): AsyncGenerator<PlacedRecord> {
  let before = 0;
  for await (const { refs, isNear } of markedRuns(reader, near)) {
    let place = before;
    before += refs.reduce((sum, ref) => sum + ref.records, 0);
    if (before <= skipped) continue;
    if (!isNear) {
      yield { record: undefined, place: before };
      continue;
    }
    for await (const record of splitRecords(reader.readChunks(once({ refs }), near.signal))) {
      if (place >= skipped) yield { record, place };
      place++;
    }
  }
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield item;
}

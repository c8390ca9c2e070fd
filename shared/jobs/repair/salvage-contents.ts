import { writePieces } from '../../core/file-place.ts';
import type { BackupContents } from '../../sources/contents.ts';
import type { DamagedDataset } from '../../sources/target.ts';
import { contentsOf } from '../restore/contents.ts';
import type { LostRange } from './lost-records.ts';
import type { SalvagedBackup } from './salvaged-backup.ts';

/** Records of a partition that cannot be recovered. */
export interface MissingRange {
  readonly dataset: string;
  readonly partition: string;
  /** Number of the first, counted from 1. */
  readonly fromRecord: number;
  readonly records: number;
  readonly plainBytes: number;
  /** What is wrong with the first object that they were in. */
  readonly problem: string;
}

/** What can still be read of a backup, and what is lost. */
export interface Salvage {
  /** What is left. */
  readonly contents: BackupContents;
  readonly damaged: ReadonlyMap<string, DamagedDataset>;
  readonly missing: readonly MissingRange[];
  readonly chunksFromElsewhere: number;
}

/** What is left of a backup, for targets, and what is missing. */
export async function readSalvage(backup: SalvagedBackup, signal: AbortSignal): Promise<Salvage> {
  const whole = contentsOf(backup.reader);
  const gaps = new Map<string, readonly LostRange[]>();
  const damaged = new Map<string, DamagedDataset>();
  const missing: MissingRange[] = [];
  const datasets: BackupContents['datasets'][number][] = [];
  let chunksFromElsewhere = 0;
  for (const dataset of whole.datasets) {
    const partitions: (typeof dataset.partitions)[number][] = [];
    const lost: MissingRange[] = [];
    let isEndLost = false;
    for (const partition of dataset.partitions) {
      const found = await backup.gaps(dataset.name, partition.name, signal);
      chunksFromElsewhere += found.chunksFromElsewhere;
      gaps.set(nameOf(dataset.name, partition.name), found.gaps);
      const ranges = found.gaps.map((gap) => rangeOf(dataset.name, partition.name, gap));
      for (const range of ranges) lost.push(range);
      isEndLost = found.gaps.at(-1)?.end === partition.plainBytes;
      partitions.push({ name: partition.name, ...left(partition, ranges) });
    }
    if (lost.length > 0) damaged.set(dataset.name, { isEndLost });
    for (const range of lost) missing.push(range);
    datasets.push({ ...dataset, ...left(dataset, lost), partitions });
  }
  const read: BackupContents['read'] = (dataset, partition, using) => {
    const of = gaps.get(nameOf(dataset.name, partition.name)) ?? [];
    return backup.read(dataset.name, partition.name, { gaps: of, signal: using });
  };
  const copy: BackupContents['copy'] = async function* (dataset, partition, to, using) {
    let { at } = to;
    for await (const block of read(dataset, partition, using)) {
      writePieces({ ...to, at }, [block]);
      at += block.length;
      yield block.length;
    }
  };
  return { contents: { ...whole, datasets, read, copy }, damaged, missing, chunksFromElsewhere };
}

function rangeOf(
  dataset: string,
  partition: string,
  { start, end, fromRecord, records, problem }: LostRange,
): MissingRange {
  return { dataset, partition, fromRecord, records, plainBytes: end - start, problem };
}

function left(
  { records, plainBytes }: { readonly records: number; readonly plainBytes: number },
  lost: readonly MissingRange[],
): { readonly records: number; readonly plainBytes: number } {
  return {
    records: lost.reduce((rest, range) => rest - range.records, records),
    plainBytes: lost.reduce((rest, range) => rest - range.plainBytes, plainBytes),
  };
}

function nameOf(dataset: string, partition: string): string {
  return JSON.stringify([dataset, partition]);
}

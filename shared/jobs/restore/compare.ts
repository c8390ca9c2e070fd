import { copyInto } from '../../core/copy-into.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import { RecordDigest, recordHash } from '../../format/record-digest.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { DatasetPlan, SourceView } from '../../sources/source.ts';

/**
 * How one dataset in a database differs from the same dataset in a backup. The order of records does not
 * matter. A dataset whose attributes say `collective` holds records of many objects, such as the values of
 * all sequences: the target may have others besides.
 */
export interface DatasetComparison {
  readonly dataset: string;
  readonly equal: boolean;
  readonly backupRecords: number;
  readonly targetRecords: number;
  /**
   * Records of the backup that the target lacks (with multiplicity); for very many, a lower bound. 0 when
   * equal.
   */
  readonly missing: number;
  /** Records of the target that the backup lacks. 0 when equal. */
  readonly unexpected: number;
}

const DIGEST_BLOCK_BYTES = 1 * MiB;
/** Records held in memory at once to count differences; beyond it, counts are lower bounds. */
const MOST_HELD = 1_000_000;
const NEWLINE = 0x0a;

/** What is compared, and with what. */
export interface CompareOptions {
  readonly repository: Repository;
  readonly contents: BackupContents;
  readonly datasets: readonly StoredDataset[];
  /** Digests of the backup's datasets that are already known, by name. */
  readonly digests: ReadonlyMap<string, RecordDigest>;
  readonly view: SourceView;
  /** Whether the two are equal byte for byte; called for datasets that have no digest yet. */
  readonly isSame: (dataset: StoredDataset, plan: DatasetPlan) => Promise<boolean>;
  readonly maxReaders: number;
  readonly onDataset: (comparison: DatasetComparison) => void;
  readonly signal: AbortSignal;
}

/**
 * Compares datasets of a backup with what a database holds now: byte by byte if the order may be the same,
 * else by digests of their records; if those differ, record by record in the parts that do.
 */
export async function compareDatasets(options: CompareOptions): Promise<DatasetComparison[]> {
  const { contents, datasets, digests, view, maxReaders, onDataset, signal } = options;
  const comparisons: DatasetComparison[] = [];
  const compared = orderedMap(datasets, maxReaders, async (dataset) => {
    const plan = view.datasets.find(({ name }) => name === dataset.name);
    if (plan && !digests.has(dataset.name) && (await options.isSame(dataset, plan)))
      return sameAsBackup(dataset);
    const inBackup = digests.get(dataset.name) ?? (await digestStored(contents, dataset, signal));
    const inTarget = await digestLive(options, plan);
    const buckets = inBackup.differingBuckets(inTarget);
    const mayHoldMore = dataset.attributes['collective'] === true;
    const looked = withinBound(buckets, inBackup, inTarget);
    const difference =
      buckets.length === 0 ? NONE : await countDifferences(options, { dataset, plan, buckets: looked });
    return {
      dataset: dataset.name,
      equal: buckets.length === 0 || (mayHoldMore && difference.missing === 0),
      backupRecords: inBackup.records,
      targetRecords: inTarget.records,
      ...difference,
    };
  });
  for await (const comparison of compared) {
    comparisons.push(comparison);
    onDataset(comparison);
  }
  return comparisons;
}

/** A comparison that found no difference. */
export function sameAsBackup({ name, records }: StoredDataset): DatasetComparison {
  return { dataset: name, equal: true, backupRecords: records, targetRecords: records, ...NONE };
}

const NONE = { missing: 0, unexpected: 0 };

async function digestStored(
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
): Promise<RecordDigest> {
  const digest = new RecordDigest();
  for (const partition of dataset.partitions) {
    for await (const block of contents.read(dataset, partition, signal)) digest.update(block);
  }
  return digest;
}

/** Hashes on the worker threads, a block of whole records at a time. */
async function digestLive(
  { repository, view, signal }: CompareOptions,
  plan: DatasetPlan | undefined,
): Promise<RecordDigest> {
  const digest = new RecordDigest();
  const { pool } = repository.context;
  for (const partition of plan?.partitions ?? []) {
    if (!plan) break;
    const free: SharedArrayBuffer[] = [];
    const blocks = recordBlocks(view.read(plan, partition, signal), free);
    const parts = orderedMap(blocks, pool.size + 1, async ({ block, end, isWhole }) => {
      const parts = isWhole ? (await pool.run({ kind: 'digest', block, end }, [], signal)).value : undefined;
      return { block, end, parts };
    });
    for await (const { block, end, parts: done } of parts) {
      if (done) digest.merge(done);
      else digest.update(Buffer.from(block, 0, end));
      free.push(block);
    }
  }
  return digest;
}

/** The stream again, in blocks that begin and end at record ends, unless a record is larger than a block. */
async function* recordBlocks(stream: AsyncIterable<Uint8Array>, free: SharedArrayBuffer[]) {
  const newBlock = () => free.pop() ?? new SharedArrayBuffer(DIGEST_BLOCK_BYTES);
  let block = newBlock();
  let view = Buffer.from(block);
  let filled = 0;
  let isInside = false;
  for await (const bytes of stream) {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + view.length - filled);
      filled += copyInto(view, filled, piece);
      at += piece.length;
      if (filled < view.length) continue;
      const newline = view.lastIndexOf(NEWLINE) + 1;
      const end: number = isInside || newline === 0 ? filled : newline;
      const isWhole = !isInside && newline > 0;
      const rest = Buffer.from(view.subarray(end, filled));
      isInside = isInside ? view[end - 1] !== NEWLINE : newline === 0;
      yield { block, end, isWhole };
      block = newBlock();
      view = Buffer.from(block);
      filled = copyInto(view, 0, rest);
    }
  }
  if (filled > 0) yield { block, end: filled, isWhole: !isInside };
}

/** As many of the buckets as can be compared at once; at least one. */
function withinBound(buckets: readonly number[], a: RecordDigest, b: RecordDigest): readonly number[] {
  let held = 0;
  return buckets.filter((bucket, i) => {
    held += (a.counts[bucket] ?? 0) + (b.counts[bucket] ?? 0);
    return i === 0 || held <= MOST_HELD;
  });
}

/** Counts records of the given buckets on both sides. */
async function countDifferences(
  { contents, view, signal }: CompareOptions,
  where: {
    readonly dataset: StoredDataset;
    readonly plan: DatasetPlan | undefined;
    readonly buckets: readonly number[];
  },
): Promise<{ readonly missing: number; readonly unexpected: number }> {
  const { dataset, plan, buckets } = where;
  const wanted = new Set(buckets);
  const balance = new Map<string, number>();
  const count = (record: Uint8Array, step: number) => {
    const { bucket, hash } = recordHash(record);
    if (!wanted.has(bucket)) return;
    const name = hash.slice(0, 20);
    const left = (balance.get(name) ?? 0) + step;
    if (left === 0) balance.delete(name);
    else balance.set(name, left);
  };
  for (const partition of dataset.partitions) {
    for await (const record of records(contents.read(dataset, partition, signal))) count(record, 1);
  }
  for (const partition of plan?.partitions ?? []) {
    if (plan) for await (const record of records(view.read(plan, partition, signal))) count(record, -1);
  }
  let missing = 0;
  let unexpected = 0;
  for (const left of balance.values()) {
    if (left > 0) missing += left;
    else unexpected -= left;
  }
  return { missing, unexpected };
}

async function* records(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of stream) {
    const bytes = Buffer.concat([rest, block]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
  }
}

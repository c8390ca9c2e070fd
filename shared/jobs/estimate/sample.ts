import { throwIfAborted } from '../../core/abort.ts';
import { KiB } from '../../core/units.ts';
import type { DatasetPlan, PartitionPlan, Source, SourceView } from '../../sources/source.ts';

/** Of each partition at least so much is read: what is small is read whole. */
const LEAST_BYTES = 64 * KiB;
const NEWLINE = 0x0a;

/** The first records of one partition. */
interface SampledPartition {
  readonly dataset: DatasetPlan;
  readonly partition: PartitionPlan;
  /** Whole records. */
  readonly blocks: readonly Uint8Array[];
  readonly plainBytes: number;
  readonly isWhole: boolean;
}

/** Records of a source, as they are in a backup, and how long reading them took. */
export interface Sample {
  readonly parts: readonly SampledPartition[];
  readonly plainBytes: number;
  /** All records of the source: exact if all were read, else by what the source says of its sizes. */
  readonly totalBytes: number;
  readonly isWhole: boolean;
  /** From the first request for records to the last record. */
  readonly readMs: number;
  readonly server: string;
}

/**
 * Reads the beginning of every partition of data, more of a large one, into memory.
 *
 * @param options.sampleBytes of records, about; at least 64 KiB of each partition are read beside it
 * @throws E_SOURCE_*, E_EMPTY_READ, E_ABORTED
 */
export async function readSample(
  source: Source,
  { sampleBytes, signal }: { readonly sampleBytes: number; readonly signal: AbortSignal },
): Promise<Sample> {
  await using view = await source.open(signal);
  const all = view.datasets
    .filter(({ kind, readLast }) => kind === 'data' && !readLast)
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })));
  const estimated = sum(all, ({ partition }) => partition.estimatedBytes);
  const startedMs = performance.now();
  const parts: SampledPartition[] = [];
  for (const one of all) {
    throwIfAborted(signal);
    const share = estimated === 0 ? 0 : one.partition.estimatedBytes / estimated;
    parts.push(await readPart(view, one, { mostBytes: Math.max(LEAST_BYTES, sampleBytes * share), signal }));
  }
  const readMs = performance.now() - startedMs;
  const plainBytes = sum(parts, (part) => part.plainBytes);
  const isWhole = parts.every((part) => part.isWhole);
  return { parts, plainBytes, totalBytes: totalOf(parts), isWhole, readMs, server: view.server };
}

async function readPart(
  view: SourceView,
  { dataset, partition }: Pick<SampledPartition, 'dataset' | 'partition'>,
  { mostBytes, signal }: { readonly mostBytes: number; readonly signal: AbortSignal },
): Promise<SampledPartition> {
  const blocks: Uint8Array[] = [];
  let plainBytes = 0;
  let isWhole = true;
  for await (const block of view.read(dataset, partition, signal)) {
    // The block is the source's again when the next one is asked for.
    blocks.push(Uint8Array.from(block));
    plainBytes += block.length;
    isWhole = plainBytes < mostBytes;
    if (!isWhole) break;
  }
  if (isWhole) return { dataset, partition, blocks, plainBytes, isWhole };
  const kept = wholeRecords(blocks);
  return { dataset, partition, blocks: kept, plainBytes: sum(kept, ({ length }) => length), isWhole };
}

/** Without the record that goes on in a block that was not read. */
function wholeRecords(blocks: readonly Uint8Array[]): readonly Uint8Array[] {
  const last = blocks.findLastIndex((block) => block.includes(NEWLINE));
  return blocks
    .slice(0, last + 1)
    .map((block, i) => (i === last ? block.subarray(0, block.lastIndexOf(NEWLINE) + 1) : block));
}

/** Sources know sizes on disk: those of partitions that were read whole say how many bytes of records that makes. */
function totalOf(parts: readonly SampledPartition[]): number {
  const whole = parts.filter(({ isWhole }) => isWhole);
  const read = sum(whole, ({ plainBytes }) => plainBytes);
  const said = sum(whole, ({ partition }) => partition.estimatedBytes);
  const others = sum(
    parts.filter(({ isWhole }) => !isWhole),
    ({ partition, plainBytes }) => Math.max(plainBytes, partition.estimatedBytes),
  );
  const trusted = said > others / 10 ? read / said : 1;
  return Math.round(read + others * trusted);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

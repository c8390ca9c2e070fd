import { randomBytes } from 'node:crypto';
import { COMPRESSION_NAMES, COMPRESSIONS, type Compression } from '../../config/compression.ts';
import { monthlyCost, type StoragePrice } from '../../core/forecast.ts';
import { DAY_MS, MiB, SECOND_MS } from '../../core/units.ts';
import { HexKeyProvider } from '../../keys/hex-key-provider.ts';
import { Repository } from '../../repository/repository.ts';
import type { DatasetPlan, Source, SourceView } from '../../sources/source.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { runBackup } from '../backup/backup.ts';
import { readSample, type Sample } from './sample.ts';

/** Read of a source where nobody asks for more or less. */
export const DEFAULT_SAMPLE_BYTES = 32 * MiB;
/** A change of so much of the records adds about twice as much of a first backup's bytes: docs/internals/performance.md. */
const DELTA_FACTOR = 2;
const DAYS_OF_MONTH = 30;

/** What backups at one level of compression take. */
export interface LevelEstimate {
  readonly compression: Compression;
  /** Of zstd. */
  readonly level: number;
  /** Of the first backup. */
  readonly storedBytes: number;
  /** Reading and storing go on at the same time: the slower of the two. */
  readonly firstBackupMs: number;
  readonly cpuMs: number;
  /** After a month of daily backups, all of them kept. */
  readonly monthBytes: number;
  /** A month of storing `monthBytes`; undefined: no price is known. */
  readonly monthlyCost: number | undefined;
}

/** What backups of a source will take. */
export interface Estimate {
  readonly source: { readonly kind: string; readonly name: string; readonly server: string };
  /** Records that were read for it. */
  readonly sampleBytes: number;
  /** All records of the source, as far as it knows its sizes; exact if `isWhole`. */
  readonly plainBytes: number;
  readonly isWhole: boolean;
  readonly readBytesPerSecond: number;
  /** Share of the records that change in a day, 0 to 1. */
  readonly dailyChange: number;
  readonly price: StoragePrice | undefined;
  readonly levels: readonly LevelEstimate[];
}

/** How much of a source is read, and what is assumed of its changes. */
export interface EstimateOptions {
  readonly sampleBytes?: number;
  readonly dailyChange: number;
  readonly price: StoragePrice | undefined;
  /** Threads. */
  readonly workers: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a sample of a source and backs it up at each level of compression, into memory: what it says of sizes and times is
 * measured of these records, on this machine.
 *
 * @throws E_SOURCE_*, E_EMPTY_READ, E_ABORTED
 */
export async function estimateBackups(
  source: Source,
  { sampleBytes = DEFAULT_SAMPLE_BYTES, dailyChange, price, workers, signal }: EstimateOptions,
): Promise<Estimate> {
  const sample = await readSample(source, { sampleBytes, signal });
  const { plainBytes, totalBytes, isWhole, readMs, server } = sample;
  const times = totalBytes / Math.max(1, plainBytes);
  const levels: LevelEstimate[] = [];
  // The first backup of a process also starts what all of them use; its time says nothing.
  await backUp(source, sample, { level: COMPRESSIONS.fast, workers, signal });
  for (const compression of COMPRESSION_NAMES) {
    const level = COMPRESSIONS[compression];
    const measured = await backUp(source, sample, { level, workers, signal });
    const storedBytes = Math.round(measured.storedBytes * times);
    const added = Math.min(storedBytes, storedBytes * dailyChange * DELTA_FACTOR);
    const monthBytes = Math.round(storedBytes + added * (DAYS_OF_MONTH - 1));
    levels.push({
      compression,
      level,
      storedBytes,
      firstBackupMs: Math.round(Math.max(readMs, measured.wallMs) * times),
      cpuMs: Math.round(measured.cpuMs * times),
      monthBytes,
      monthlyCost: price && monthlyCost(monthBytes, price),
    });
  }
  const { kind, name } = source;
  return {
    source: { kind, name, server },
    sampleBytes: plainBytes,
    plainBytes: totalBytes,
    isWhole,
    readBytesPerSecond: Math.round(plainBytes / (Math.max(1, readMs) / SECOND_MS)),
    dailyChange,
    price,
    levels,
  };
}

async function backUp(
  source: Source,
  sample: Sample,
  {
    level,
    workers,
    signal,
  }: { readonly level: number; readonly workers: number; readonly signal: AbortSignal },
): Promise<{ readonly storedBytes: number; readonly wallMs: number; readonly cpuMs: number }> {
  const store = new MemoryStore();
  const keys = new HexKeyProvider(randomBytes(32).toString('hex'));
  await Repository.init({ store, keys, signal });
  await using repository = await Repository.open({ store, keys, workers, level, graceMs: DAY_MS, signal });
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const { storedBytes } = await runBackup(repository, sampledSource(source, sample), {
    allowEmpty: true,
    signal,
  });
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  return { storedBytes, wallMs, cpuMs: (user + system) / 1000 };
}

/** A source that holds what was read for the sample. */
function sampledSource({ kind, name, capabilities }: Source, { parts, server }: Sample): Source {
  const datasets: DatasetPlan[] = [...Map.groupBy(parts, ({ dataset }) => dataset)].map(
    ([dataset, some]) => ({
      ...dataset,
      partitions: some.map(({ partition: { name: part }, plainBytes }) => ({
        name: part,
        estimatedBytes: plainBytes,
      })),
    }),
  );
  const blocksOf = (dataset: string, partition: string) =>
    parts.find((part) => part.dataset.name === dataset && part.partition.name === partition)?.blocks ?? [];
  const view: SourceView = {
    position: '',
    server,
    datasets,
    omitted: [],
    read: async function* (dataset, partition) {
      yield* blocksOf(dataset.name, partition.name);
    },
    check: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return { kind, name, capabilities, open: async () => view };
}

import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { throwIfAborted } from '../../shared/core/abort.ts';
import type { FilePlace } from '../../shared/core/file-place.ts';
import type { JsonObject } from '../../shared/core/json.ts';
import type { BackupContents, StoredDataset } from '../../shared/sources/contents.ts';
import type {
  ChangedPartition,
  Consistency,
  DatasetPlan,
  OpenOptions,
  PartitionPlan,
  Source,
  SourceView,
} from '../../shared/sources/source.ts';

export const never: AbortSignal = new AbortController().signal;

/** All that a source gave of one dataset. */
export interface ReadDataset {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly attributes: JsonObject;
  /** Their bytes by name, in the order of the plan. */
  readonly partitions: ReadonlyMap<string, Buffer>;
}

/** Everything that a source gave, in memory. */
export interface Reading {
  readonly kind: string;
  readonly server: string;
  readonly consistency: Consistency;
  readonly datasets: readonly ReadDataset[];
}

/** How a source is read. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  readonly parent?: Reading | undefined;
  /** Read the schema too, which takes time; what is said of the data is always read. @default false */
  readonly schema?: boolean;
  /** Ask the view at the end whether it stood. A read must fail without that too. @default true */
  readonly check?: boolean;
  /** Called after each block. */
  readonly onBlock?: ((dataset: string, block: number) => Promise<void>) | undefined;
}

/** Opens a source and reads all of it as a backup does: what changed again, and last what is said of the rest. */
export async function readSource(source: Source, options: ReadOptions = {}): Promise<Reading> {
  const { signal = never, parent } = options;
  await using view = await source.open(signal, openOptions(parent));
  return await readView(source, view, options);
}

export function openOptions(parent: Reading | undefined): OpenOptions {
  return parent ? { parent: asContents(parent) } : {};
}

export async function readView(
  source: Pick<Source, 'kind' | 'capabilities'>,
  view: SourceView,
  options: ReadOptions = {},
): Promise<Reading> {
  const { signal = never, check = true } = options;
  const read = await readParts(view, options);
  if (check) await view.check(signal);
  return {
    kind: source.kind,
    server: view.server,
    consistency: view.consistency ?? source.capabilities.consistency,
    // What is said of a dataset may have grown while it was read.
    datasets: view.datasets.flatMap(({ name, kind, attributes, partitions }) => {
      const parts = read.get(name);
      if (!parts) return [];
      const inOrder = new Map(partitions.map((part) => [part.name, parts.get(part.name) ?? Buffer.alloc(0)]));
      return [{ name, kind, attributes, partitions: inOrder }];
    }),
  };
}

async function readParts(
  view: SourceView,
  { signal = never, schema = false, onBlock }: ReadOptions,
): Promise<ReadonlyMap<string, ReadonlyMap<string, Buffer>>> {
  const read = new Map<string, Map<string, Buffer>>();
  const take = async ({ dataset, partition }: ChangedPartition) => {
    const parts = read.get(dataset.name) ?? new Map();
    read.set(
      dataset.name,
      parts.set(partition.name, await readPartition(view, dataset, partition, { signal, onBlock })),
    );
  };
  const parts = view.datasets
    .filter(({ kind, readLast }) => schema || kind === 'data' || readLast)
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })));
  for (const part of parts.filter(({ dataset }) => !dataset.readLast)) await take(part);
  for (let again = await changed(view, signal); again.length > 0; again = await changed(view, signal))
    for (const part of again) await take(part);
  for (const part of parts.filter(({ dataset }) => dataset.readLast)) await take(part);
  return read;
}

async function changed(view: SourceView, signal: AbortSignal) {
  return (await view.changed?.(signal)) ?? [];
}

/** One partition's bytes. Each block is looked at when it comes and once more before the next is asked for. */
export async function readPartition(
  view: SourceView,
  dataset: DatasetPlan,
  partition: PartitionPlan,
  { signal = never, onBlock }: Pick<ReadOptions, 'signal' | 'onBlock'> = {},
): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of view.read(dataset, partition, signal)) {
    const copy = Buffer.from(block);
    await onBlock?.(dataset.name, blocks.length);
    await turn();
    assert.ok(copy.equals(block), `a block of ${dataset.name} changed before the next was asked for`);
    blocks.push(copy);
  }
  return Buffer.concat(blocks);
}

/** The data of a reading, for comparing two of them byte by byte. */
export function dataOf({ datasets }: Reading): Readonly<Record<string, string>> {
  return Object.fromEntries(
    datasets
      .filter(({ kind }) => kind === 'data')
      .map(({ name, partitions }) => [
        name,
        [...partitions]
          .map(([part, bytes]) => `${part}:${bytes.length}:${bytes.toString('base64')}`)
          .join(' '),
      ]),
  );
}

const BLOCK_BYTES = 16 * 1024;

/** A reading as targets see a backup of it: blocks end where records end, save inside of a large one. */
export function asContents(reading: Reading): BackupContents {
  const bytesOf = (dataset: string, partition: string) =>
    reading.datasets.find(({ name }) => name === dataset)?.partitions.get(partition) ?? Buffer.alloc(0);
  return {
    sourceKind: reading.kind,
    server: reading.server,
    datasets: reading.datasets.map(storedOf),
    read: async function* ({ name }, partition, signal) {
      for (const block of blocksOf(bytesOf(name, partition.name))) {
        throwIfAborted(signal);
        yield Uint8Array.from(block);
      }
    },
    copy: ({ name }, partition, to, signal) => copyTo(bytesOf(name, partition.name), to, signal),
  };
}

function storedOf({ name, kind, attributes, partitions }: ReadDataset): StoredDataset {
  const parts = [...partitions].map(([part, bytes]) => ({
    name: part,
    records: bytes.reduce((lines, byte) => lines + Number(byte === 0x0a), 0),
    plainBytes: bytes.length,
  }));
  const records = parts.reduce((sum, part) => sum + part.records, 0);
  const plainBytes = parts.reduce((sum, part) => sum + part.plainBytes, 0);
  return { name, kind, attributes, records, plainBytes, partitions: parts };
}

function* blocksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const most = bytes.subarray(at, at + BLOCK_BYTES);
    const end = most.lastIndexOf(0x0a) + 1;
    const block = most.length < BLOCK_BYTES || end === 0 ? most : most.subarray(0, end);
    yield block;
    at += block.length;
  }
}

async function* copyTo(bytes: Buffer, { path, at }: FilePlace, signal: AbortSignal): AsyncGenerator<number> {
  await using handle = await open(path, 'r+');
  let to = at;
  for (const block of blocksOf(bytes)) {
    throwIfAborted(signal);
    await handle.write(block, 0, block.length, to);
    to += block.length;
    yield block.length;
  }
}

import type { CatalogDataset } from '../../format/catalog.ts';
import type { ItemLocation } from '../../format/chunk-ref.ts';
import type { NodeRef } from '../../format/tree.ts';
import type { StoredRef } from './stored-ref.ts';

/** Figures about a dataset of a backup. */
export interface DatasetFigures {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly records: number;
  readonly plainBytes: number;
  readonly chunks: number;
  /** Stored bytes of the first items of its chunks' chains: its compressed size. Undefined if not known. */
  readonly wholeBytes: number | undefined;
  /** It holds no data of the source, only what the next backup may use: having less of it is no loss. */
  readonly isBookkeeping?: boolean;
}

/** Figures about a dataset that was just written. */
export interface WrittenFigures extends DatasetFigures {
  readonly wholeBytes: number;
  /** Plain bytes of chunks that are the parent's, or a delta of one of those. */
  readonly keptBytes: number;
  /** Chunks that were stored. */
  readonly newChunks: number;
}

/** What a run stored of one partition, beside its root. */
export interface PartitionTally {
  readonly wholeBytes: number;
  readonly keptBytes: number;
  readonly newChunks: number;
}

/** Adds up what a run stores of one partition. */
export class Tally implements PartitionTally {
  wholeBytes = 0;
  keptBytes = 0;
  /** Chunks that were stored. */
  newChunks = 0;
  #first: ItemLocation | undefined;

  /** In the order of the partition. */
  add({ ref, isNew }: StoredRef): void {
    const [first] = ref.chain;
    // A chunk may be a delta of a far larger one; and chunks that such a one was divided into share it.
    const isShared = first?.pack === this.#first?.pack && first?.offset === this.#first?.offset;
    if (!isShared) this.wholeBytes += Math.min(first?.storedBytes ?? 0, ref.plainBytes);
    this.#first = first;
    if (!isNew || ref.chain.length > 1) this.keptBytes += ref.plainBytes;
    if (isNew) this.newChunks++;
  }
}

/** @param partitions of the dataset; those without chunks have no root */
export function figuresOfWritten(
  { name, kind, attributes }: Pick<CatalogDataset, 'name' | 'kind' | 'attributes'>,
  partitions: readonly { readonly root: NodeRef | null; readonly tally: PartitionTally }[],
): WrittenFigures {
  const sum = (key: keyof PartitionTally) => partitions.reduce((total, { tally }) => total + tally[key], 0);
  return {
    name,
    kind,
    isBookkeeping: isBookkeeping(attributes),
    ...sumOf(partitions.flatMap(({ root }) => root ?? [])),
    wholeBytes: sum('wholeBytes'),
    keptBytes: sum('keptBytes'),
    newChunks: sum('newChunks'),
  };
}

/** For a stored dataset, from its catalog. */
export function figuresOf({
  name,
  kind,
  attributes,
  wholeBytes,
  partitions,
}: CatalogDataset): DatasetFigures {
  const sums = sumOf(partitions.flatMap(({ root }) => root ?? []));
  return { name, kind, isBookkeeping: isBookkeeping(attributes), wholeBytes, ...sums };
}

function isBookkeeping(attributes: CatalogDataset['attributes']): boolean {
  return attributes['bookkeeping'] === true;
}

type Counts = Pick<DatasetFigures, 'records' | 'plainBytes' | 'chunks'>;

function sumOf(roots: readonly Counts[]): Counts {
  const sum = (count: keyof Counts) => roots.reduce((total, root) => total + root[count], 0);
  return { records: sum('records'), plainBytes: sum('plainBytes'), chunks: sum('chunks') };
}

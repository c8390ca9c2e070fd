import type { CatalogDataset } from '../format/catalog.ts';
import type { NodeRef } from '../format/tree.ts';
import type { StoredRef } from './chunk-store.ts';

/** What a dataset of a backup amounts to. */
export interface DatasetFigures {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly records: number;
  readonly plainBytes: number;
  readonly chunks: number;
  /** Stored bytes of the first items of its chunks' chains: its size when compressed. Undefined where not known. */
  readonly wholeBytes: number | undefined;
}

/** Figures of a dataset that was just written. */
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

  add({ ref, isNew }: StoredRef): void {
    // A chunk may be a difference from a far larger one.
    this.wholeBytes += Math.min(ref.chain[0]?.storedBytes ?? 0, ref.plainBytes);
    if (!isNew || ref.chain.length > 1) this.keptBytes += ref.plainBytes;
    if (isNew) this.newChunks++;
  }
}

/** @param partitions of the dataset; those without chunks have no root */
export function figuresOfWritten(
  { name, kind }: Pick<DatasetFigures, 'name' | 'kind'>,
  partitions: readonly { readonly root: NodeRef | null; readonly tally: PartitionTally }[],
): WrittenFigures {
  const sum = (key: keyof PartitionTally) => partitions.reduce((total, { tally }) => total + tally[key], 0);
  return {
    name,
    kind,
    ...sumOf(partitions.flatMap(({ root }) => root ?? [])),
    wholeBytes: sum('wholeBytes'),
    keptBytes: sum('keptBytes'),
    newChunks: sum('newChunks'),
  };
}

/** Of a stored dataset, from its catalog. */
export function figuresOf({ name, kind, wholeBytes, partitions }: CatalogDataset): DatasetFigures {
  return { name, kind, wholeBytes, ...sumOf(partitions.flatMap(({ root }) => root ?? [])) };
}

type Counts = Pick<DatasetFigures, 'records' | 'plainBytes' | 'chunks'>;

function sumOf(roots: readonly Counts[]): Counts {
  const sum = (count: keyof Counts) => roots.reduce((total, root) => total + root[count], 0);
  return { records: sum('records'), plainBytes: sum('plainBytes'), chunks: sum('chunks') };
}

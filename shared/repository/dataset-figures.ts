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
}

/** Adds up what a run stores of each dataset. */
export class DatasetTally {
  readonly #sums = new Map<string, { wholeBytes: number; keptBytes: number }>();
  /** Chunks of data that were stored. */
  newChunks = 0;

  add(dataset: Pick<DatasetFigures, 'name' | 'kind'>, { ref, isNew }: StoredRef): void {
    const sums = this.#sums.get(dataset.name) ?? { wholeBytes: 0, keptBytes: 0 };
    this.#sums.set(dataset.name, sums);
    sums.wholeBytes += ref.chain[0]?.storedBytes ?? 0;
    if (!isNew || ref.chain.length > 1) sums.keptBytes += ref.plainBytes;
    if (isNew && dataset.kind === 'data') this.newChunks++;
  }

  wholeBytes(dataset: string): number {
    return this.#sums.get(dataset)?.wholeBytes ?? 0;
  }

  /** @param roots of its partitions; those without chunks have none */
  figures(dataset: Pick<DatasetFigures, 'name' | 'kind'>, roots: readonly NodeRef[]): WrittenFigures {
    const { name, kind } = dataset;
    const sums = this.#sums.get(name) ?? { wholeBytes: 0, keptBytes: 0 };
    return { name, kind, ...sumOf(roots), ...sums };
  }
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

import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { markedLeaves, type NearOptions } from '../../repository/reading/near-chunks.ts';

/** Neighbouring chunks that hold whole records together: mostly one; several where a record is larger than a chunk. */
export interface RecordRun {
  readonly refs: readonly ChunkRef[];
  /** The same for the same bytes. */
  readonly id: string;
}

/** The runs of a partition, in order; none of one that the backup lacks. @throws E_DAMAGED, E_STORE_* */
export async function* runsOf(
  reader: BackupReader,
  { dataset, partition }: { readonly dataset: string; readonly partition: string },
  signal: AbortSignal,
): AsyncGenerator<RecordRun> {
  let refs: ChunkRef[] = [];
  for await (const leaf of reader.leaves(reader.root(dataset, partition), { signal })) {
    for (const ref of leaf.refs) {
      refs.push(ref);
      if (ref.endsInside) continue;
      yield asRun(refs);
      refs = [];
    }
  }
  if (refs.length > 0) yield asRun(refs);
}

/** A run, and whether it may hold a row that is looked for. */
export interface MarkedRun extends RecordRun {
  readonly isNear: boolean;
}

/** As `runsOf`, marked where one of some keys may be. @throws E_DAMAGED, E_STORE_* */
export async function* markedRuns(reader: BackupReader, options: NearOptions): AsyncGenerator<MarkedRun> {
  let refs: ChunkRef[] = [];
  let isNear = false;
  for await (const leaf of markedLeaves(reader, options)) {
    for (const [i, ref] of leaf.refs.entries()) {
      refs.push(ref);
      isNear ||= leaf.isNear[i] ?? true;
      if (ref.endsInside) continue;
      yield { ...asRun(refs), isNear };
      refs = [];
      isNear = false;
    }
  }
  if (refs.length > 0) yield { ...asRun(refs), isNear: true };
}

function asRun(refs: readonly ChunkRef[]): RecordRun {
  return { refs, id: refs.map(({ id }) => id.toString('latin1')).join('') };
}

/** How often each run is in both: what need not be read, as it is the same. About 150 bytes of memory for each chunk of `a`. */
export async function runsInBoth(
  a: AsyncIterable<RecordRun>,
  b: AsyncIterable<RecordRun>,
): Promise<ReadonlyMap<string, number>> {
  const left = new Map<string, number>();
  const both = new Map<string, number>();
  for await (const { id } of a) left.set(id, (left.get(id) ?? 0) + 1);
  for await (const { id } of b) {
    const more = left.get(id) ?? 0;
    if (more === 0) continue;
    left.set(id, more - 1);
    both.set(id, (both.get(id) ?? 0) + 1);
  }
  return both;
}

/** The runs without those, each as often as the map says. */
export async function* runsWithout(
  runs: AsyncIterable<RecordRun>,
  others: ReadonlyMap<string, number>,
): AsyncGenerator<RecordRun> {
  const left = new Map(others);
  for await (const run of runs) {
    const more = left.get(run.id) ?? 0;
    if (more === 0) yield run;
    else left.set(run.id, more - 1);
  }
}

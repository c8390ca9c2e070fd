import { orderedMap } from '../../../core/ordered-map.ts';
import type { ChunkRef } from '../../../format/chunk-ref.ts';
import { pickFields } from '../../../format/pick-fields.ts';
import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import type { NearOptions } from '../../../repository/reading/near-chunks.ts';
import { markedRuns, type RecordRun, runsOf } from '../record-runs.ts';

/** Plain bytes of chunks that are read by one task. */
const TASK_BYTES = 1024 * 1024;

interface Task {
  readonly refs: readonly ChunkRef[];
  /** Each chunk holds whole records. */
  readonly isCut: boolean;
}

/** Which records are read, and what of them. */
export interface BlocksOf {
  readonly dataset: string;
  readonly partition: string;
  /** Of the wanted fields, ascending, at least one. @default whole records */
  readonly places?: readonly number[] | undefined;
  /** Chunks that hold none of these keys may be left out. @default all are read */
  readonly ranges?: NearOptions['ranges'] | undefined;
  /** Told once if least and greatest keys are damaged: then all are read. */
  readonly onDamage?: NearOptions['onDamage'];
}

/**
 * The records of a partition, or some of their fields with tabs between them, in blocks of whole records. Of chunks that are stored as
 * columns, no other column is decompressed. The first chunk is read alone: who wants a few rows reads no more.
 *
 * @throws E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* recordBlocks(
  reader: BackupReader,
  of: BlocksOf,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { places } = of;
  const read = async ({ refs, isCut }: Task, isFirst = false) => {
    if (places && isCut) return reader.pick(refs, places, { isFirst, signal });
    const { plain } = await reader.decode(refs, { digest: false, isFirst, signal });
    return places ? pickFields(plain, places) : plain;
  };
  const tasks = tasksOf(wantedRuns(reader, of, signal));
  const first = await tasks.next();
  if (first.done) return;
  yield await read(first.value, first.value.refs.length === 1);
  yield* orderedMap(tasks, reader.mostTasks(places ? 'pick' : 'decode'), (task) => read(task));
}

async function* wantedRuns(
  reader: BackupReader,
  { ranges, ...of }: BlocksOf,
  signal: AbortSignal,
): AsyncGenerator<RecordRun> {
  if (!ranges) yield* runsOf(reader, of, signal);
  else for await (const run of markedRuns(reader, { ...of, ranges, signal })) if (run.isNear) yield run;
}

async function* tasksOf(runs: AsyncIterable<RecordRun>): AsyncGenerator<Task> {
  let refs: ChunkRef[] = [];
  let bytes = 0;
  let mostBytes = 0;
  for await (const run of runs) {
    const [only, second] = run.refs;
    if (refs.length > 0 && (second || bytes + (only?.plainBytes ?? 0) > mostBytes)) {
      yield { refs, isCut: true };
      refs = [];
      bytes = 0;
      mostBytes = TASK_BYTES;
    }
    // A record that lies in several chunks is put together first.
    if (second) yield { refs: run.refs, isCut: false };
    else if (only) {
      refs.push(only);
      bytes += only.plainBytes;
    }
  }
  if (refs.length > 0) yield { refs, isCut: true };
}

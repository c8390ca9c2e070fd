import { buffersLetGo } from '../../core/buffer-memory.ts';
import { HoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { NodeRef } from '../../format/tree.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { chunkName } from '../verify/tree-check.ts';
import type { DamageAssessment } from './damage-assessment.ts';
import { findLostRecords, type LostRange, type Segment } from './lost-records.ts';
import { idOf } from './surviving-copies.ts';

/** Plain bytes decoded by one task. */
const TASK_BYTES = 1 * MiB;
const NEWLINE = 0x0a;

/** A readable chunk, with the backup that it is read through; or an unreadable one. */
export type Piece =
  | {
      readonly kind: 'good';
      readonly reader: BackupReader;
      readonly ref: ChunkRef;
      readonly isFromElsewhere: boolean;
    }
  | Extract<Segment, { kind: 'lost' }>;

/** A range of a chunk's plain bytes. */
type Range = readonly [from: number, to: number];

interface Task {
  readonly reader: BackupReader;
  readonly refs: readonly ChunkRef[];
  /** The parts of a lone chunk to keep; undefined: all. */
  readonly keep: readonly Range[] | undefined;
}

/** A damaged backup, as far as it can be read: damaged chunks are taken from equal ones elsewhere. */
export class SalvagedBackup {
  readonly reader: BackupReader;
  readonly #repository: Repository;
  readonly #examination: DamageAssessment;

  constructor(repository: Repository, reader: BackupReader, examination: DamageAssessment) {
    this.#repository = repository;
    this.reader = reader;
    this.#examination = examination;
  }

  /** The chunks of a partition in order. */
  async *pieces(dataset: string, partition: string, signal: AbortSignal): AsyncGenerator<Piece> {
    const root = this.reader.root(dataset, partition);
    if (root) yield* this.#below(this.reader, this.reader.rootNode(root), signal);
  }

  /** What is lost of a partition, in order, and how many of its chunks are not read where its tree says. */
  async gaps(
    dataset: string,
    partition: string,
    signal: AbortSignal,
  ): Promise<{ readonly gaps: readonly LostRange[]; readonly chunksFromElsewhere: number }> {
    let chunksFromElsewhere = 0;
    const onElsewhere = () => chunksFromElsewhere++;
    const gaps = await findLostRecords(this.#segments(dataset, partition, onElsewhere, signal));
    return { gaps, chunksFromElsewhere };
  }

  /**
   * What is left of a partition, in order, only whole records, every chunk checked against its id.
   *
   * @throws E_DAMAGED if there is more damage than was found before
   */
  async *read(
    dataset: string,
    partition: string,
    { gaps, signal }: { readonly gaps: readonly LostRange[]; readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array> {
    const tasks = tasksOf(this.pieces(dataset, partition, signal), gaps);
    const decoded = orderedMap(tasks, this.#repository.context.pool.size + 1, async (task) => {
      const { plain } = await task.reader.decode(task.refs, { digest: false, signal });
      return { plain, keep: task.keep };
    });
    for await (const { plain, keep } of decoded) {
      const { length } = plain;
      if (!keep) yield plain;
      // A block is the consumer's to keep, and to free.
      else for (const [from, to] of keep) yield plain.slice(from, to);
      buffersLetGo(length);
    }
  }

  async *#below(reader: BackupReader, node: NodeRef, signal: AbortSignal): AsyncGenerator<Piece> {
    for await (const found of reader.walk(node, { signal })) {
      if ('refs' in found) {
        for (const ref of found.refs) yield this.#pieceOf(reader, ref);
        continue;
      }
      const other = this.#examination.elsewhere.nodes.get(idOf(found.node));
      if (other) yield* this.#below(other.reader, other.node, signal);
      else {
        const { plainBytes, records } = found.node;
        yield { kind: 'lost', plainBytes, records, endsInside: undefined, problem: found.problem.message };
      }
    }
  }

  #pieceOf(reader: BackupReader, ref: ChunkRef): Piece {
    const { lostChunks, elsewhere, isAtRisk } = this.#examination;
    const problem = lostChunks.get(chunkName(ref));
    const other = problem || isAtRisk(ref) ? elsewhere.chunks.get(idOf(ref)) : undefined;
    if (other) {
      const { chain } = other.ref;
      return { kind: 'good', reader: other.reader, ref: { ...ref, chain }, isFromElsewhere: true };
    }
    if (!problem) return { kind: 'good', reader, ref, isFromElsewhere: false };
    const { plainBytes, records, endsInside } = ref;
    return { kind: 'lost', plainBytes, records, endsInside, problem: problem.message };
  }

  async *#segments(
    dataset: string,
    partition: string,
    onElsewhere: () => void,
    signal: AbortSignal,
  ): AsyncGenerator<Segment> {
    for await (const piece of this.pieces(dataset, partition, signal)) {
      if (piece.kind === 'lost') yield piece;
      else {
        if (piece.isFromElsewhere) onElsewhere();
        const { plainBytes, records, endsInside } = piece.ref;
        const newlines = async () => {
          const { plain } = await piece.reader.decode([piece.ref], { digest: false, signal });
          return { first: plain.indexOf(NEWLINE), last: plain.lastIndexOf(NEWLINE) };
        };
        yield { kind: 'good', plainBytes, records, endsInside, newlines };
      }
    }
  }
}

/** Neighbouring chunks of one reader together; one that a gap touches alone. */
async function* tasksOf(pieces: AsyncIterable<Piece>, gaps: readonly LostRange[]): AsyncGenerator<Task> {
  const group = new Group();
  const left = new Remainder(gaps);
  for await (const piece of pieces) {
    const { plainBytes } = piece.kind === 'good' ? piece.ref : piece;
    const keep = left.next(plainBytes);
    const [[from, to] = [0, 0]] = keep;
    if (piece.kind === 'lost') refuseUnforeseen(keep, piece);
    else if (from === 0 && to === plainBytes) yield* group.add(piece);
    else if (keep.length > 0) {
      yield* group.take();
      yield { reader: piece.reader, refs: [piece.ref], keep };
    }
  }
  yield* group.take();
}

class Group {
  #reader: BackupReader | undefined;
  #refs: ChunkRef[] = [];
  #bytes = 0;

  *add({ reader, ref }: Extract<Piece, { kind: 'good' }>): Generator<Task> {
    if (reader !== this.#reader || this.#bytes + ref.plainBytes > TASK_BYTES) yield* this.take();
    this.#reader = reader;
    this.#refs.push(ref);
    this.#bytes += ref.plainBytes;
  }

  *take(): Generator<Task> {
    if (this.#reader && this.#refs.length > 0)
      yield { reader: this.#reader, refs: this.#refs, keep: undefined };
    this.#refs = [];
    this.#bytes = 0;
  }
}

/** What gaps leave of a partition, piece by piece. */
class Remainder {
  readonly #gaps: readonly LostRange[];
  #next = 0;
  #at = 0;

  constructor(gaps: readonly LostRange[]) {
    this.#gaps = gaps;
  }

  /** For the next `size` bytes, counted from their start. */
  next(size: number): Range[] {
    const start = this.#at;
    const end = start + size;
    this.#at = end;
    const ranges: Range[] = [];
    let from = start;
    for (let gap = this.#gaps[this.#next]; gap && gap.start < end; gap = this.#gaps[this.#next]) {
      if (gap.start > from) ranges.push([from - start, gap.start - start]);
      from = Math.min(gap.end, end);
      if (gap.end > end) break;
      this.#next++;
    }
    if (from < end) ranges.push([from - start, size]);
    return ranges;
  }
}

function refuseUnforeseen(keep: readonly Range[], { problem }: { readonly problem: string }): void {
  if (keep.length === 0) return;
  throw new HoldfastError('E_DAMAGED', `something that was readable no longer is: ${problem}`, {
    hint: 'Run it again: it checks anew what can be read.',
  });
}

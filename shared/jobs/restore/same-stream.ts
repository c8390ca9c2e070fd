import { copyInto } from '../../core/copy-into.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import { type ChunkToCheck, ownBytes } from '../../repository/codec/codec-task.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { StoredDataset } from '../../sources/contents.ts';
import type { DatasetPlan, SourceView } from '../../sources/source.ts';

/** In largest chunks. */
const BLOCK_CHUNKS = 3;

/** What a stream of bytes is compared with. */
export interface SameStreamOptions {
  readonly repository: Repository;
  readonly reader: BackupReader;
  readonly view: SourceView;
  readonly signal: AbortSignal;
}

/**
 * Whether a database now returns a dataset byte for byte, and in the same order, as the backup's chunks have
 * it: cuts its stream where they end, and hashes every piece. Stops at the first difference.
 */
export async function isSameStream(
  dataset: StoredDataset,
  plan: DatasetPlan,
  { repository, reader, view, signal }: SameStreamOptions,
): Promise<boolean> {
  const { pool, file } = repository.context;
  const blocks = new PieceBlocks(BLOCK_CHUNKS * Math.max(file.chunker.maxBytes, MiB));
  const checked = orderedMap(
    blocks.cut(refsOf(reader, dataset, signal), streamOf(view, plan, signal)),
    pool.size + 1,
    async ({ block, pieces }) => ({
      block,
      isSame: (await pool.run({ kind: 'check', block, pieces }, [], signal)).value,
    }),
  );
  for await (const { block, isSame } of checked) {
    if (!isSame) return false;
    blocks.free.push(block);
  }
  return blocks.isExact;
}

async function* refsOf(
  reader: BackupReader,
  dataset: StoredDataset,
  signal: AbortSignal,
): AsyncGenerator<ChunkRef> {
  for (const { name } of dataset.partitions) {
    for await (const { refs } of reader.leaves(reader.root(dataset.name, name), { signal })) yield* refs;
  }
}

async function* streamOf(
  view: SourceView,
  plan: DatasetPlan,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const partition of plan.partitions) yield* view.read(plan, partition, signal);
}

interface PieceBlock {
  readonly block: SharedArrayBuffer;
  readonly pieces: readonly ChunkToCheck[];
}

/** Cuts a stream into pieces as long as the chunks, a block of them at a time. */
class PieceBlocks {
  readonly free: SharedArrayBuffer[] = [];
  /** After the end: the stream was as long as all chunks together. */
  isExact = false;
  readonly #blockBytes: number;
  #block: SharedArrayBuffer;
  #filled = 0;
  #pieces: ChunkToCheck[] = [];
  /** Where the last piece ends in the block. */
  #end = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
    this.#block = new SharedArrayBuffer(blockBytes);
  }

  /** Ends early, and not exact, if the stream is longer than the chunks. */
  async *cut(refs: AsyncGenerator<ChunkRef>, stream: AsyncIterable<Uint8Array>): AsyncGenerator<PieceBlock> {
    let next = await refs.next();
    for await (const filled of this.#fill(stream)) {
      while (!next.done && this.#end + next.value.plainBytes <= filled) {
        this.#addPiece(next.value);
        next = await refs.next();
      }
      if (next.done && filled > this.#end) return;
      if (filled === this.#blockBytes) yield this.#turnOver();
    }
    this.isExact = next.done === true && this.#end === this.#filled;
    if (this.#pieces.length > 0) yield { block: this.#block, pieces: this.#pieces };
  }

  /** Reads the stream into the block and reports, again and again, how full the block is. */
  async *#fill(stream: AsyncIterable<Uint8Array>): AsyncGenerator<number> {
    for await (const bytes of stream) {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + this.#blockBytes - this.#filled);
        this.#filled += copyInto(Buffer.from(this.#block), this.#filled, piece);
        at += piece.length;
        yield this.#filled;
      }
    }
  }

  #addPiece({ id, plainBytes }: ChunkRef): void {
    this.#pieces.push({ start: this.#end, end: this.#end + plainBytes, id: ownBytes(id) });
    this.#end += plainBytes;
  }

  /** The full block; the rest goes into the next. */
  #turnOver(): PieceBlock {
    const full = { block: this.#block, pieces: this.#pieces };
    const rest = Buffer.from(this.#block, this.#end, this.#filled - this.#end);
    this.#block = this.free.pop() ?? new SharedArrayBuffer(this.#blockBytes);
    this.#filled = copyInto(Buffer.from(this.#block), 0, rest);
    this.#pieces = [];
    this.#end = 0;
    return full;
  }
}

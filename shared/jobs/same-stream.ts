import { buffersLetGo } from '../core/buffer-memory.ts';
import { orderedMap } from '../core/ordered-map.ts';
import { MiB } from '../core/units.ts';
import type { ChunkRef } from '../format/chunk-ref.ts';
import type { BackupReader } from '../repository/backup-reader.ts';
import type { ChunkToCheck } from '../repository/codec-task.ts';
import type { Repository } from '../repository/repository.ts';
import type { DatasetPlan, SourceView } from '../sources/source.ts';
import type { StoredDataset } from '../sources/target.ts';

/** Of the largest chunk. */
const BLOCK_CHUNKS = 3;

export interface SameStreamOptions {
  readonly repository: Repository;
  readonly reader: BackupReader;
  readonly view: SourceView;
  readonly signal: AbortSignal;
}

/**
 * Whether a database gives a dataset now, byte for byte and in the same order, as the backup's chunks have it: its
 * stream is cut where theirs end, and every piece hashed. Stops at the first difference.
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

/** Cuts a stream into pieces as long as chunks, a block of them at a time. */
class PieceBlocks {
  readonly free: SharedArrayBuffer[] = [];
  /** After the end: the stream was as long as the chunks together. */
  isExact = false;
  readonly #blockBytes: number;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  async *cut(refs: AsyncGenerator<ChunkRef>, stream: AsyncIterable<Uint8Array>): AsyncGenerator<PieceBlock> {
    let block = this.#newBlock();
    let filled = 0;
    let pieces: ChunkToCheck[] = [];
    let end = 0;
    let next = await refs.next();
    for await (const bytes of stream) {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + this.#blockBytes - filled);
        Buffer.from(block).set(piece, filled);
        filled += piece.length;
        at += piece.length;
        for (; !next.done && end + next.value.plainBytes <= filled; next = await refs.next()) {
          pieces.push({ start: end, end: end + next.value.plainBytes, id: next.value.id });
          end += next.value.plainBytes;
        }
        // More than the chunks hold.
        if (next.done && filled > end) return;
        if (filled < this.#blockBytes) continue;
        const rest = Buffer.from(Buffer.from(block).subarray(end, filled));
        yield { block, pieces };
        block = this.#newBlock();
        rest.copy(Buffer.from(block));
        filled = rest.length;
        pieces = [];
        end = 0;
      }
      buffersLetGo(bytes.length);
    }
    this.isExact = next.done === true && end === filled;
    if (pieces.length > 0) yield { block, pieces };
  }

  #newBlock(): SharedArrayBuffer {
    return this.free.pop() ?? new SharedArrayBuffer(this.#blockBytes);
  }
}

import { copyInto } from '../../core/copy-into.ts';
import { HoldfastError } from '../../core/errors.ts';
import { KiB } from '../../core/units.ts';
import type { Meter } from '../../core/work-meter.ts';
import type { Chunker } from '../../format/chunker.ts';
import type { ChunkStore, PlannedChunk } from '../reading/chunk-store.ts';
import type { StoredRef } from '../reading/stored-ref.ts';
import type { Semaphore } from '../semaphore.ts';
import type { ParentCursor } from './parent-cursor.ts';
import type { TreeWriter } from './tree-writer.ts';

const NEWLINE = 0x0a;
/** Enough for the whole of a small partition. */
const SMALL_BLOCK_BYTES = 64 * KiB;

/** A fixed number of blocks of memory that records are collected in and workers read from. */
export interface BlockPool {
  readonly blockBytes: number;
  readonly permits: Semaphore;
  readonly free: SharedArrayBuffer[];
  /** Blocks that small partitions were written from. */
  readonly freeSmall: SharedArrayBuffer[];
}

/** What a partition is written with. */
export interface PartitionWriterOptions {
  /** For messages: dataset and partition. */
  readonly name: string;
  readonly blocks: BlockPool;
  readonly chunker: Chunker;
  readonly minChunkBytes: number;
  readonly parent: ParentCursor;
  readonly chunks: ChunkStore;
  readonly tree: TreeWriter;
  readonly meter: Meter;
  readonly onStored: (stored: StoredRef) => void;
  readonly signal: AbortSignal;
}

/**
 * Collects a stream of records in blocks, has them cut and stored, and adds the references to the tree in
 * order. Reading goes on while earlier blocks are worked on.
 */
export class PartitionWriter {
  readonly #options: PartitionWriterOptions;
  #block: SharedArrayBuffer | undefined;
  #view: Buffer = Buffer.alloc(0);
  #filled = 0;
  /** The rest of a block on its way to the next; made once. */
  #leftOver: Buffer | undefined;
  #lastByte: number | undefined;
  /** Blocks in progress, oldest first; each is added to the tree after the one before it. */
  #chain: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(options: PartitionWriterOptions) {
    this.#options = options;
  }

  async write(records: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of this.#options.meter.blocks('read', records)) await this.#take(bytes);
      if (this.#lastByte !== undefined && this.#lastByte !== NEWLINE) {
        throw new HoldfastError('E_SOURCE_LOST', `${this.#options.name} ended inside a record`);
      }
      if (this.#block) await this.#cut(true);
      await this.#chain;
      if (this.#failure) throw this.#failure;
    } finally {
      await this.#chain.catch(() => {});
      await this.#options.parent.close();
    }
  }

  async #take(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#failure) throw this.#failure;
      if (!this.#block) await this.#newBlock(true);
      const piece = bytes.subarray(at, at + this.#view.length - this.#filled);
      this.#filled += copyInto(this.#view, this.#filled, piece);
      at += piece.length;
      if (this.#filled < this.#view.length) continue;
      if (this.#view.length < this.#options.blocks.blockBytes) this.#enlarge();
      else await this.#cut(false);
    }
    this.#lastByte = bytes.at(-1) ?? this.#lastByte;
  }

  /** A block; a small one for what may be a small partition. */
  async #newBlock(isFirst: boolean): Promise<void> {
    const { permits, free, freeSmall } = this.#options.blocks;
    await permits.acquire();
    if (isFirst && free.length === 0) this.#use(freeSmall.pop() ?? new SharedArrayBuffer(SMALL_BLOCK_BYTES));
    else this.#use(this.#largeBlock());
  }

  #use(block: SharedArrayBuffer): void {
    this.#block = block;
    this.#view = Buffer.from(block);
    this.#filled = 0;
  }

  /** Goes on in a large block, as the partition is not small. */
  #enlarge(): void {
    const { freeSmall } = this.#options.blocks;
    const small = this.#view;
    if (this.#block) freeSmall.push(this.#block);
    this.#use(this.#largeBlock());
    this.#filled = copyInto(this.#view, 0, small);
  }

  #largeBlock(): SharedArrayBuffer {
    const { free, blockBytes } = this.#options.blocks;
    return free.pop() ?? new SharedArrayBuffer(blockBytes);
  }

  /** Cuts the block's content, sends it off, and copies the rest into a new block. */
  async #cut(isLast: boolean): Promise<void> {
    const { chunker, parent, minChunkBytes, meter } = this.#options;
    const block = this.#block;
    if (!block) return;
    const view = this.#view;
    const filled = this.#filled;
    await parent.load(chunker.parentIndex, Math.ceil((4 * filled) / minChunkBytes));
    const planned = meter.run('cut', filled, () => this.#plan(view, filled, isLast));
    const start = planned.at(-1)?.cut.end ?? 0;
    if (start === 0) throw new HoldfastError('E_INTERNAL', `no cut in a block of ${filled} bytes`);
    // Sent before another block is asked for: a writer that waits for a block must hold none.
    const leftBytes = filled - start;
    if (leftBytes > 0) {
      this.#leftOver ??= Buffer.allocUnsafeSlow(view.length);
      view.copy(this.#leftOver, 0, start, filled);
    }
    this.#block = undefined;
    this.#send(block, planned);
    if (leftBytes === 0 || !this.#leftOver) return;
    await this.#newBlock(false);
    this.#filled = copyInto(this.#view, 0, this.#leftOver.subarray(0, leftBytes));
  }

  /** Where chunks of the first `filled` bytes begin and end. */
  #plan(view: Buffer, filled: number, isLast: boolean): PlannedChunk[] {
    const { chunker, parent } = this.#options;
    const planned: PlannedChunk[] = [];
    let start = 0;
    while (start < filled) {
      const cut = chunker.next(view, start, filled, isLast);
      if (!cut) break;
      planned.push({
        start,
        cut,
        parent: cut.parentIndex === undefined ? undefined : parent.at(cut.parentIndex),
      });
      start = cut.end;
    }
    return planned;
  }

  #send(block: SharedArrayBuffer, planned: readonly PlannedChunk[]): void {
    const { chunks, tree, onStored, blocks } = this.#options;
    const stored = chunks.store(block, planned);
    const before = this.#chain;
    this.#chain = (async () => {
      const [, result] = await Promise.allSettled([before, stored]);
      if (result.status === 'rejected') this.#failure ??= result.reason;
      else if (!this.#failure) {
        for (const one of result.value) {
          tree.add(one.ref);
          onStored(one);
        }
        (block.byteLength < blocks.blockBytes ? blocks.freeSmall : blocks.free).push(block);
      }
      blocks.permits.release();
    })();
  }
}

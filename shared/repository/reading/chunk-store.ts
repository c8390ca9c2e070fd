import { HoldfastError } from '../../core/errors.ts';
import type { KeyField } from '../../core/key-fields.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { ChunkRef, PackHandle } from '../../format/chunk-ref.ts';
import type { Cut } from '../../format/chunker.ts';
import { type BaseChoice, chooseBase } from '../codec/base-choice.ts';
import type { ChunkProcessor } from '../codec/chunk-processor.ts';
import {
  type ChunkToStore,
  type ItemBatch,
  ownBytes,
  type PackClosed,
  type StoredChunk,
} from '../codec/codec-task.ts';
import type { WorkerPool } from '../codec/worker-pool.ts';
import type { PackReader } from '../packs/pack-reader.ts';
import { INDEX, type PackUploader } from '../packs/pack-uploader.ts';
import type { Compacting, Compaction } from '../writing/compaction.ts';
import type { Reread } from '../writing/reread.ts';
import type { StoredRef } from './stored-ref.ts';

/** A chunk of a block, and the parent's chunk that it may equal, or be a delta of. */
export interface PlannedChunk {
  readonly start: number;
  readonly cut: Cut;
  readonly parent: ChunkRef | undefined;
}

/** Where chunks are hashed, compressed and sealed: on the worker threads, or inline. */
export interface CodecPort {
  store(
    block: SharedArrayBuffer,
    chunks: readonly ChunkToStore[],
    bases: ItemBatch | undefined,
  ): Promise<PortAnswer>;
}

/** What a worker says about a block. */
export interface PortAnswer {
  readonly chunks: readonly StoredChunk[];
  readonly closed: readonly PackClosed[];
  /** Whose packs the answer is about. */
  readonly processor: string;
}

/** Chunks are stored by worker threads. */
export class PoolPort implements CodecPort {
  readonly #pool: WorkerPool;
  readonly #run: string;
  readonly #uploader: PackUploader;
  readonly #keyFields: readonly KeyField[];
  readonly #signal: AbortSignal;

  /** @param options.keyFields of the key of the records: the least and the greatest of each chunk are wanted. @default none are */
  constructor(
    pool: WorkerPool,
    run: string,
    options: {
      readonly uploader: PackUploader;
      readonly keyFields?: readonly KeyField[];
      readonly signal: AbortSignal;
    },
  ) {
    this.#pool = pool;
    this.#run = run;
    this.#uploader = options.uploader;
    this.#keyFields = options.keyFields ?? [];
    this.#signal = options.signal;
  }

  async store(
    block: SharedArrayBuffer,
    chunks: readonly ChunkToStore[],
    bases: ItemBatch | undefined,
  ): Promise<PortAnswer> {
    await this.#uploader.ready();
    const spare = this.#uploader.takeSpare();
    const { value, worker } = await this.#pool.run(
      { kind: 'store', run: this.#run, block, chunks, bases, keyFields: this.#keyFields, spare },
      [...(spare ? [spare] : []), ...(bases ? [bases.buffer] : [])],
      this.#signal,
    );
    return { ...value, processor: `worker-${worker}` };
  }
}

/** Chunks are stored by the thread that asks. */
export class InlinePort implements CodecPort {
  readonly #processor: ChunkProcessor;

  constructor(processor: ChunkProcessor) {
    this.#processor = processor;
  }

  async store(
    block: SharedArrayBuffer,
    chunks: readonly ChunkToStore[],
    bases: ItemBatch | undefined,
  ): Promise<PortAnswer> {
    const stored = this.#processor.store(Buffer.from(block), chunks, bases);
    return { chunks: stored, closed: this.#processor.takeClosed(), processor: INDEX };
  }
}

/** What chunks are stored with. */
export interface ChunkStoreOptions {
  readonly port: CodecPort;
  readonly uploader: PackUploader;
  /** Reads the bases of deltas; undefined without a parent, or if deltas are off. */
  readonly parentPacks: PackReader | undefined;
  readonly isKept: (pack: PackHandle) => boolean;
  readonly compaction: Compaction;
  /** Whether nobody has noted the least and the greatest key of a chunk of the parent. @default they are not wanted */
  readonly lacksBounds?: ((parent: ChunkRef) => boolean) | undefined;
  /** Reads chunks before they are referred to; undefined: reads none. */
  readonly reread: Reread | undefined;
  readonly onUnreadableBase: (error: Error) => void;
  readonly signal: AbortSignal;
}

/** Turns planned chunks into references: the parent's if nothing changed, else newly stored items. */
export class ChunkStore {
  readonly #options: ChunkStoreOptions;

  constructor(options: ChunkStoreOptions) {
    this.#options = options;
  }

  async store(block: SharedArrayBuffer, planned: readonly PlannedChunk[]): Promise<StoredRef[]> {
    const plans = planned.map(({ parent }) => (parent ? this.#options.compaction.plan(parent) : 'keep'));
    const bases = planned.map((chunk, i) => this.#baseOf(chunk, plans[i]));
    const requests = planned.map((chunk, i) =>
      plans[i] === 'keep' ? this.#request(chunk, bases[i]) : anewOf(chunk, bases[i]),
    );
    const first = await this.#send(block, requests, undefined);
    const wrong = await this.#wrongOf(planned, first.chunks);
    const changed = planned.flatMap(({ parent }, i) =>
      first.chunks[i]?.status === 'needs-base' || (parent && wrong.has(parent)) ? [i] : [],
    );
    const wanted = changed.map((i) => again(requests[i], first.chunks[i]));
    const second =
      changed.length > 0
        ? await this.#storeWithBases(
            block,
            wanted,
            changed.map((i) => (first.chunks[i]?.status === 'same' ? undefined : bases[i])),
          )
        : undefined;
    return planned.map((chunk, i) => {
      const at = changed.indexOf(i);
      const answer = at < 0 ? first : (second ?? first);
      const stored = answer.chunks[at < 0 ? i : at];
      return this.#refOf(chunk, bases[i], stored, answer.processor);
    });
  }

  /** The parent's chunks that equal these by id, are due to be read, and do not match their ids. */
  async #wrongOf(
    planned: readonly PlannedChunk[],
    answers: readonly StoredChunk[],
  ): Promise<ReadonlySet<ChunkRef>> {
    const { reread } = this.#options;
    const due = planned.flatMap(({ parent }, i) =>
      parent && answers[i]?.status === 'same' && reread?.isDue(parent) ? [parent] : [],
    );
    return reread && due.length > 0 ? reread.findWrong(due) : new Set();
  }

  #baseOf({ parent, start, cut }: PlannedChunk, plan: Compacting | undefined): BaseChoice | undefined {
    if (!parent || !this.#options.parentPacks || plan === 'whole') return undefined;
    const from = plan === 'merge' ? { ...parent, chain: parent.chain.slice(0, 1) } : parent;
    return chooseBase(from, cut.end - start, this.#options.isKept);
  }

  #request({ start, cut, parent }: PlannedChunk, base: BaseChoice | undefined): ChunkToStore {
    const isKept = parent?.chain.every(({ pack }) => this.#options.isKept(pack)) ?? false;
    const isAsLong = parent?.plainBytes === cut.end - start;
    const parentId = parent && isKept && isAsLong ? ownBytes(parent.id) : undefined;
    const lacksBounds = parentId && parent && this.#options.lacksBounds?.(parent);
    return { start, end: cut.end, parentId, lacksBounds, mayDelta: base !== undefined };
  }

  async #storeWithBases(
    block: SharedArrayBuffer,
    wanted: readonly ChunkToStore[],
    bases: readonly (BaseChoice | undefined)[],
  ): Promise<PortAnswer> {
    const { parentPacks, signal, onUnreadableBase } = this.#options;
    try {
      const gathered = await parentPacks?.gather(
        bases.map((base) => base?.chain ?? []),
        signal,
      );
      const withBases = wanted.map((request, n) => ({
        ...request,
        ...(bases[n] && {
          base: { chain: gathered?.chains[n] ?? [], maxDeltaBytes: bases[n].maxDeltaBytes },
        }),
      }));
      return await this.#send(block, withBases, gathered?.batch);
    } catch (error) {
      // A damaged base costs space, not the backup: the chunk is stored whole.
      if (!isDocumentProblem(error)) throw error;
      this.#options.reread?.note(error);
      onUnreadableBase(error);
      return this.#send(
        block,
        wanted.map((request) => ({ ...request, mayDelta: false })),
        undefined,
      );
    }
  }

  async #send(
    block: SharedArrayBuffer,
    chunks: readonly ChunkToStore[],
    bases: ItemBatch | undefined,
  ): Promise<PortAnswer> {
    const answer = await this.#options.port.store(block, chunks, bases);
    this.#options.uploader.add(answer.processor, answer.closed);
    return answer;
  }

  #refOf(
    { start, cut, parent }: PlannedChunk,
    base: BaseChoice | undefined,
    stored: StoredChunk | undefined,
    processor: string,
  ): StoredRef {
    const { endsInside, before, after } = cut;
    if (stored?.status === 'same' && parent)
      return { ref: { ...parent, endsInside, before, after }, isNew: false, bounds: stored.bounds };
    if (stored?.status !== 'stored') throw new HoldfastError('E_INTERNAL', 'a chunk was not stored');
    const { id, records, bounds, isDelta, pack, offset, storedBytes } = stored;
    const item = { pack: this.#options.uploader.handle(processor, pack), offset, storedBytes };
    const chain = isDelta ? [...(base?.chain ?? []), item] : [item];
    const plainBytes = cut.end - start;
    return {
      ref: { id: Buffer.from(id), plainBytes, records, endsInside, before, after, chain },
      isNew: true,
      bounds,
    };
  }
}

/** A chunk that is stored again, though the parent may have it: as a delta from the base, if there is one. */
function anewOf({ start, cut }: PlannedChunk, base: BaseChoice | undefined): ChunkToStore {
  return { start, end: cut.end, mayDelta: base !== undefined };
}

/**
 * The request again, with the id that the first answer found. What the parent only claims to have is stored
 * whole.
 */
function again(request: ChunkToStore | undefined, answer: StoredChunk | undefined): ChunkToStore {
  if (request && answer?.status === 'needs-base') return { ...request, id: answer.id };
  if (request && answer?.status === 'same') {
    const { start, end, parentId } = request;
    return { start, end, mayDelta: false, id: parentId };
  }
  throw new HoldfastError('E_INTERNAL', 'a chunk without its request');
}

import { randomBytes } from 'node:crypto';
import { storageClassOf } from '../../config/storage.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { FormatVersion } from '../../core/format-version.ts';
import { type PackId, parseRunKeyId, type RunKeyId } from '../../core/ids.ts';
import type { KeyField } from '../../core/key-fields.ts';
import { KiB, MiB } from '../../core/units.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import type { PackPurpose } from '../../format/seal.ts';
import { ChunkProcessor } from '../codec/chunk-processor.ts';
import { ownBytes } from '../codec/codec-task.ts';
import type { RepositoryContext } from '../context.ts';
import type { MadeKey, RunKeyEntry } from '../keys/key-ring.ts';
import { type CodecPort, InlinePort, PoolPort } from '../reading/chunk-store.ts';
import { packSizes } from './pack-size.ts';
import { INDEX, PackUploader } from './pack-uploader.ts';

const INDEX_PACK_BYTES = 4 * MiB;
/** More than two steps between Padmé sizes in such a pack. */
export const MOST_PADDING_BYTES = 256 * KiB;

/** What seals a run's packs; without `data` it has no packs of chunks. */
type RunPackKeys = Readonly<Record<PackPurpose, MadeKey | undefined>>;

/** A stored pack, and the run key that seals it. */
export interface OwnPack {
  readonly id: PackId;
  readonly bytes: number;
  readonly key: RunKeyEntry;
}

/** The packs that one process fills, sealed with run keys of its own: of chunks on the worker threads, of trees here. */
export class RunPacks implements AsyncDisposable {
  readonly run: RunKeyId;
  readonly uploader: PackUploader;
  readonly #context: RepositoryContext;
  readonly #index: ChunkProcessor;
  readonly #keys: RunPackKeys;
  /** The worker threads have packs of this run that are not full. */
  #hasOpenData: boolean;

  private constructor(
    context: RepositoryContext,
    parts: {
      readonly run: RunKeyId;
      readonly uploader: PackUploader;
      readonly index: ChunkProcessor;
      readonly keys: RunPackKeys;
    },
  ) {
    this.#context = context;
    this.run = parts.run;
    this.uploader = parts.uploader;
    this.#index = parts.index;
    this.#keys = parts.keys;
    this.#hasOpenData = parts.keys.data !== undefined;
  }

  /**
   * @param options.purposes without `data` no chunks can be stored, and no worker thread starts. @throws
   * E_NO_KEY, E_KEY_*
   */
  static async begin(
    context: RepositoryContext,
    options: {
      readonly version: FormatVersion;
      readonly type: string;
      readonly purposes: readonly PackPurpose[];
      /** Size of the packs that the parent names, which decides the size of new ones. @default 0 */
      readonly namedBytes?: number;
      /** The source that the key of chunks is bound to. @default none */
      readonly source?: string | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<RunPacks> {
    const { version, type, purposes, namedBytes = 0, source, signal } = options;
    const { keys, limits, pool, file, store, meter } = context;
    const run = parseRunKeyId(randomBytes(16).toString('hex'));
    const hasData = purposes.includes('data');
    const [data, indexKey] = await Promise.all([
      hasData ? keys.makeData(run, source, signal) : undefined,
      keys.make(run, 'index', signal),
    ]);
    const grown = version === 1 ? 0 : namedBytes;
    const { packBytes, ...uploads } = packSizes(grown, { ...limits, workers: pool.size });
    const common = { version, runKeyId: run, maxChunkBytes: file.chunker.maxBytes, level: limits.level };
    if (data) {
      const settings = { ...common, purpose: 'data', runKey: data.plain, packBytes } as const;
      await pool.broadcast({ kind: 'begin', settings });
    }
    const indexing = { purpose: 'index', runKey: indexKey.plain, packBytes: INDEX_PACK_BYTES } as const;
    const index = new ChunkProcessor({ ...common, ...indexing }, meter);
    const storageClass = storageClassOf(context.storageClass, type);
    const uploader = new PackUploader(store, { ...uploads, storageClass, signal });
    return new RunPacks(context, { run, uploader, index, keys: { data, index: indexKey } });
  }

  /** The run's keys. */
  get made(): readonly MadeKey[] {
    return Object.values(this.#keys).filter((key) => key !== undefined);
  }

  /**
   * Where chunks of that kind are sealed.
   *
   * @param keyFields of the key of its records: the least and the greatest of each chunk are wanted
   */
  port(kind: 'schema' | 'data', keyFields: readonly KeyField[], signal: AbortSignal): CodecPort {
    const { uploader } = this;
    return kind === 'schema'
      ? new InlinePort(this.#index)
      : new PoolPort(this.#context.pool, this.run, { uploader, keyFields, signal });
  }

  /** Seals what is no chunk among the chunks, as it is. @throws E_STORE_*, E_ABORTED */
  async addToData(body: Uint8Array, signal: AbortSignal): Promise<ItemLocation> {
    await this.uploader.ready();
    const task = { kind: 'seal', run: this.run, item: ownBytes(body) } as const;
    const { value, worker } = await this.#context.pool.run(task, [], signal);
    const processor = `worker-${worker}`;
    const { pack, offset, storedBytes } = value.item;
    const handle = this.uploader.handle(processor, pack);
    this.uploader.add(processor, value.closed);
    return { pack: handle, offset, storedBytes };
  }

  /** The pack that will hold the next item of at most `mostBytes`. */
  packFor(mostBytes: number): PackHandle {
    const pack = this.#index.reserve(mostBytes);
    this.uploader.add(INDEX, this.#index.takeClosed());
    return this.uploader.handle(INDEX, pack);
  }

  /** Hides where the next item begins in the open index pack; MOST_PADDING_BYTES of room must be reserved. */
  pad(): void {
    this.#index.pad();
  }

  /** Seals a node or a catalog into an index pack. */
  addItem(body: Uint8Array): ItemLocation {
    const { pack, offset, storedBytes } = this.#index.addItem(body);
    return { pack: this.uploader.handle(INDEX, pack), offset, storedBytes };
  }

  /** Closes the packs of chunks, so that all have names. */
  async closeData(): Promise<void> {
    if (!this.#hasOpenData) return;
    this.#hasOpenData = false;
    const closed = await this.#context.pool.broadcast({ kind: 'finish', run: this.run });
    for (const { value, worker } of closed) this.uploader.add(`worker-${worker}`, value.closed);
  }

  /** Closes the index pack too, and waits for all uploads. @returns what was stored, in that order. @throws E_STORE_* */
  async close(): Promise<readonly OwnPack[]> {
    this.uploader.add(INDEX, this.#index.finish());
    await this.uploader.settled();
    return this.uploader.uploaded.map(({ id, bytes, purpose }) => ({ id, bytes, key: this.#keyOf(purpose) }));
  }

  #keyOf(purpose: PackPurpose): RunKeyEntry {
    const key = this.#keys[purpose];
    if (key) return key.entry;
    throw new HoldfastError(
      'E_INTERNAL',
      `run ${this.run} stored a pack of ${purpose} but has no key for it`,
    );
  }

  /** If the run failed, the worker threads release what is not full. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasOpenData) return;
    this.#hasOpenData = false;
    await this.#context.pool.broadcast({ kind: 'finish', run: this.run }).catch(() => {});
  }
}

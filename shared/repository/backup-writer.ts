import { randomBytes } from 'node:crypto';
import { throwIfAborted } from '../core/abort.ts';
import { HoldfastError } from '../core/errors.ts';
import { parsePackId, parseRunKeyId, type RunKeyId } from '../core/ids.ts';
import { Semaphore } from '../core/semaphore.ts';
import { KiB, MiB } from '../core/units.ts';
import { countSuspicions, encodeCatalog, rootEntry, type Suspect } from '../format/catalog.ts';
import type { ItemLocation, PackHandle } from '../format/chunk-ref.ts';
import { Chunker } from '../format/chunker.ts';
import { gearTable } from '../format/gear.ts';
import { FORMAT_VERSION, MANIFEST_FORMAT, type Manifest } from '../format/manifest.ts';
import { type NodeRef, PackNames } from '../format/tree.ts';
import type { BackupWriterOptions, CommitOptions, DatasetToCommit } from './backup-to-write.ts';
import { ChunkCopier, type ChunkToCopy } from './chunk-copier.ts';
import { ChunkProcessor } from './chunk-processor.ts';
import { ChunkStore, type CodecPort, InlinePort, PoolPort } from './chunk-store.ts';
import type { RunSettings } from './codec-task.ts';
import { refuseOutlived } from './commit-guard.ts';
import type { RepositoryContext } from './context.ts';
import { figuresOfWritten, Tally, type WrittenFigures } from './dataset-figures.ts';
import { PackLedger, PackUse } from './pack-ledger.ts';
import { INDEX, PackUploader } from './pack-uploader.ts';
import { ParentCursor } from './parent-cursor.ts';
import { type BlockPool, PartitionWriter } from './partition-writer.ts';
import { type NewManifest, putManifest } from './put-manifest.ts';
import type { Leaf } from './tree-reader.ts';
import { TreeWriter } from './tree-writer.ts';

/** Of the largest chunk: room for one, for what is left over, and for some more. */
const BLOCK_CHUNKS = 3;
const INDEX_PACK_BYTES = 4 * MiB;
/** One partition of the backup: what it uses, and its root once all packs of chunks are closed. */
interface WrittenPartition {
  readonly use: PackUse;
  readonly tally: Tally;
  finish(): NodeRef | null;
}

/**
 * One backup being written. Nothing is listed before `commit` has put the manifest, which it does last and
 * only when everything that the manifest names is stored.
 */
export class BackupWriter {
  readonly #context: RepositoryContext;
  readonly #options: BackupWriterOptions;
  readonly #run: RunKeyId;
  readonly #startedAt: Date;
  readonly #secret: Uint8Array;
  readonly #uploader: PackUploader;
  readonly #ledger: PackLedger;
  readonly #index: ChunkProcessor;
  readonly #manifestKey: Uint8Array;
  readonly #blocks: BlockPool;
  readonly #partitions = new Map<string, WrittenPartition>();
  readonly #names = new PackNames();

  private constructor(
    context: RepositoryContext,
    options: BackupWriterOptions,
    begun: {
      readonly run: RunKeyId;
      readonly secret: Uint8Array;
      readonly ledger: PackLedger;
      readonly index: ChunkProcessor;
      readonly manifestKey: Uint8Array;
    },
  ) {
    this.#context = context;
    this.#options = options;
    this.#run = begun.run;
    this.#startedAt = options.copyOf ? new Date(options.copyOf.startedAt) : context.clock.now();
    this.#secret = begun.secret;
    this.#ledger = begun.ledger;
    this.#index = begun.index;
    this.#manifestKey = begun.manifestKey;
    this.#uploader = new PackUploader(context.store, context.limits.maxUploads, options.signal);
    this.#blocks = {
      blockBytes: BLOCK_CHUNKS * Math.max(context.file.chunker.maxBytes, MiB),
      permits: new Semaphore(context.limits.maxBlocks),
      free: [],
    };
  }

  /** @throws E_NO_KEY, E_WRONG_KEY, E_STORE_* */
  static async begin(context: RepositoryContext, options: BackupWriterOptions): Promise<BackupWriter> {
    const { signal, parent } = options;
    const secret = await context.secret(signal);
    const run = parseRunKeyId(randomBytes(16).toString('hex'));
    const [data, index, manifestKey] = await Promise.all([
      context.keys.generate(run, 'data', signal),
      context.keys.generate(run, 'index', signal),
      context.keys.generate(run, 'manifest', signal),
    ]);
    const ledger = parent
      ? await PackLedger.of(parent.manifest, options.spoiltPacks, context.store, signal)
      : new PackLedger();
    for (const problem of ledger.problems) options.onWarning(problem);
    const { level, packBytes } = context.limits;
    const common = { runKeyId: run, maxChunkBytes: context.file.chunker.maxBytes, level };
    const settings: RunSettings = { ...common, purpose: 'data', runKey: data, packBytes };
    await context.pool.broadcast({ kind: 'begin', settings });
    const inline = new ChunkProcessor({
      ...common,
      purpose: 'index',
      runKey: index,
      packBytes: INDEX_PACK_BYTES,
    });
    return new BackupWriter(context, options, { run, secret, ledger, index: inline, manifestKey });
  }

  /**
   * Takes a partition as the parent has it: what is stored is only referred to.
   *
   * @returns false where the parent has it not, or some of it is in a pack that is left behind: it is to be written then
   */
  async reusePartition(dataset: string, partition: string): Promise<boolean> {
    const { parent, onStored, signal } = this.#options;
    if (!parent?.has(dataset, partition)) return false;
    const use = new PackUse();
    const tally = new Tally();
    const entry = parent.root(dataset, partition);
    let root: NodeRef | null = null;
    let isKept = true;
    const count = (location: ItemLocation) => {
      isKept &&= this.#ledger.isKept(location.pack);
      use.add(location);
    };
    const onNode = (node: NodeRef) => {
      root ??= node;
      count(node.location);
    };
    for await (const { refs } of parent.leaves(entry, { onNode, signal })) {
      for (const { chain } of refs) for (const location of chain) count(location);
      if (!isKept) return false;
      for (const ref of refs) {
        tally.add({ ref, isNew: false });
        onStored({ ref, isNew: false });
      }
    }
    this.#partitions.set(treeName(dataset, partition), { use, tally, finish: () => root });
    return true;
  }

  /**
   * Reads a partition to its end; one that was written before is replaced. May be called for several partitions at once.
   */
  async writePartition(
    dataset: { readonly name: string; readonly kind: 'schema' | 'data' },
    partition: string,
    records: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { onStored, signal } = this.#options;
    const written = this.#newPartition(dataset.name, partition);
    const { tree, use, tally } = written;
    const cursor = new ParentCursor(this.#parentLeaves(dataset.name, partition, tree));
    const { chunker } = this.#context.file;
    const writer = new PartitionWriter({
      name: `${dataset.name} ${partition}`,
      blocks: this.#blocks,
      chunker: new Chunker(chunker, gearTable(this.#secret), cursor),
      minChunkBytes: chunker.minBytes,
      parent: cursor,
      chunks: this.#chunkStore(dataset.kind),
      tree,
      signal,
      onStored: (stored) => {
        for (const location of stored.ref.chain) use.add(location);
        tally.add(stored);
        onStored(stored);
      },
    });
    await writer.write(records);
  }

  /** Takes a partition over as other backups have its chunks. One partition at a time. */
  async copyPartition(
    dataset: { readonly name: string; readonly kind: 'schema' | 'data' },
    partition: string,
    chunks: AsyncIterable<ChunkToCopy>,
  ): Promise<void> {
    const { tree, use, tally } = this.#newPartition(dataset.name, partition);
    const copier = new ChunkCopier(this.#ledger, this.#names, this.#chunkStore(dataset.kind));
    for await (const chunk of chunks) {
      const stored = await copier.copy(chunk);
      tree.add(stored.ref);
      for (const location of stored.ref.chain) use.add(location);
      tally.add(stored);
      this.#options.onStored(stored);
    }
  }

  /**
   * Stores what is left, then the manifest, and reads that back.
   *
   * @throws E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; nothing is listed then
   */
  async commit(options: CommitOptions): Promise<Manifest> {
    const { signal } = this.#options;
    for (const { value, worker } of await this.#context.pool.broadcast({ kind: 'finish', run: this.#run })) {
      this.#uploader.add(`worker-${worker}`, value.closed);
    }
    const roots = new Map([...this.#partitions].map(([name, written]) => [name, written.finish()]));
    for (const { use } of this.#partitions.values()) this.#ledger.takeUp(use);
    const figures = options.datasets.map((dataset) => this.#figures(dataset, roots));
    const suspect = options.judge(figures);
    const { id, location } = this.#addCatalog(options, roots, { suspect, figures });
    this.#uploader.add(INDEX, this.#index.finish());
    await this.#uploader.settled();
    throwIfAborted(signal);
    const data = figures.filter(({ kind }) => kind === 'data');
    const sum = (key: 'chunks' | 'newChunks' | 'plainBytes' | 'records') =>
      data.reduce((total, dataset) => total + dataset[key], 0);
    const { packs, keys } = this.#packsAndKeys();
    await this.#refuseOutlived(packs);
    const document: NewManifest = {
      format: MANIFEST_FORMAT,
      version: FORMAT_VERSION,
      software: this.#options.software,
      repository: this.#context.file.id,
      run: this.#run,
      type: this.#options.type,
      ...(this.#options.note === undefined ? {} : { note: this.#options.note }),
      source: this.#options.source,
      parent: this.#options.parent?.manifest.key ?? null,
      ...(suspect ? { suspect: countSuspicions(suspect.findings) } : {}),
      consistency: options.consistency,
      ...(options.window === undefined ? {} : { window: windowOf(options.window) }),
      totals: {
        datasets: data.length,
        records: sum('records'),
        plainBytes: sum('plainBytes'),
        chunks: sum('chunks'),
        newChunks: sum('newChunks'),
        storedBytes: this.#uploader.uploaded.reduce((total, { bytes }) => total + bytes, 0),
      },
      keys,
      packs,
      catalog: { id, pack: named(location.pack), offset: location.offset, storedBytes: location.storedBytes },
    };
    return putManifest(this.#context, document, {
      startedAt: this.#startedAt,
      parent: this.#options.parent?.manifest,
      macKey: this.#manifestKey,
      signal,
    });
  }

  /** Without those that cannot be read: what they would have been compared with is stored as if it were new. */
  async *#parentLeaves(dataset: string, partition: string, tree: TreeWriter): AsyncGenerator<Leaf> {
    const { parent, onWarning, signal } = this.#options;
    const root = parent?.root(dataset, partition);
    if (!parent || !root) return;
    const onNode = (node: NodeRef) => tree.knowParentNode(node);
    for await (const found of parent.walk(parent.rootNode(root), { onNode, signal })) {
      if ('problem' in found)
        onWarning(`a part of ${parent.manifest.key} cannot be compared with: ${found.problem.message}`);
      else yield found;
    }
  }

  /** One that was written before is replaced. */
  #newPartition(dataset: string, partition: string): WrittenPartition & { readonly tree: TreeWriter } {
    const use = new PackUse();
    const tree = new TreeWriter({
      packFor: (mostBytes) => this.#packFor(mostBytes),
      addNode: (body) => this.#addItem(body),
      use: (location) => use.add(location),
      isKept: (pack) => this.#ledger.isKept(pack),
    });
    const written = { use, tally: new Tally(), tree, finish: () => tree.finish() };
    this.#partitions.set(treeName(dataset, partition), written);
    return written;
  }

  #figures(dataset: DatasetToCommit, roots: ReadonlyMap<string, NodeRef | null>): WrittenFigures {
    const partitions = dataset.partitions.flatMap((partition) => {
      const name = treeName(dataset.name, partition.name);
      const written = this.#partitions.get(name);
      return written ? [{ root: roots.get(name) ?? null, tally: written.tally }] : [];
    });
    return figuresOfWritten(dataset, partitions);
  }

  #chunkStore(kind: 'schema' | 'data'): ChunkStore {
    const { parent, signal, onWarning } = this.#options;
    const port: CodecPort =
      kind === 'schema'
        ? new InlinePort(this.#index)
        : new PoolPort(this.#context.pool, this.#run, this.#uploader, signal);
    return new ChunkStore({
      port,
      uploader: this.#uploader,
      parentPacks: parent?.packs,
      isKept: (pack) => this.#ledger.isKept(pack),
      onUnreadableBase: (error) =>
        onWarning(`a chunk of the parent cannot be read, so it is stored whole: ${error.message}`),
      signal,
    });
  }

  #packFor(mostBytes: number): PackHandle {
    const pack = this.#index.reserve(mostBytes);
    this.#uploader.add(INDEX, this.#index.takeClosed());
    return this.#uploader.handle(INDEX, pack);
  }

  #addItem(body: Uint8Array): ItemLocation {
    const { pack, offset, storedBytes } = this.#index.addItem(body);
    return { pack: this.#uploader.handle(INDEX, pack), offset, storedBytes };
  }

  /** Encoded twice: the first time to learn how large it is, and so which pack it goes into. */
  #addCatalog(
    options: CommitOptions,
    roots: ReadonlyMap<string, NodeRef | null>,
    {
      suspect,
      figures,
    }: { readonly suspect: Suspect | undefined; readonly figures: readonly WrittenFigures[] },
  ) {
    const wholeBytes = new Map(figures.map((one) => [one.name, one.wholeBytes]));
    const encode = (self: PackHandle) =>
      encodeCatalog({
        server: options.server,
        position: options.position,
        omitted: [...options.omitted],
        ...(suspect ? { suspect } : {}),
        datasets: options.datasets.map(({ name, kind, attributes, partitions }) => ({
          name,
          kind,
          attributes,
          ...(kind === 'data' ? { wholeBytes: wholeBytes.get(name) ?? 0 } : {}),
          partitions: partitions.map((partition) => {
            const root = roots.get(treeName(name, partition.name)) ?? null;
            return { name: partition.name, root: root && rootEntry(root, self) };
          }),
        })),
      });
    const size = encode(this.#packFor(0)).body.length;
    // Should the open pack be closed for it, references to that pack take more room than before.
    const { id, body } = encode(this.#packFor(2 * size + 64 * KiB));
    const location = this.#addItem(body);
    this.#ledger.use(location);
    return { id, location };
  }

  #packsAndKeys(): Pick<Manifest, 'packs' | 'keys'> {
    const keys: Manifest['keys'] = [this.#context.keys.entry(this.#run, 'manifest')];
    const keyIndex = (entry: Manifest['keys'][number]): number => {
      const known = keys.findIndex(({ run, purpose }) => run === entry.run && purpose === entry.purpose);
      return known >= 0 ? known : keys.push(entry) - 1;
    };
    const own = new Map(this.#uploader.uploaded.map((pack) => [pack.id, pack]));
    const packs = [...this.#ledger.used()].map(([id, used]) => {
      const mine = own.get(id);
      const old = this.#ledger.otherPack(id);
      const bytes = mine?.bytes ?? old?.bytes;
      const entry = mine ? this.#context.keys.entry(this.#run, mine.purpose) : old?.key;
      if (bytes === undefined || !entry)
        throw new HoldfastError('E_INTERNAL', `pack ${id} is used and not known`);
      return { id, bytes, usedBytes: Math.min(used, bytes), key: keyIndex(entry) };
    });
    return { packs, keys };
  }

  async #refuseOutlived(packs: Manifest['packs']): Promise<void> {
    const { store, graceMs, sinceOpened } = this.#context;
    const elapsedMs = sinceOpened.elapsedMs();
    const own = this.#uploader.uploaded.map(({ id }) => parsePackId(id));
    const isOwn = new Set<string>(own);
    const others = packs.every(({ id }) => isOwn.has(id)) ? [] : this.#ledger.backups;
    await refuseOutlived(store, { others, packs: own, elapsedMs, graceMs }, this.#options.signal);
  }
}

function windowOf({ from, to }: { readonly from: Date; readonly to: Date }): Manifest['window'] {
  return { from: from.toISOString(), to: to.toISOString() };
}

function named({ id }: PackHandle): string {
  if (id) return id;
  throw new HoldfastError('E_INTERNAL', 'a pack was not closed');
}

function treeName(dataset: string, partition: string): string {
  return JSON.stringify([dataset, partition]);
}

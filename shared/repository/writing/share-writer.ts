import { MiB } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { RootEntry } from '../../format/catalog.ts';
import type { ItemLocation } from '../../format/chunk-ref.ts';
import { Chunker, type CutTest } from '../../format/chunker.ts';
import { GearCuts } from '../../format/gear.ts';
import { KeyedCuts } from '../../format/keyed-cuts.ts';
import { type NodeRef, PackNames } from '../../format/tree.ts';
import type { RepositoryContext } from '../context.ts';
import { wrapForRecovery } from '../keys/recovery-wraps.ts';
import { PackLedger, PartitionPackUse } from '../packs/pack-ledger.ts';
import { RunPacks } from '../packs/run-packs.ts';
import type { BackupReader } from '../reading/backup-reader.ts';
import { ChunkStore } from '../reading/chunk-store.ts';
import { Tally } from '../reading/dataset-figures.ts';
import type { Leaf, LostNode } from '../reading/tree-reader.ts';
import { Semaphore } from '../semaphore.ts';
import type { ShareToWrite } from './backup-to-write.ts';
import { ChunkCopier, type ChunkToCopy } from './chunk-copier.ts';
import { Compaction, sizesOf } from './compaction.ts';
import { ParentCursor } from './parent-cursor.ts';
import { type BlockPool, PartitionWriter } from './partition-writer.ts';
import { ALREADY_NOTED, damageText, Reread, refuseWrong } from './reread.ts';
import { type BoundsUnderWay, type DatasetToWrite, ShareBounds, type StoredBounds } from './share-bounds.ts';
import { TreeWriter } from './tree-writer.ts';
import { partitionName, type WrittenShare } from './written-share.ts';

/** In largest chunks: room for one, for the rest of another, and some more. */
const BLOCK_CHUNKS = 3;

/** Takes in what is next in the parent's tree. */
type Learn = (found: Leaf | LostNode) => void;

/** One partition: what it uses, and its root once all packs of chunks are closed. */
interface PartitionUnderWay {
  readonly dataset: string;
  readonly partition: string;
  readonly use: PartitionPackUse;
  readonly tally: Tally;
  finish(): NodeRef | null;
  /** Least and greatest keys of its chunks; undefined if it has no key. */
  keys?: StoredBounds | undefined;
}

/**
 * Partitions being written by one process: all of a backup, or some. Nothing is listed before `commitShares`.
 */
export class ShareWriter implements AsyncDisposable {
  readonly packs: RunPacks;
  readonly #context: RepositoryContext;
  readonly #options: ShareToWrite;
  readonly #cutTest: CutTest;
  readonly #ledger: PackLedger;
  readonly #blocks: BlockPool;
  readonly #partitions = new Map<string, PartitionUnderWay>();
  readonly #names = new PackNames();
  readonly #compaction: Compaction;
  readonly #bounds: ShareBounds;
  readonly #reread: Reread | undefined;

  private constructor(
    context: RepositoryContext,
    options: ShareToWrite,
    begun: { readonly packs: RunPacks; readonly secret: Uint8Array; readonly ledger: PackLedger },
  ) {
    this.#context = context;
    this.#options = options;
    this.packs = begun.packs;
    const { chunker } = context.file;
    const Test = options.version === 1 ? GearCuts : KeyedCuts;
    this.#cutTest = new Test(chunker, begun.secret);
    this.#ledger = begun.ledger;
    this.#compaction = new Compaction({
      roomBytes: begun.ledger.dataRoomBytes,
      growthBytes: begun.ledger.growthBytes,
      ...sizesOf(options.parent),
      roomOf: (item, leftBytes) => begun.ledger.roomOf(item, leftBytes),
      packBytes: context.limits.packBytes,
    });
    const mayOpen = context.limits.deltas;
    this.#bounds = new ShareBounds(options, { packs: this.packs, ledger: begun.ledger, mayOpen });
    const { parent, reread, onWarning, signal } = options;
    if (parent && reread)
      this.#reread = new Reread(parent, reread, {
        onFirst: ({ message }) => onWarning(damageText(parent, message)),
        signal,
      });
    this.#blocks = {
      blockBytes: BLOCK_CHUNKS * Math.max(context.file.chunker.maxBytes, MiB),
      permits: new Semaphore(context.limits.maxBlocks),
      free: [],
      freeSmall: [],
    };
  }

  /** @throws E_NO_KEY, E_WRONG_KEY, E_STORE_* */
  static async begin(context: RepositoryContext, options: ShareToWrite): Promise<ShareWriter> {
    const { version, type, signal, parent } = options;
    const secret = await context.secret(signal);
    const ledger = parent
      ? await PackLedger.of(parent, options.spoiltPacks, context.store, signal)
      : new PackLedger();
    for (const problem of ledger.problems) options.onWarning(problem);
    const { namedBytes } = ledger;
    const source = version === 1 ? undefined : options.source.name;
    const purposes = ['data', 'index'] as const;
    const packs = await RunPacks.begin(context, { version, type, purposes, namedBytes, source, signal });
    return new ShareWriter(context, options, { packs, secret, ledger });
  }

  /**
   * Takes over a partition from the parent: what is stored is only referred to, unless it takes too much
   * space.
   *
   * @returns false if the parent lacks it, or if part of it is wrong or in a pack being retired: then it must
   * be written
   */
  async reusePartition(dataset: DatasetToWrite, partition: string): Promise<boolean> {
    const { name } = dataset;
    const { parent } = this.#options;
    if (!parent?.has(name, partition)) return false;
    const entry = parent.root(name, partition);
    try {
      if (!this.#mayCompact || !(await this.#isLarge(parent, entry)))
        return await this.#referTo(parent, entry, { name, partition });
      await this.copyPartition(dataset, partition, (learn) => this.#compacted(parent, entry, learn));
      return true;
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
      if (error !== ALREADY_NOTED) this.#reread?.note(error);
      this.#options.onWarning(`${name} is read again: ${parent.manifest.key} ${error.message}`);
      return false;
    }
  }

  /** @throws E_DAMAGED if some of it is wrong */
  async #referTo(
    parent: BackupReader,
    entry: RootEntry | null,
    { name: dataset, partition }: { readonly name: string; readonly partition: string },
  ): Promise<boolean> {
    const { onStored, signal } = this.#options;
    const reread = this.#reread;
    const use = new PartitionPackUse();
    const tally = new Tally();
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
      await refuseWrong(refs, reread);
      for (const ref of refs) {
        tally.add({ ref, isNew: false });
        onStored({ ref, isNew: false });
      }
    }
    this.#partitions.set(partitionName(dataset, partition), {
      dataset,
      partition,
      use,
      tally,
      finish: () => root,
      keys: await this.#bounds.keep(dataset, partition, use),
    });
    return true;
  }

  /**
   * Chunks that stay as the parent has them can only be read from there, which needs the right to decrypt.
   */
  get #mayCompact(): boolean {
    return this.#compaction.isNeeded && this.#context.limits.deltas;
  }

  /** Whether all of it may be referred to, and some of it takes too much space. */
  async #isLarge(parent: BackupReader, entry: RootEntry | null): Promise<boolean> {
    let isKept = true;
    let isLarge = false;
    const keep = ({ pack }: ItemLocation) => {
      isKept &&= this.#ledger.isKept(pack);
    };
    const onNode = ({ location }: NodeRef) => keep(location);
    for await (const { refs } of parent.leaves(entry, { onNode, signal: this.#options.signal })) {
      for (const { chain } of refs) for (const location of chain) keep(location);
      isLarge ||= refs.some((ref) => this.#compaction.isLarge(ref));
      if (!isKept) return false;
    }
    return isKept && isLarge;
  }

  /** The chunks of an unchanged partition; those to be compacted are read from the parent. */
  async *#compacted(
    parent: BackupReader,
    entry: RootEntry | null,
    learn: Learn,
  ): AsyncGenerator<ChunkToCopy> {
    const { signal } = this.#options;
    for await (const leaf of parent.leaves(entry, { signal })) {
      learn(leaf);
      for (const ref of leaf.refs) {
        const isKept = this.#compaction.plan(ref) === 'keep';
        if (isKept) await refuseWrong([ref], this.#reread);
        const plain = isKept ? undefined : (await parent.decode([ref], { digest: false, signal })).plain;
        yield { ref, backup: parent, plain: plain && (async () => plain) };
      }
    }
  }

  /**
   * Reads a partition to its end, and replaces one that was written before. May be called for several
   * partitions at once.
   */
  async writePartition(
    dataset: DatasetToWrite,
    partition: string,
    records: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { onStored, signal } = this.#options;
    const written = this.#newPartition(dataset.name, partition);
    const { tree, use, tally } = written;
    const keys = await this.#bounds.begin(dataset, partition, use);
    const learn: Learn = (found) => keys?.learn(found);
    const cursor = new ParentCursor(this.#parentLeaves(dataset.name, partition, { tree, learn }));
    const { chunker } = this.#context.file;
    const writer = new PartitionWriter({
      name: `${dataset.name} ${partition}`,
      blocks: this.#blocks,
      chunker: new Chunker(chunker, this.#cutTest, cursor),
      minChunkBytes: chunker.minBytes,
      parent: cursor,
      chunks: this.#chunkStore(dataset, keys),
      tree,
      meter: this.#context.meter,
      signal,
      onStored: (stored) => {
        for (const location of stored.ref.chain) use.add(location);
        tally.add(stored);
        keys?.add(stored);
        onStored(stored);
      },
    });
    try {
      await writer.write(records);
      await keys?.settled();
    } finally {
      await keys?.idle();
    }
    written.keys = keys;
  }

  /**
   * Takes over a partition from other backups' chunks.
   *
   * @param chunksOf is given what is to learn of the parent's leaves, each before its chunks, if they are the parent's
   */
  async copyPartition(
    dataset: DatasetToWrite,
    partition: string,
    chunksOf: (learn: Learn) => AsyncIterable<ChunkToCopy>,
  ): Promise<void> {
    const written = this.#newPartition(dataset.name, partition);
    const { tree, use, tally } = written;
    const keys = await this.#bounds.begin(dataset, partition, use);
    const copier = new ChunkCopier(this.#ledger, this.#names, {
      chunks: this.#chunkStore(dataset, keys),
      signal: this.#options.signal,
    });
    try {
      for await (const chunk of chunksOf((leaf) => keys?.learn(leaf))) {
        const stored = await copier.copy(chunk);
        tree.add(stored.ref);
        for (const location of stored.ref.chain) use.add(location);
        tally.add(stored);
        keys?.add(stored);
        this.#options.onStored(stored);
      }
      await keys?.settled();
    } finally {
      await keys?.idle();
    }
    written.keys = keys;
  }

  /** What was written, with all packs of chunks closed; the index pack stays open. @throws E_STORE_* */
  async finish(): Promise<WrittenShare> {
    await this.packs.closeData();
    const used = new PartitionPackUse();
    const partitions = [...this.#partitions.values()].map(
      ({ dataset, partition, use, tally, finish, keys }) => {
        const root = finish();
        const bounds = keys?.store();
        used.addAll(use);
        return { dataset, partition, root, bounds, tally };
      },
    );
    const { others, backups } = this.#ledger;
    const parentDamage = this.#reread?.damaged ?? 0;
    return { partitions, used: used.bytes, others, backups, parentDamage, own: [] };
  }

  /** As `finish`, with everything stored. @throws E_STORE_* */
  async close(): Promise<WrittenShare> {
    const share = await this.finish();
    const own = await this.packs.close();
    const { signal, onWarning } = this.#options;
    for (const problem of await wrapForRecovery(this.#context, this.packs.made, signal)) onWarning(problem);
    return { ...share, own };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.packs[Symbol.asyncDispose]();
  }

  /**
   * Without unreadable ones: chunks that would have been compared with them are stored as if they were new.
   */
  async *#parentLeaves(
    dataset: string,
    partition: string,
    { tree, learn }: { readonly tree: TreeWriter; readonly learn: Learn },
  ): AsyncGenerator<Leaf> {
    const { parent, onWarning, signal } = this.#options;
    const root = parent?.root(dataset, partition);
    if (!parent || !root) return;
    const onNode = (node: NodeRef) => tree.knowParentNode(node);
    for await (const found of parent.walk(parent.rootNode(root), { onNode, signal })) {
      learn(found);
      if ('problem' in found)
        onWarning(`a part of ${parent.manifest.key} cannot be compared with: ${found.problem.message}`);
      else yield found;
    }
  }

  /** One that was written before is replaced. */
  #newPartition(
    dataset: string,
    partition: string,
  ): PartitionUnderWay & {
    readonly tree: TreeWriter;
  } {
    const use = new PartitionPackUse();
    const tree = new TreeWriter({
      packFor: (mostBytes) => this.packs.packFor(mostBytes),
      addNode: (body) => this.packs.addItem(body),
      use: (location) => use.add(location),
      isKept: (pack) => this.#ledger.isKept(pack),
    });
    const written: PartitionUnderWay & { readonly tree: TreeWriter } = {
      dataset,
      partition,
      use,
      tally: new Tally(),
      tree,
      finish: () => tree.finish(),
    };
    this.#partitions.set(partitionName(dataset, partition), written);
    return written;
  }

  #chunkStore(dataset: DatasetToWrite, keys: BoundsUnderWay | undefined): ChunkStore {
    const { kind } = dataset;
    const { parent, signal, onWarning } = this.#options;
    const { uploader } = this.packs;
    return new ChunkStore({
      port: this.packs.port(kind, this.#bounds.keyFields(dataset), signal),
      uploader,
      parentPacks: this.#context.limits.deltas || kind === 'schema' ? parent?.packs : undefined,
      isKept: (pack) => this.#ledger.isKept(pack),
      compaction: this.#compaction,
      lacksBounds: keys && ((ref) => keys.lacks(ref)),
      reread: this.#reread,
      onUnreadableBase: (error) =>
        onWarning(`a chunk of the parent cannot be read, so it is stored whole: ${error.message}`),
      signal,
    });
  }
}

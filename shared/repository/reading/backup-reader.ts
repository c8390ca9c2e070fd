import { buffersLetGo } from '../../core/buffer-memory.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { FilePlace } from '../../core/file-place.ts';
import { type PackId, parsePackId } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { decodeBoundsList } from '../../format/bounds-item.ts';
import { type Catalog, decodeCatalog, itemPlace, type RootEntry, rootNode } from '../../format/catalog.ts';
import type { ChunkRef, ItemLocation } from '../../format/chunk-ref.ts';
import { mostItemBytes } from '../../format/codec.ts';
import { listOf, type Manifest, packCountOf } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import type { ListedPack } from '../../format/pack-list.ts';
import type { RecordDigest } from '../../format/record-digest.ts';
import { type NodeRef, PackNames, SELF } from '../../format/tree.ts';
import { decodeUsedBytes } from '../../format/used-bytes.ts';
import { ownBytes, type StoredColumns } from '../codec/codec-task.ts';
import type { RepositoryContext } from '../context.ts';
import { PackReader, type ReadablePacks } from '../packs/pack-reader.ts';
import { storedColumns } from '../packs/stored-columns.ts';
import { type ReadOnce, readOnce } from '../read-once.ts';
import type { CommittedBackup } from '../writing/committed-backup.ts';
import { isDamage } from './damage.ts';
import { PartitionBounds } from './partition-bounds.ts';
import { type Leaf, type LostNode, readLeaves, type WalkOptions, walkTree } from './tree-reader.ts';

/** Plain bytes decoded by one task. */
const TASK_BYTES = 1024 * 1024;

/** A pack, and what the backup's trees, chunks and catalog use of it. */
export interface UsedPack extends ListedPack {
  readonly usedBytes: number;
}

/** Not at the top: few programs need it beside that of the worker threads. */
export const loadHere = () => import('../codec/decode-here.ts');

interface HereOptions {
  /** Nobody may want more: it is done in this thread if no other has started, as that takes longer. @default false */
  readonly isFirst?: boolean;
  readonly signal: AbortSignal;
}

/** One backup, opened: its manifest was checked, its catalog read. */
export class BackupReader {
  readonly manifest: Manifest;
  readonly catalog: Catalog;
  readonly #context: RepositoryContext;
  readonly #packs: PackReader;
  readonly #names: PackNames;
  readonly #listed: ReadOnce<readonly ListedPack[]>;
  /** Some chunks were read by single columns. */
  #hasColumns = false;

  private constructor(
    context: RepositoryContext,
    manifest: Manifest,
    catalog: Catalog,
    parts: {
      readonly packs: PackReader;
      readonly names: PackNames;
      readonly listed: ReadOnce<readonly ListedPack[]>;
    },
  ) {
    this.#context = context;
    this.manifest = manifest;
    this.catalog = catalog;
    this.#packs = parts.packs;
    this.#names = parts.names;
    this.#listed = parts.listed;
  }

  /** @param manifest whose MAC was checked. @throws E_DAMAGED, E_WRONG_KEY, E_NO_KEY */
  static async open(
    context: RepositoryContext,
    manifest: Manifest,
    signal: AbortSignal,
  ): Promise<BackupReader> {
    const mostChunkItemBytes = mostItemBytes(context.file.chunker.maxBytes);
    const listed = readOnce((using) => context.lists.packs(manifest, using));
    const all = async (using: AbortSignal): Promise<ReadablePacks> => {
      const found = await listed(using);
      const entries = [...new Set(found.flatMap(({ key }) => key ?? []))];
      return { sizes: sizesOf(found), keys: context.keys.of(entries, manifest.key) };
    };
    const packs = new PackReader(context.segments, {
      first: {
        sizes: sizesOf(packsInHand(manifest)),
        keys: context.keys.of(manifest.keys, manifest.key),
      },
      all: listOf(manifest) ? readOnce(all) : undefined,
      mostChunkItemBytes,
    });
    const names = new PackNames();
    const { id, pack, offset, storedBytes } = manifest.catalog;
    const body = await packs.readItem({ pack: names.handle(parsePackId(pack)), offset, storedBytes }, signal);
    const catalog = decodeCatalog(
      body,
      id,
      `the catalog of ${manifest.key} in ${packKey(parsePackId(pack))}`,
    );
    return new BackupReader(context, manifest, catalog, { packs, names, listed });
  }

  get packs(): PackReader {
    return this.#packs;
  }

  /** All packs that a restore reads, in their order. @throws E_DAMAGED, E_STORE_* */
  listed(signal: AbortSignal): Promise<readonly ListedPack[]> {
    return this.#listed(signal);
  }

  /** The same, and how much of each is used. @throws E_DAMAGED, E_WRONG_KEY, E_STORE_* */
  async usedPacks(signal: AbortSignal): Promise<readonly UsedPack[]> {
    const [listed, usedBytes] = [await this.#listed(signal), await this.usedBytes(signal)];
    const { use } = this.catalog;
    const { catalog } = this.manifest;
    // The recorded numbers include neither their own item nor the catalog, which are written after them.
    const more = (id: string) =>
      (use && id === this.#packOf(use) ? use.storedBytes : 0) +
      (use && id === catalog.pack ? catalog.storedBytes : 0);
    return listed.map((pack, i) => ({
      ...pack,
      usedBytes: Math.min(pack.bytes, (usedBytes[i] ?? 0) + more(pack.id)),
    }));
  }

  /**
   * What trees and chunks use of each pack, in the order of the packs; in format 1, catalog included. @throws
   * as `usedPacks`
   */
  async usedBytes(signal: AbortSignal): Promise<readonly number[]> {
    if (this.manifest.version === 1) return this.manifest.packs.map(({ usedBytes }) => usedBytes);
    const { key } = this.manifest;
    const { use } = this.catalog;
    if (!use)
      throw new HoldfastError(
        'E_DAMAGED',
        `the catalog of ${key} does not say how much of its packs is used`,
      );
    const pack = this.#packOf(use);
    const body = await this.#packs.readItem({ ...use, pack: this.#names.handle(pack) }, signal);
    const what = `the use of packs in the catalog of ${key}`;
    const usedBytes = decodeUsedBytes(body, what);
    const named = packCountOf(this.manifest);
    if (usedBytes.length === named) return usedBytes;
    throw new HoldfastError('E_DAMAGED', `${what} covers ${usedBytes.length} packs; it names ${named}`);
  }

  #packOf({ pack }: NonNullable<Catalog['use']>): PackId {
    return parsePackId(pack === SELF ? this.manifest.catalog.pack : pack);
  }

  /** Number of its chunks, and of those that its run stored. */
  get figures(): CommittedBackup['figures'] {
    const none = { chunks: 0, newChunks: 0 };
    return this.manifest.version === 1 ? this.manifest.totals : (this.catalog.figures ?? none);
  }

  /** The root of a partition's tree, null if there is none. */
  root(dataset: string, partition: string): RootEntry | null {
    const found = this.catalog.datasets.find(({ name }) => name === dataset);
    return found?.partitions.find(({ name }) => name === partition)?.root ?? null;
  }

  has(dataset: string, partition: string): boolean {
    const found = this.catalog.datasets.find(({ name }) => name === dataset);
    return found?.partitions.some(({ name }) => name === partition) ?? false;
  }

  /** Least and greatest keys of a partition's chunks; undefined if there are none. @throws E_DAMAGED, E_STORE_* */
  async bounds(
    dataset: string,
    partition: string,
    signal: AbortSignal,
  ): Promise<PartitionBounds | undefined> {
    const found = this.catalog.datasets.find(({ name }) => name === dataset);
    const entry = found?.partitions.find(({ name }) => name === partition)?.bounds;
    if (!entry) return undefined;
    const list = itemPlace(entry, this.#names, this.#names.handle(this.manifest.catalog.pack));
    const what = `where the bounds of ${dataset} ${partition} are, in ${this.manifest.key}`;
    const places = decodeBoundsList(await this.#packs.readItem(list, signal), this.#names, what);
    return new PartitionBounds(this.#packs, list, places);
  }

  /** The root of a partition's tree, as a node. */
  rootNode(root: RootEntry): NodeRef {
    return rootNode(root, this.#names, this.#names.handle(this.manifest.catalog.pack));
  }

  /** @throws E_DAMAGED */
  async *leaves(root: RootEntry | null, options: WalkOptions): AsyncGenerator<Leaf> {
    if (root) yield* readLeaves(this.#packs, this.#names, this.rootNode(root), options);
  }

  /**
   * As `leaves`, from any node of this backup; a damaged node is returned as lost, and the walk goes on after
   * it.
   */
  walk(node: NodeRef, options: WalkOptions): AsyncGenerator<Leaf | LostNode> {
    return walkTree(this.#packs, this.#names, node, options);
  }

  /**
   * A partition's records in order, every chunk checked against its id before it is returned.
   *
   * @param digest takes up every record
   */
  async *read(
    root: RootEntry | null,
    options: { readonly digest?: RecordDigest | undefined; readonly signal: AbortSignal },
  ) {
    const { digest, signal } = options;
    let isInside = false;
    const tasks = groupRefs(this.leaves(root, { signal }));
    const decoded = orderedMap(tasks, this.#context.pool.size + 1, async (refs) => {
      const last = refs.at(-1);
      const isWhole = !isInside && !last?.endsInside;
      isInside = last?.endsInside ?? false;
      return { isWhole, ...(await this.decode(refs, { digest: digest !== undefined && isWhole, signal })) };
    });
    for await (const { isWhole, plain, parts } of decoded) {
      if (digest && parts) digest.merge(parts);
      else if (digest && !isWhole) digest.update(plain);
      const { length } = plain;
      yield plain;
      buffersLetGo(length);
    }
  }

  /**
   * The bytes of some chunks in the order in which they are given, each checked against its id before it is returned. A
   * block may end inside a record.
   *
   * @throws E_DAMAGED, E_STORE_*
   */
  async *readChunks(
    runs: AsyncIterable<{ readonly refs: readonly ChunkRef[] }>,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const decoded = orderedMap(groupRefs(runs), this.#context.pool.size + 1, (refs) =>
      this.decode(refs, { digest: false, signal }),
    );
    for await (const { plain } of decoded) {
      const { length } = plain;
      yield plain;
      buffersLetGo(length);
    }
  }

  /**
   * Writes a partition's records into a file, from `to.at` on, on the threads that decode them, and reads
   * them back there. Yields the bytes that were done, from the front.
   *
   * @throws E_DAMAGED, E_RESTORE_DIFFERS, E_TARGET_FULL, E_SOURCE_DENIED
   */
  async *copy(root: RootEntry | null, to: FilePlace, signal: AbortSignal): AsyncGenerator<number> {
    let { at } = to;
    const tasks = groupRefs(this.leaves(root, { signal }));
    yield* orderedMap(tasks, 2 * this.#context.pool.size + 1, async (refs) => {
      const from = at;
      const bytes = refs.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
      at += bytes;
      const { task, transfer } = await this.#gather(refs, signal);
      await this.#context.pool.run({ kind: 'write', ...task, to: { ...to, at: from } }, transfer, signal);
      return bytes;
    });
  }

  /** The plain bytes of neighbouring chunks, decoded on a worker, or in this thread (then without a digest). */
  async decode(
    refs: readonly ChunkRef[],
    { digest, isFirst = false, signal }: HereOptions & { readonly digest: boolean },
  ) {
    const { task, transfer } = await this.#gather(refs, signal);
    if (isFirst && !digest && !this.#context.pool.hasStarted) {
      const { decodeHere } = await loadHere();
      return { plain: decodeHere(task), parts: undefined };
    }
    const { value } = await this.#context.pool.run({ kind: 'decode', ...task, digest }, transfer, signal);
    return { plain: new Uint8Array(value.plain), parts: value.digest };
  }

  /** Tasks that are worth having under way at once: of those that pick columns, each waits for the store twice, for few bytes. */
  mostTasks(of: 'decode' | 'pick'): number {
    return (this.#context.pool.size + 1) * (of === 'pick' ? 4 : 1);
  }

  /**
   * Some fields of the rows of neighbouring chunks, tabs between them; of chunks that are stored as columns only those are fetched and
   * decompressed.
   *
   * @param refs of whole records
   * @param places of the fields, ascending, at least one
   * @throws E_DAMAGED, E_STORE_*
   */
  async pick(
    refs: readonly ChunkRef[],
    places: readonly number[],
    { isFirst = false, signal }: HereOptions,
  ): Promise<Uint8Array> {
    const isHere = isFirst && !this.#context.pool.hasStarted;
    const columns = await Promise.all(refs.map(({ chain }) => this.#columns(chain, places, signal)));
    try {
      return await this.#pick(refs, { places, columns, isHere }, signal);
    } catch (error) {
      // Read whole, it may be found right after all, and is named if it is not.
      if (!isDamage(error) || columns.every((one) => one === undefined)) throw error;
      return this.#pick(refs, { places, columns: [], isHere }, signal);
    }
  }

  async #columns([item, delta]: readonly ItemLocation[], places: readonly number[], signal: AbortSignal) {
    return item && !delta ? storedColumns(this.#packs, item, places, signal) : undefined;
  }

  async #pick(
    refs: readonly ChunkRef[],
    of: {
      readonly places: readonly number[];
      readonly columns: readonly (StoredColumns | undefined)[];
      readonly isHere: boolean;
    },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { places, columns, isHere } = of;
    // Where other chunks are read by columns, what lies around a whole one is not wanted.
    this.#hasColumns ||= columns.some((one) => one !== undefined);
    const whole = refs.map((ref, i) => (columns[i] ? { ...ref, chain: [] } : ref));
    const { task, transfer } = await this.#gather(whole, signal, { apart: this.#hasColumns });
    const chunks = task.chunks.map((chunk, i) => ({ ...chunk, columns: columns[i] }));
    if (isHere) {
      const { pickHere } = await loadHere();
      return pickHere({ ...task, chunks }, places);
    }
    const { value } = await this.#context.pool.run(
      { kind: 'pick', ...task, chunks, places },
      transfer,
      signal,
    );
    return new Uint8Array(value);
  }

  /** Reads chunks and checks each against its id, size and count; keeps nothing. @throws E_DAMAGED */
  async prove(refs: readonly ChunkRef[], signal: AbortSignal): Promise<void> {
    const { task, transfer } = await this.#gather(refs, signal);
    await this.#context.pool.run({ kind: 'prove', ...task }, transfer, signal);
  }

  /** What a worker needs to decode neighbouring chunks. */
  async #gather(refs: readonly ChunkRef[], signal: AbortSignal, how: { readonly apart?: boolean } = {}) {
    const { batch, chains } = await this.#packs.gather(
      refs.map(({ chain }) => chain),
      signal,
      how,
    );
    const chunks = refs.map(({ id, plainBytes, records }, i) => ({
      id: ownBytes(id),
      plainBytes,
      records,
      chain: chains[i] ?? [],
    }));
    const { maxBytes: maxChunkBytes } = this.#context.file.chunker;
    return { task: { batch, chunks, maxChunkBytes }, transfer: [batch.buffer] };
  }
}

/** Packs that can be read before the whole list of them is. */
function packsInHand(manifest: Manifest): readonly Pick<ListedPack, 'id' | 'bytes'>[] {
  const { packs, catalog } = manifest;
  if (packs) return packs;
  return manifest.version === 2 ? [{ id: catalog.pack, bytes: manifest.catalog.packBytes }] : [];
}

function sizesOf(packs: readonly Pick<ListedPack, 'id' | 'bytes'>[]): ReadonlyMap<string, number> {
  return new Map(packs.map(({ id, bytes }) => [id, bytes]));
}

async function* groupRefs(
  runs: AsyncIterable<{ readonly refs: readonly ChunkRef[] }>,
): AsyncGenerator<readonly ChunkRef[]> {
  let group: ChunkRef[] = [];
  let bytes = 0;
  for await (const { refs } of runs) {
    for (const ref of refs) {
      if (group.length > 0 && bytes + ref.plainBytes > TASK_BYTES) {
        yield group;
        group = [];
        bytes = 0;
      }
      group.push(ref);
      bytes += ref.plainBytes;
    }
  }
  if (group.length > 0) yield group;
}

import { releaseMemory } from '../../core/buffer-memory.ts';
import type { HoldfastError } from '../../core/errors.ts';
import { parallel } from '../../core/parallel.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { ChunkBounds } from '../../format/key-bounds.ts';
import type { NodeRef } from '../../format/tree.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Leaf, LostNode } from '../../repository/reading/tree-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { type BoundsCheck, type SaidOfLeaf, textOf } from './bounds-check.ts';

/** Chunks that one task decodes. */
const CHUNKS_A_TASK = 8;
/** Checked chunks to remember, so that what backups share is read once; beyond it, some are read again. */
const MOST_REMEMBERED = 500_000;
/** The same for leaves, which hold about 256 chunks each. */
const MOST_LEAVES = 50_000;

/** A chunk that cannot be read. */
export interface LostChunk {
  readonly ref: ChunkRef;
  readonly problem: HoldfastError;
  /** Id of the pack at fault. */
  readonly pack: string;
}

/** How much of a tree is read. */
export interface TreeCheckOptions {
  /** Chunks for which it returns false are not read. @default all are */
  readonly isInScope?: (ref: ChunkRef) => boolean;
  readonly onLostNode: (lost: LostNode) => void;
  readonly onLostChunk: (lost: LostChunk) => void;
  /** Called with every reference. */
  readonly onRef?: (ref: ChunkRef) => void;
  /**
   * Whether to skip leaves that this check already read, with the same scope, and all of whose chunks were
   * right. Backups share most of them.
   *
   * @default false
   */
  readonly passesKnownLeaves?: boolean;
  /** What the backup says of the keys in these chunks, to be compared with them. @default nothing is */
  readonly bounds?: BoundsCheck | undefined;
  /** For skipped chunks, read or not. */
  readonly onPassed?: (plainBytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads every chunk below a tree node from its chain, and checks it against the id, size and count in its
 * tree.
 */
export class TreeCheck {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  #known = new Set<string>();
  /** Packs of leaves that were found whole. */
  #leaves = new Map<string, readonly string[]>();
  #listed: { readonly reader: BackupReader; readonly packs: ReadonlySet<string> } | undefined;
  /** Number of chunks that were read and are right. */
  chunks = 0;
  records = 0;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** Does not stop at damage: one bad node or chunk hides no other. @throws anything but damage */
  async check(reader: BackupReader, node: NodeRef, options: TreeCheckOptions): Promise<void> {
    const { isInScope = () => true, onRef, onPassed = () => {}, onLostNode } = options;
    await this.#learn(reader);
    let { bounds } = options;
    let leaf = 0;
    const isWanted = (below: NodeRef) => {
      const name = leafName(below) + (bounds?.nameOf(leaf) ?? '');
      if (!options.passesKnownLeaves || !this.#isKnown(reader, below, name)) return true;
      leaf++;
      onPassed(below.plainBytes);
      return false;
    };
    for await (const found of reader.walk(node, { isWanted, signal: this.#signal })) {
      if ('problem' in found) {
        // Nobody knows how many leaves are below a lost node.
        if (found.node.level > 0) bounds = undefined;
        leaf++;
        onLostNode(found);
        continue;
      }
      if (onRef) for (const ref of found.refs) onRef(ref);
      const said = await bounds?.said(leaf++, found.refs);
      const toCheck = found.refs.map((ref, i) => ({ ref, keys: said?.chunks[i] }));
      const wanted = toCheck.filter((one) => isInScope(one.ref) && !this.#isKnownChunk(reader, one));
      let isWhole = true;
      const onLostChunk = (lost: LostChunk) => {
        isWhole = false;
        options.onLostChunk(lost);
      };
      await this.#checkChunks(reader, wanted, { ...options, bounds, said, onLostChunk });
      if (isWhole && options.passesKnownLeaves)
        this.#remember(found, leafName(found.node) + (said?.name ?? ''));
      onPassed(found.refs.reduce((sum, { plainBytes }) => sum + plainBytes, 0));
    }
  }

  /** Whether a leaf was found whole, and this backup lists all packs that it needs. */
  #isKnown(reader: BackupReader, node: NodeRef, name: string): boolean {
    const packs = node.level === 0 ? this.#leaves.get(name) : undefined;
    return packs !== undefined && this.#areListed(reader, packs);
  }

  #isKnownChunk(reader: BackupReader, chunk: ChunkToCheck): boolean {
    return this.#known.has(checkedName(chunk)) && this.#areListed(reader, packsOf(chunk.ref));
  }

  #areListed(reader: BackupReader, packs: readonly string[]): boolean {
    const listed = this.#listed?.reader === reader ? this.#listed.packs : undefined;
    return packs.every((pack) => listed?.has(pack));
  }

  /** The packs that a backup lists; none if its list is damaged, and then no node of it can be read. */
  async #learn(reader: BackupReader): Promise<void> {
    if (this.#listed?.reader === reader) return;
    let packs: ReadonlySet<string> = new Set();
    try {
      packs = new Set((await reader.listed(this.#signal)).map(({ id }) => id));
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    this.#listed = { reader, packs };
  }

  #remember({ node, refs }: Leaf, name: string): void {
    if (this.#leaves.size >= MOST_LEAVES) this.#leaves = new Map();
    const packs = new Set(refs.flatMap(packsOf));
    this.#leaves.set(name, [...packs, node.location.pack.id ?? '']);
  }

  async #checkChunks(
    reader: BackupReader,
    refs: readonly ChunkToCheck[],
    options: GroupOptions,
  ): Promise<void> {
    const groups = Array.from({ length: Math.ceil(refs.length / CHUNKS_A_TASK) }, (_, i) =>
      refs.slice(i * CHUNKS_A_TASK, (i + 1) * CHUNKS_A_TASK),
    );
    const most = this.#repository.context.pool.size + 1;
    await parallel(groups, { most, signal: this.#signal }, (group) =>
      this.#checkGroup(reader, group, options),
    );
  }

  /** One task for all; if that fails, one for each. */
  async #checkGroup(
    reader: BackupReader,
    group: readonly ChunkToCheck[],
    options: GroupOptions,
  ): Promise<void> {
    if ((await this.#decode(reader, group, options)) === undefined) return;
    for (const one of group) {
      const problem = await this.#decode(reader, [one], options);
      const { ref } = one;
      if (problem) options.onLostChunk({ ref, ...(await this.#culprit(reader, ref, problem)) });
    }
  }

  /** What is wrong with them, undefined if nothing is. */
  async #decode(
    reader: BackupReader,
    group: readonly ChunkToCheck[],
    { bounds, said }: GroupOptions,
  ): Promise<HoldfastError | undefined> {
    try {
      const refs = group.map(({ ref }) => ref);
      const { plain } = await reader.decode(refs, { digest: false, signal: this.#signal });
      let at = 0;
      for (const { ref, keys } of group) {
        const chunk = plain.subarray(at, at + ref.plainBytes);
        if (keys && said) bounds?.compare(chunk, keys, said.pack);
        at += ref.plainBytes;
      }
      releaseMemory(plain);
    } catch (error) {
      if (!isDamage(error)) throw error;
      return error;
    }
    if (this.#known.size + group.length > MOST_REMEMBERED) this.#known = new Set();
    for (const one of group) {
      this.#known.add(checkedName(one));
      this.chunks++;
      this.records += one.ref.records;
    }
    return undefined;
  }

  /** The first pack of a chain that does not return its item, and why; else the pack of the last step. */
  async #culprit(
    reader: BackupReader,
    { chain }: ChunkRef,
    problem: HoldfastError,
  ): Promise<Omit<LostChunk, 'ref'>> {
    for (const location of chain) {
      try {
        releaseMemory(await reader.packs.readItem(location, this.#signal, 'any'));
      } catch (error) {
        if (!isDamage(error)) throw error;
        return { pack: location.pack.id ?? '', problem: error };
      }
    }
    return { pack: chain.at(-1)?.pack.id ?? '', problem };
  }
}

/** A chunk, and what is said of the keys in it. */
interface ChunkToCheck {
  readonly ref: ChunkRef;
  readonly keys: ChunkBounds | undefined;
}

type GroupOptions = TreeCheckOptions & { readonly said: SaidOfLeaf | undefined };

/** The same for a chunk of which the same is said. */
function checkedName({ ref, keys }: ChunkToCheck): string {
  return keys ? `${chunkName(ref)}/${textOf(keys)}` : chunkName(ref);
}

/** The same for the same chunk, with the same counts, through the same chain. */
export function chunkName({ id, plainBytes, records, chain }: ChunkRef): string {
  const last = chain.at(-1);
  const counts = `${plainBytes}/${records}`;
  return `${id.toString('latin1', 0, 16)}${last?.pack.id?.slice(0, 16)}${last?.offset}/${counts}`;
}

function packsOf({ chain }: ChunkRef): string[] {
  return chain.map(({ pack }) => pack.id ?? '');
}

/** Includes what its parent says about it: that is checked too. */
function leafName({ id, chunks, plainBytes, records, location }: NodeRef): string {
  return `${id.toString('latin1', 0, 16)}${location.pack.id?.slice(0, 16)}${location.offset}/${chunks}/${plainBytes}/${records}`;
}

import { releaseMemory } from '../../core/buffer-memory.ts';
import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { NodeRef } from '../../format/tree.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';

/** What is searched for, by id. */
export interface Wanted {
  readonly chunks: Set<string>;
  readonly nodes: Set<string>;
}

/**
 * Equal chunks and tree nodes (the same id means the same bytes) that can be read, with the backup for each.
 */
export interface SurvivingCopies {
  readonly chunks: Map<string, { readonly reader: BackupReader; readonly ref: ChunkRef }>;
  readonly nodes: Map<string, { readonly reader: BackupReader; readonly node: NodeRef }>;
}

/** Where chunks of the same id are looked for. */
export interface SearchOptions {
  /** Already open: searched first. */
  readonly reader: BackupReader;
  /** In this order. */
  readonly backups: readonly BackupKey[];
  /** Whether a reference is one that cannot be read. */
  readonly isLost: (ref: ChunkRef) => boolean;
  readonly signal: AbortSignal;
}

/** A chunk's or node's id, as a map key. */
export function idOf({ id }: { readonly id: Buffer }): string {
  return id.toString('latin1');
}

/**
 * Walks the trees of backups for what is wanted, proves that it can be read, and moves it from `wanted` to
 * `found`. Skips backups that cannot be opened.
 *
 * @throws E_STORE_*, E_ABORTED
 */
export async function searchSurvivingCopies(
  repository: Repository,
  wanted: Wanted,
  found: SurvivingCopies,
  { reader, backups, isLost, signal }: SearchOptions,
): Promise<void> {
  const search = new Search(wanted, found, { isLost, signal });
  await search.look(reader);
  for (const key of backups) {
    if (search.isDone) return;
    if (key === reader.manifest.key) continue;
    try {
      await search.look(await repository.openBackup(key, signal));
    } catch (error) {
      // Prune may have removed it since the listing.
      if (!isDamage(error) && !isHoldfastError(error, 'E_NO_BACKUP')) throw error;
    }
  }
}

class Search {
  readonly #wanted: Wanted;
  readonly #found: SurvivingCopies;
  readonly #isLost: SearchOptions['isLost'];
  readonly #signal: AbortSignal;
  /** Nodes that were walked: backups share most of theirs. */
  readonly #seen = new Set<string>();

  constructor(
    wanted: Wanted,
    found: SurvivingCopies,
    { isLost, signal }: Pick<SearchOptions, 'isLost' | 'signal'>,
  ) {
    this.#wanted = wanted;
    this.#found = found;
    this.#isLost = isLost;
    this.#signal = signal;
  }

  get isDone(): boolean {
    return this.#wanted.chunks.size + this.#wanted.nodes.size === 0;
  }

  async look(reader: BackupReader): Promise<void> {
    for (const { partitions } of reader.catalog.datasets) {
      for (const { root } of partitions) {
        if (this.isDone) return;
        if (root) await this.#walk(reader, reader.rootNode(root));
      }
    }
  }

  async #walk(reader: BackupReader, root: NodeRef): Promise<void> {
    const onNode = (node: NodeRef) => {
      if (this.#wanted.nodes.delete(idOf(node))) this.#found.nodes.set(idOf(node), { reader, node });
    };
    const isWanted = ({ location: { pack, offset } }: NodeRef) => {
      const place = `${pack.id}/${offset}`;
      return !this.#seen.has(place) && this.#seen.add(place) !== undefined;
    };
    for await (const leaf of reader.walk(root, { onNode, isWanted, signal: this.#signal })) {
      if ('problem' in leaf) continue;
      for (const ref of leaf.refs) if (this.#wanted.chunks.has(idOf(ref))) await this.#take(reader, ref);
    }
  }

  async #take(reader: BackupReader, ref: ChunkRef): Promise<void> {
    if (this.#isLost(ref)) return;
    try {
      const { plain } = await reader.decode([ref], { digest: false, signal: this.#signal });
      releaseMemory(plain);
      this.#wanted.chunks.delete(idOf(ref));
      this.#found.chunks.set(idOf(ref), { reader, ref });
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
}

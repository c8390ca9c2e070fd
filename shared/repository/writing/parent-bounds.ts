import type { LeafBounds } from '../../format/bounds-item.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import type { BackupReader } from '../reading/backup-reader.ts';
import { isDamage } from '../reading/damage.ts';
import type { PartitionBounds } from '../reading/partition-bounds.ts';
import type { Leaf, LostNode } from '../reading/tree-reader.ts';

/** A leaf of the parent, and where the bounds of its chunks are. */
export interface ParentLeaf {
  readonly number: number;
  readonly ids: readonly Buffer[];
  readonly place: ItemLocation | undefined;
}

/** A chunk of the parent: which one of which leaf. */
export interface ParentChunk {
  readonly leaf: ParentLeaf;
  readonly index: number;
}

/** What the parent knows of the keys of a partition's chunks. A chunk is known by the very object that is its id. */
export class ParentBounds {
  readonly #bounds: PartitionBounds | undefined;
  readonly #onWarning: (message: string) => void;
  readonly #chunks = new WeakMap<Buffer, ParentChunk>();
  /** The leaf that was opened last. */
  #opened: { readonly leaf: ParentLeaf; readonly bounds: LeafBounds | undefined } | undefined;
  #leaves = 0;
  /** A part of the tree is lost, with nobody knows how many leaves. */
  #isBroken = false;

  private constructor(bounds: PartitionBounds | undefined, onWarning: (message: string) => void) {
    this.#bounds = bounds;
    this.#onWarning = onWarning;
  }

  /** Damage becomes a warning: it costs time when rows are looked for, not the backup. @throws E_STORE_*, E_ABORTED */
  static async of(
    parent: BackupReader | undefined,
    { dataset, partition }: { readonly dataset: string; readonly partition: string },
    options: {
      /** Of which key they must be. @default any */
      readonly keyId?: Uint8Array | undefined;
      readonly onWarning: (message: string) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<ParentBounds> {
    const { keyId, onWarning, signal } = options;
    try {
      const found = await parent?.bounds(dataset, partition, signal);
      const isOther = found && keyId && Buffer.compare(found.keyId, keyId) !== 0;
      return new ParentBounds(isOther ? undefined : found, onWarning);
    } catch (error) {
      if (!isDamage(error)) throw error;
      onWarning(notRead(error));
      return new ParentBounds(undefined, onWarning);
    }
  }

  /** The places of the leaves' bounds, of which key they are, and where the list of them is; undefined if there are none. */
  get stored(): Pick<PartitionBounds, 'list' | 'keyId' | 'places'> | undefined {
    return this.#bounds;
  }

  /** Takes in what is next in the parent's tree. */
  learn(found: Leaf | LostNode): void {
    if (!this.#bounds || this.#isBroken) return;
    if ('problem' in found) {
      this.#leaves++;
      this.#isBroken = found.node.level > 0;
      return;
    }
    const number = this.#leaves++;
    const ids = found.refs.map(({ id }) => id);
    const leaf = { number, ids, place: this.#bounds.places[number] };
    for (const [index, id] of ids.entries()) this.#chunks.set(id, { leaf, index });
  }

  /** Whether nobody has noted the keys of a chunk of the parent, or only in a pack that is not kept: they are then taken again. */
  lacks(id: Buffer, isKept: (pack: PackHandle) => boolean): boolean {
    const place = this.#chunks.get(id)?.leaf.place;
    return !place || !isKept(place.pack);
  }

  /** @param id of the reference of the parent */
  of(id: Buffer): ParentChunk | undefined {
    return this.#chunks.get(id);
  }

  /** The bounds of a leaf's chunks; undefined if there are none, or if they are damaged. @throws E_STORE_*, E_ABORTED */
  async open(leaf: ParentLeaf, signal: AbortSignal): Promise<LeafBounds | undefined> {
    if (this.#opened?.leaf !== leaf) this.#opened = { leaf, bounds: await this.#read(leaf, signal) };
    return this.#opened.bounds;
  }

  async #read({ number, ids }: ParentLeaf, signal: AbortSignal): Promise<LeafBounds | undefined> {
    try {
      return await this.#bounds?.of(number, ids, signal);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#onWarning(notRead(error));
      return undefined;
    }
  }
}

function notRead({ message }: Error): string {
  return `least and greatest keys of the parent cannot be read, so looking for rows will take longer: ${message}`;
}

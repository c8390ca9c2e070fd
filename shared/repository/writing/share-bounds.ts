import type { JsonObject } from '../../core/json.ts';
import { type KeyField, keyFieldsOf, keyIdOf } from '../../core/key-fields.ts';
import type { BoundsList } from '../../format/bounds-item.ts';
import type { ChunkRef, ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import type { PackLedger, PartitionPackUse } from '../packs/pack-ledger.ts';
import type { RunPacks } from '../packs/run-packs.ts';
import type { StoredRef } from '../reading/stored-ref.ts';
import type { Leaf, LostNode } from '../reading/tree-reader.ts';
import type { ShareToWrite } from './backup-to-write.ts';
import { BoundsWriter, LEAST_CHUNKS, storeBoundsList } from './bounds-writer.ts';
import { ParentBounds } from './parent-bounds.ts';

/** What is written of a dataset. */
export interface DatasetToWrite {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly attributes: JsonObject;
}

/** Where the least and greatest keys of a partition are. */
export interface StoredBounds {
  /** Stores the list of them, when all packs of chunks are closed; undefined if there are none. */
  store(): ItemLocation | undefined;
}

/** The least and greatest keys of the chunks of a partition that is being written. */
export interface BoundsUnderWay extends StoredBounds {
  /** What is next in the parent's tree. */
  learn(found: Leaf | LostNode): void;
  /** Whether the parent has not noted the keys of a chunk of it. */
  lacks(parent: ChunkRef): boolean;
  /** The next chunk. */
  add(stored: StoredRef): void;
  /** Waits until all is sealed; all packs of chunks must still be open. @throws E_STORE_*, E_ABORTED */
  settled(): Promise<void>;
  /** Waits until nothing is under way. */
  idle(): Promise<void>;
}

/** Stores the least and greatest keys of what one process writes: docs/decisions/0021-bounds-of-keys.md. */
export class ShareBounds {
  readonly #share: ShareToWrite;
  readonly #packs: RunPacks;
  readonly #ledger: PackLedger;
  readonly #mayOpen: boolean;

  /** @param options.mayOpen whether what the parent has may be decrypted */
  constructor(
    share: ShareToWrite,
    options: { readonly packs: RunPacks; readonly ledger: PackLedger; readonly mayOpen: boolean },
  ) {
    this.#share = share;
    this.#packs = options.packs;
    this.#ledger = options.ledger;
    this.#mayOpen = options.mayOpen;
  }

  /** Of the key that bounds are stored of; none of a dataset without a key. Only backups of format 2 have any. */
  keyFields({ kind, attributes }: DatasetToWrite): readonly KeyField[] {
    return kind === 'data' && this.#share.version > 1 ? keyFieldsOf(attributes) : [];
  }

  /** Undefined of a dataset without a key. @param use counts what is used. @throws E_STORE_*, E_ABORTED */
  async begin(
    dataset: DatasetToWrite,
    partition: string,
    use: PartitionPackUse,
  ): Promise<BoundsUnderWay | undefined> {
    const keyFields = this.keyFields(dataset);
    if (keyFields.length === 0) return undefined;
    const { signal } = this.#share;
    const keyId = keyIdOf(keyFields);
    const parent = await this.#parent(dataset.name, partition, keyId);
    const sink = {
      seal: (body: Uint8Array) => this.#packs.addToData(body, signal),
      use: (location: ItemLocation) => use.add(location),
      isKept: (pack: PackHandle) => this.#ledger.isKept(pack),
    };
    const isLarge = (this.#share.parent?.root(dataset.name, partition)?.chunks ?? 0) >= LEAST_CHUNKS;
    const writer = new BoundsWriter({ keyId, parent, mayOpen: this.#mayOpen, sink, signal });
    return {
      learn: (found) => parent.learn(found),
      lacks: ({ id }) => isLarge && parent.lacks(id, sink.isKept),
      add: (stored) => writer.add(stored),
      settled: () => writer.settled(),
      idle: () => writer.idle(),
      store: () => this.#storeList({ keyId, places: writer.places }, parent, use),
    };
  }

  /** Those of a partition that stays as the parent has it, as far as their packs are worth keeping. @throws E_STORE_*, E_ABORTED */
  async keep(dataset: string, partition: string, use: PartitionPackUse): Promise<StoredBounds> {
    const parent = await this.#parent(dataset, partition);
    const { stored } = parent;
    if (!stored) return { store: () => undefined };
    const places = stored.places.map((place) =>
      place && this.#ledger.isKept(place.pack) ? place : undefined,
    );
    for (const place of places) if (place) use.add(place);
    return { store: () => this.#storeList({ keyId: stored.keyId, places }, parent, use) };
  }

  #parent(dataset: string, partition: string, keyId?: Uint8Array): Promise<ParentBounds> {
    const { parent, onWarning, signal } = this.#share;
    return ParentBounds.of(parent, { dataset, partition }, { keyId, onWarning, signal });
  }

  #storeList(bounds: BoundsList, parent: ParentBounds, use: PartitionPackUse): ItemLocation | undefined {
    return storeBoundsList(bounds, parent, {
      add: (body) => {
        this.#packs.packFor(body.length);
        return this.#packs.addItem(body);
      },
      use: (location) => use.add(location),
      isKept: (pack) => this.#ledger.isKept(pack),
    });
  }
}

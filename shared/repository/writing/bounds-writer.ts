import { type BoundsList, encodeBounds, encodeBoundsList } from '../../format/bounds-item.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import type { ChunkBounds } from '../../format/key-bounds.ts';
import { leafEnds } from '../../format/tree.ts';
import type { StoredRef } from '../reading/stored-ref.ts';
import type { ParentBounds, ParentChunk } from './parent-bounds.ts';

/** Of fewer chunks, reading all takes no longer than looking at their bounds. */
export const LEAST_CHUNKS = 4;

/** Where bounds go. */
export interface BoundsSink {
  /** Seals an item among the chunks. */
  seal(body: Uint8Array): Promise<ItemLocation>;
  /** Counts an item as used by this backup. */
  use(location: ItemLocation): void;
  /** Whether a pack of the parent exists and is worth keeping. */
  isKept(pack: PackHandle): boolean;
}

/** What the bounds of a partition are written with. */
export interface BoundsWriterOptions {
  /** Of which key: `keyIdOf`. */
  readonly keyId: Uint8Array;
  /** Of the same key. */
  readonly parent: ParentBounds;
  /** Whether what the parent has may be decrypted. */
  readonly mayOpen: boolean;
  readonly sink: BoundsSink;
  readonly signal: AbortSignal;
}

interface Entry {
  readonly id: Buffer;
  /** As they were taken now. */
  readonly bounds: ChunkBounds | undefined;
  /** The parent's chunk, if it is that. */
  readonly kept: ParentChunk | undefined;
}

/**
 * Stores least and greatest keys of a partition's chunks, an item for each leaf of its tree. What is the same as in the parent is only
 * referred to.
 */
export class BoundsWriter {
  readonly #options: BoundsWriterOptions;
  readonly #places: (ItemLocation | undefined)[] = [];
  #open: Entry[] = [];
  #leaves = 0;
  /** The chunk before ended inside a record. */
  #isInside = false;
  /** Leaves in progress, one after the other. */
  #sealing: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(options: BoundsWriterOptions) {
    this.#options = options;
  }

  /** The next chunk of the partition. */
  add({ ref, isNew, bounds }: StoredRef): void {
    const isWhole = !this.#isInside && !ref.endsInside;
    this.#isInside = ref.endsInside;
    const kept = isNew ? undefined : this.#options.parent.of(ref.id);
    this.#open.push({ id: ref.id, bounds: isWhole ? bounds : undefined, kept: isWhole ? kept : undefined });
    if (leafEnds(this.#open.length, ref)) this.#close();
  }

  /** Waits until all is sealed. All packs of chunks must still be open. @throws E_STORE_*, E_ABORTED */
  async settled(): Promise<void> {
    const isSmall = this.#leaves === 0 && this.#open.length < LEAST_CHUNKS;
    if (this.#open.length > 0 && !isSmall) this.#close();
    await this.#sealing;
    if (this.#failure) throw this.#failure;
  }

  /** Waits until nothing is under way. */
  idle(): Promise<void> {
    return this.#sealing;
  }

  /** Where the leaves' items are. Only after `settled`. */
  get places(): readonly (ItemLocation | undefined)[] {
    return this.#places;
  }

  #close(): void {
    const entries = this.#open;
    this.#open = [];
    this.#leaves++;
    const before = this.#sealing;
    this.#sealing = (async () => {
      await before;
      if (this.#failure) return;
      try {
        this.#places.push(await this.#placeOf(entries));
      } catch (error) {
        this.#failure = error;
      }
    })();
  }

  async #placeOf(entries: readonly Entry[]): Promise<ItemLocation | undefined> {
    const { sink } = this.#options;
    const kept = keptWhole(entries);
    const place = kept && sink.isKept(kept.pack) ? kept : await this.#store(entries);
    if (place) sink.use(place);
    return place;
  }

  async #store(entries: readonly Entry[]): Promise<ItemLocation | undefined> {
    const chunks: (ChunkBounds | undefined)[] = [];
    for (const { bounds, kept } of entries) chunks.push(bounds ?? (kept && (await this.#parents(kept))));
    if (chunks.every((one) => one === undefined)) return undefined;
    const ids = entries.map(({ id }) => id);
    const { keyId, sink } = this.#options;
    return sink.seal(encodeBounds({ keyId, chunks }, ids));
  }

  /** What the parent says of a chunk; nothing if that may not be opened. */
  async #parents({ leaf, index }: ParentChunk): Promise<ChunkBounds | undefined> {
    const { parent, mayOpen, signal } = this.#options;
    if (!mayOpen || !leaf.place) return undefined;
    return (await parent.open(leaf, signal))?.chunks[index];
  }
}

/** Where the parent has the bounds of the very leaf that these chunks make. */
function keptWhole(entries: readonly Entry[]): ItemLocation | undefined {
  const leaf = entries[0]?.kept?.leaf;
  if (!leaf || leaf.ids.length !== entries.length) return undefined;
  return entries.every(({ kept }, i) => kept?.leaf === leaf && kept.index === i) ? leaf.place : undefined;
}

/** Where lists of bounds go. */
export interface ListSink {
  add(body: Uint8Array): ItemLocation;
  use(location: ItemLocation): void;
  isKept(pack: PackHandle): boolean;
}

/**
 * Stores where the bounds of a partition's leaves are, or refers to the parent's list if it says the same. All packs of chunks must be
 * closed.
 *
 * @returns undefined if no leaf has any
 */
export function storeBoundsList(
  { keyId, places }: BoundsList,
  parent: ParentBounds,
  sink: ListSink,
): ItemLocation | undefined {
  if (places.every((place) => place === undefined)) return undefined;
  const { stored } = parent;
  const isSame =
    stored && stored.places.length === places.length && stored.places.every((one, i) => one === places[i]);
  const list =
    isSame && sink.isKept(stored.list.pack) ? stored.list : sink.add(encodeBoundsList({ keyId, places }));
  sink.use(list);
  return list;
}

import { HoldfastError } from '../../core/errors.ts';
import type { PackId } from '../../core/ids.ts';
import { type BoundsList, decodeBounds, type LeafBounds } from '../../format/bounds-item.ts';
import type { ItemLocation } from '../../format/chunk-ref.ts';
import { packKey } from '../../format/pack.ts';
import type { PackReader } from '../packs/pack-reader.ts';

/** Least and greatest keys of the chunks of a partition, leaf by leaf. */
export class PartitionBounds {
  /** The list of the places below, as it is stored. */
  readonly list: ItemLocation;
  /** Of which key they are. */
  readonly keyId: Uint8Array;
  /** Of the items of the leaves, in their order; undefined of a leaf without. */
  readonly places: BoundsList['places'];
  readonly #packs: PackReader;

  constructor(packs: PackReader, list: ItemLocation, { keyId, places }: BoundsList) {
    this.#packs = packs;
    this.list = list;
    this.keyId = keyId;
    this.places = places;
  }

  /**
   * The bounds of a leaf's chunks; undefined if it has none. Opens an item of the packs of chunks.
   *
   * @param leaf which one of the partition, from 0
   * @param ids of its chunks
   * @throws E_DAMAGED, also for those of another leaf or key; E_STORE_*, E_NO_KEY, E_WRONG_KEY
   */
  async of(leaf: number, ids: readonly Uint8Array[], signal: AbortSignal): Promise<LeafBounds | undefined> {
    const place = this.places[leaf];
    if (!place) return undefined;
    const body = await this.#packs.readItem(place, signal, 'data');
    const found = decodeBounds(body, ids, whatAt(place));
    if (Buffer.compare(found.keyId, this.keyId) === 0) return found;
    throw new HoldfastError('E_DAMAGED', `${whatAt(place)}: they are of another key`);
  }
}

function whatAt({ pack, offset }: ItemLocation): string {
  return `the bounds of keys at ${offset} of ${packKey(pack.id as PackId)}`;
}

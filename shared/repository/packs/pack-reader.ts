import { about, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { type PackId, parsePackId } from '../../core/ids.ts';
import { MiB } from '../../core/units.ts';
import type { ItemLocation, PackHandle } from '../../format/chunk-ref.ts';
import { packKey } from '../../format/pack.ts';
import {
  openItem,
  openPackSeal,
  PACK_HEADER_BYTES,
  type PackPurpose,
  parsePackHeader,
} from '../../format/seal.ts';
import { type ItemBatch, type ItemSlice, type NamedSeal, ownBytes } from '../codec/codec-task.ts';
import type { DocumentKeys } from '../keys/key-ring.ts';
import type { ReadOnce } from '../read-once.ts';
import { asDamage } from '../reading/damage.ts';
import type { SegmentCache } from '../reading/segment-cache.ts';

/** No valid catalog is larger, and no node comes near. */
const MOST_INDEX_ITEM_BYTES = 1024 * MiB;

/** Packs of one manifest: their sizes by id, and the run keys that seal them. */
export interface ReadablePacks {
  readonly sizes: ReadonlyMap<string, number>;
  readonly keys: DocumentKeys;
}

/** Reads items of the packs that one manifest lists; a location outside of them is damage. */
export class PackReader {
  readonly #cache: SegmentCache;
  readonly #all: ReadOnce<ReadablePacks> | undefined;
  #known: ReadablePacks;
  readonly #mostChunkItemBytes: number;
  readonly #seals = new Map<string, Promise<NamedSeal>>();
  /** Missing packs: asked for once, not once per item. */
  readonly #gone = new Map<string, unknown>();

  constructor(
    cache: SegmentCache,
    options: {
      /** Packs that are known from the start, including the catalog's. */
      readonly first: ReadablePacks;
      /** Reads which other packs there are; only if another one is asked for. */
      readonly all: ReadOnce<ReadablePacks> | undefined;
      readonly mostChunkItemBytes: number;
    },
  ) {
    this.#cache = cache;
    this.#known = options.first;
    this.#all = options.all;
    this.#mostChunkItemBytes = options.mostChunkItemBytes;
  }

  /**
   * One item, opened.
   *
   * @param purpose that the pack must have
   * @throws E_DAMAGED, E_WRONG_KEY
   */
  async readItem(
    { pack, offset, storedBytes }: ItemLocation,
    signal: AbortSignal,
    purpose: PackPurpose | 'any' = 'index',
  ): Promise<Buffer> {
    const id = named(pack.id);
    await this.#learn(id, signal);
    const stored = Buffer.allocUnsafe(this.#within(id, offset, storedBytes, MOST_INDEX_ITEM_BYTES));
    const seal = await this.seal(id, purpose === 'any' ? undefined : purpose, signal);
    await this.#read(id, offset, stored, signal);
    return openItem(seal, offset, stored, `the item at ${offset} of ${seal.pack}`);
  }

  /**
   * The stored bytes of many chains' items, gathered into one buffer for a task.
   *
   * @param apart: reads nothing that lies around them. @default the next items are usually wanted too
   */
  async gather(
    chains: readonly (readonly ItemLocation[])[],
    signal: AbortSignal,
    { apart = false }: { readonly apart?: boolean } = {},
  ): Promise<{ readonly batch: ItemBatch; readonly chains: ItemSlice[][] }> {
    const isUnknown = ({ pack }: ItemLocation) => !this.#known.sizes.has(pack.id ?? '');
    const unknown = chains.find((chain) => chain.some(isUnknown))?.find(isUnknown);
    if (unknown) await this.#learn(named(unknown.pack.id), signal);
    let total = 0;
    for (const chain of chains) {
      for (const { pack, offset, storedBytes } of chain)
        total += this.#within(named(pack.id), offset, storedBytes, this.#mostChunkItemBytes);
    }
    // Before anything is read: a read that fails while another one is awaited would end the process.
    const seals: NamedSeal[] = [];
    const sealIndex = new Map<string, number>();
    for (const { pack } of chains.flat())
      if (!sealIndex.has(named(pack.id)))
        sealIndex.set(named(pack.id), seals.push(await this.seal(named(pack.id), undefined, signal)) - 1);
    const buffer = new ArrayBuffer(total);
    let at = 0;
    const reads: Promise<void>[] = [];
    const sliced = chains.map((chain) =>
      chain.map(({ pack, offset, storedBytes }): ItemSlice => {
        const id = named(pack.id);
        const into = new Uint8Array(buffer, at, storedBytes);
        reads.push(
          apart ? this.#readItemApart(pack, offset, into, signal) : this.#read(id, offset, into, signal),
        );
        at += storedBytes;
        return { seal: sealIndex.get(id) ?? 0, at: at - storedBytes, storedBytes, offset };
      }),
    );
    await Promise.all(reads);
    return { batch: { buffer, seals }, chains: sliced };
  }

  /** The key and header of a pack. @throws E_DAMAGED if `purpose` is given and the pack has another */
  seal(id: PackId, purpose: PackPurpose | undefined, signal: AbortSignal): Promise<NamedSeal> {
    return this.#sealOf(id, () => this.#openSeal(id, purpose, signal));
  }

  /** The same of the pack of a chunk's item, of which only parts will be read. @throws E_DAMAGED also if the item is not in it */
  async sealApart({ pack, offset, storedBytes }: ItemLocation, signal: AbortSignal): Promise<NamedSeal> {
    const id = named(pack.id);
    await this.#learn(id, signal);
    this.#within(id, offset, storedBytes, this.#mostChunkItemBytes);
    return this.#sealOf(id, async () => {
      const [header] = await this.readApart(pack, [{ from: 0, to: PACK_HEADER_BYTES }], signal);
      return this.#sealIn(id, Buffer.from(header?.bytes ?? []), { purpose: 'data', signal });
    });
  }

  /**
   * Ranges of a pack by themselves, cut where it ends: unlike items, they are not read with what lies around them.
   *
   * @throws E_DAMAGED, E_STORE_*
   */
  readApart(
    pack: PackHandle,
    ranges: readonly { readonly from: number; readonly to: number }[],
    signal: AbortSignal,
  ): Promise<{ readonly from: number; readonly bytes: Uint8Array }[]> {
    const id = named(pack.id);
    const size = this.#known.sizes.get(id) ?? 0;
    return Promise.all(
      ranges.map(async ({ from, to }) => {
        const range = { offsetBytes: from, lengthBytes: Math.min(to, size) - from };
        const bytes = await this.#orDamage(id, () => this.#cache.readApart(id, range, signal));
        return { from, bytes };
      }),
    );
  }

  async #readItemApart(pack: PackHandle, from: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    const [found] = await this.readApart(pack, [{ from, to: from + into.length }], signal);
    if (found) into.set(found.bytes);
  }

  #sealOf(id: PackId, open: () => Promise<NamedSeal>): Promise<NamedSeal> {
    let seal = this.#seals.get(id);
    if (!seal) {
      seal = open();
      this.#seals.set(id, seal);
      seal.catch(() => this.#seals.delete(id));
    }
    return seal;
  }

  async #openSeal(id: PackId, purpose: PackPurpose | undefined, signal: AbortSignal): Promise<NamedSeal> {
    await this.#learn(id, signal);
    const bytes = Buffer.allocUnsafe(this.#within(id, 0, PACK_HEADER_BYTES, PACK_HEADER_BYTES));
    await this.#read(id, 0, bytes, signal);
    return this.#sealIn(id, bytes, { purpose, signal });
  }

  async #sealIn(
    id: PackId,
    bytes: Buffer,
    { purpose, signal }: { readonly purpose: PackPurpose | undefined; readonly signal: AbortSignal },
  ): Promise<NamedSeal> {
    const pack = packKey(id);
    const header = parsePackHeader(bytes, pack);
    if (purpose && header.purpose !== purpose) {
      throw new HoldfastError(
        'E_DAMAGED',
        `${pack} is sealed with a key for ${header.purpose}, expected one for ${purpose}`,
      );
    }
    const runKey = await about(pack, () => this.#known.keys.open(header.runKeyId, header.purpose, signal));
    const seal = openPackSeal(bytes, header, runKey, pack);
    return { key: ownBytes(seal.key), header: ownBytes(seal.header), pack };
  }

  #read(id: PackId, offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    const size = this.#known.sizes.get(id) ?? 0;
    return this.#orDamage(id, () => this.#cache.read(id, size, offset, into, signal));
  }

  async #orDamage<Result>(id: PackId, read: () => Promise<Result>): Promise<Result> {
    const gone = this.#gone.get(id);
    if (gone) throw gone;
    try {
      return await read();
    } catch (error) {
      const damage = asDamage(error, packKey(id));
      if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) this.#gone.set(id, damage);
      throw damage;
    }
  }

  /** After this, it is known whether the pack is listed. */
  async #learn(id: PackId, signal: AbortSignal): Promise<void> {
    if (this.#all && !this.#known.sizes.has(id)) this.#known = await this.#all(signal);
  }

  /** @param most larger ones are refused before memory is allocated for them */
  #within(id: PackId, offset: number, bytes: number, most: number): number {
    if (bytes > most) {
      const problem = `claims to have ${bytes} bytes, at most ${most} are allowed`;
      throw new HoldfastError('E_DAMAGED', `the item at ${offset} of ${packKey(id)} ${problem}`);
    }
    const size = this.#known.sizes.get(id);
    if (size !== undefined && offset + bytes <= size) return bytes;
    const problem =
      size === undefined
        ? 'is not listed in the manifest'
        : `has ${size} bytes, but ${offset + bytes} are referred to`;
    throw new HoldfastError('E_DAMAGED', `${packKey(id)} ${problem}`);
  }
}

function named(id: string | undefined): PackId {
  return parsePackId(id ?? '');
}

import { type Clock, Stopwatch } from '../../core/clock.ts';
import type { BackupKey } from '../../core/ids.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { type Manifest, parseManifest } from '../../format/manifest.ts';
import { type NamedObject, PackLists } from '../../repository/packs/pack-lists.ts';
import { getIfThere } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { byTime, listedBackups } from './listed-backups.ts';

const PACK_KEY = /^data\/[0-9a-f]{2}\/([0-9a-f]{64})$/;
/**
 * Manifests to read to learn which packs were compared before; a pack that none of them names is compared
 * again.
 */
const MOST_VOUCHERS = 8;

/** A backup that is being copied. */
export interface BackupInHand {
  readonly manifest: Manifest;
  /** Bytes of its manifest. */
  readonly bytes: Uint8Array;
  /** Everything below `data/` that it needs. */
  readonly objects: readonly NamedObject[];
}

/**
 * What the second place has: listed backups, and packs with their sizes. The copy that listed a backup
 * compared its packs; nobody vouches for any other pack.
 */
export class SecondPlace {
  readonly store: ObjectStore;
  /** Listed backups, with the sizes of their manifests. */
  readonly listed: Map<string, number>;
  /** Sizes of packs, by id. */
  readonly packs: Map<string, number>;
  /** Time since before the first check. */
  readonly sinceLooked: Stopwatch;
  readonly #from: ObjectStore;
  readonly #lists: PackLists;
  readonly #namedBy = new Map<string, BackupKey>();
  readonly #read = new Set<string>();

  private constructor(
    stores: { readonly from: ObjectStore; readonly to: ObjectStore },
    found: Pick<SecondPlace, 'listed' | 'packs' | 'sinceLooked'>,
  ) {
    this.#from = stores.from;
    this.store = stores.to;
    this.#lists = new PackLists(stores.to);
    this.listed = found.listed;
    this.packs = found.packs;
    this.sinceLooked = found.sinceLooked;
  }

  /** @throws E_STORE_* */
  static async look(
    stores: { readonly from: ObjectStore; readonly to: ObjectStore },
    clock: Clock,
    signal: AbortSignal,
  ): Promise<SecondPlace> {
    const sinceLooked = new Stopwatch(clock);
    const listed = await listedBackups(stores.to, signal);
    const packs = new Map<string, number>();
    for await (const { key, sizeBytes } of stores.to.list('data/', { signal })) {
      const id = PACK_KEY.exec(key)?.[1];
      if (id !== undefined) packs.set(id, sizeBytes);
    }
    return new SecondPlace(stores, { listed, packs, sinceLooked });
  }

  /** The backup that is listed here and names the pack; undefined if none is known to. */
  namedBy(pack: string): BackupKey | undefined {
    return this.#namedBy.get(pack);
  }

  /** Records what a newly listed backup names; every object of it was compared. */
  noteListed({ manifest: { key }, bytes, objects }: BackupInHand): void {
    this.listed.set(key, bytes.length);
    this.#read.add(key);
    for (const { id } of objects) this.#namedBy.set(id, key as BackupKey);
  }

  /**
   * Reads as many manifests of backups listed here as needed to know which of them name these packs: first
   * the parent's, then the newest.
   */
  async learn(parent: string | null, objects: readonly NamedObject[], signal: AbortSignal): Promise<void> {
    const isUnknown = ({ id }: { readonly id: string }) => this.packs.has(id) && !this.#namedBy.has(id);
    const newest = [...this.listed.keys()].sort(byTime).reverse();
    const candidates = [...(parent !== null && this.listed.has(parent) ? [parent] : []), ...newest];
    for (const key of [...new Set(candidates)]
      .filter((one) => !this.#read.has(one))
      .slice(0, MOST_VOUCHERS)) {
      if (!objects.some(isUnknown)) return;
      await this.#readListed(key as BackupKey, signal);
    }
  }

  /** A manifest that differs from the one with that name in the first place vouches for nothing. */
  async #readListed(key: BackupKey, signal: AbortSignal): Promise<void> {
    this.#read.add(key);
    const theirs = await getIfThere(key, this.store, signal);
    if (!theirs) return;
    const ours = await getIfThere(key, this.#from, signal);
    if (ours && Buffer.compare(ours, theirs) !== 0) return;
    try {
      const { objects } = await this.#lists.all(parseManifest(theirs, key), signal);
      for (const { id } of objects) this.#namedBy.set(id, key);
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
    }
  }
}

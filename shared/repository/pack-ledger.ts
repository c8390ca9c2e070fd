import type { ItemLocation, PackHandle } from '../format/chunk-ref.ts';
import type { Manifest } from '../format/manifest.ts';
import { packKey } from '../format/pack.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { sizesOf } from '../store/sizes.ts';

/** A pack of which less than this is still used is left behind: what is in it is stored again. */
const SPARSE_SHARE = 1 / 4;

interface ParentPack {
  readonly bytes: number;
  /** Index into the parent manifest's keys. */
  readonly key: number;
  readonly isKept: boolean;
}

/** Which packs a backup uses, how much of each, and which of the parent's are to be left behind. */
export class PackLedger {
  /** What is wrong with the parent's packs, for warnings. */
  readonly problems: readonly string[];
  readonly #parent: ReadonlyMap<string, ParentPack>;
  readonly #used = new Map<PackHandle, number>();

  constructor(parent: ReadonlyMap<string, ParentPack> = new Map(), problems: readonly string[] = []) {
    this.#parent = parent;
    this.problems = problems;
  }

  /** Looks which packs of the parent are there: what was in one that is missing is stored again. */
  static async of(parent: Manifest, store: ObjectStore, signal: AbortSignal): Promise<PackLedger> {
    const objects = parent.packs.map(({ id }) => packKey(id as never));
    const stored = await sizesOf(objects, { store, prefix: 'data/', signal });
    const problems: string[] = [];
    const packs = parent.packs.map(({ id, bytes, usedBytes, key }) => {
      const isThere = stored.get(packKey(id as never)) === bytes;
      if (!isThere)
        problems.push(
          `${packKey(id as never)} is missing or of another size; what was in it is stored again`,
        );
      return [id, { bytes, key, isKept: isThere && usedBytes >= bytes * SPARSE_SHARE }] as const;
    });
    return new PackLedger(new Map(packs), problems);
  }

  isKept(pack: PackHandle): boolean {
    return pack.id === undefined || (this.#parent.get(pack.id)?.isKept ?? true);
  }

  use({ pack, storedBytes }: ItemLocation): void {
    this.#used.set(pack, (this.#used.get(pack) ?? 0) + storedBytes);
  }

  /** Bytes used of every used pack, by id; two handles of one pack count together. */
  used(): Map<string, number> {
    const byId = new Map<string, number>();
    for (const [{ id }, bytes] of this.#used) if (id) byId.set(id, (byId.get(id) ?? 0) + bytes);
    return byId;
  }

  parentPack(id: string): { readonly bytes: number; readonly key: number } | undefined {
    return this.#parent.get(id);
  }
}

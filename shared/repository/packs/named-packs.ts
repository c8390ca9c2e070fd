import type { HoldfastError } from '../../core/errors.ts';
import type { Manifest, RunKey } from '../../format/manifest.ts';
import { LeafMemory } from '../reading/leaf-memory.ts';
import type { ManifestEntry } from '../reading/manifest-reader.ts';
import type { PackLists } from './pack-lists.ts';
import { type PackNumbers, PackSet } from './pack-set.ts';

/** A manifest as found, and what it names. */
export interface NamedEntry {
  /** With the problem of its list, if that cannot be read. */
  readonly entry: ManifestEntry;
  /** Undefined if it is not known. */
  readonly packs: PackSet | undefined;
  /** Run keys that its packs need. */
  readonly keys: readonly RunKey[];
}

/** The content of one leaf, in few bytes. */
interface Leaf {
  readonly packs: Uint32Array;
  readonly keys: readonly RunKey[];
}

/** Reads what many manifests name: each shared leaf once, and each set with one bit per pack. */
export class NameReader {
  readonly #lists: PackLists;
  readonly #numbers: PackNumbers;
  readonly #leaves = new LeafMemory<Leaf>();

  constructor(lists: PackLists, numbers: PackNumbers) {
    this.#lists = lists;
    this.#numbers = numbers;
  }

  /** @throws E_STORE_* */
  async of(entry: ManifestEntry, signal: AbortSignal): Promise<NamedEntry> {
    if (!entry.claimed) return { entry, packs: undefined, keys: [] };
    const packs = new PackSet(this.#numbers);
    const keys = new Set<RunKey>(entry.claimed.keys);
    const problem = await this.#read(entry.claimed, { packs, keys }, signal);
    if (!problem) return { entry, packs, keys: [...keys] };
    const damaged = { ...entry, manifest: undefined, isProven: false, problem: entry.problem ?? problem };
    return { entry: damaged, packs: undefined, keys: [] };
  }

  async #read(
    manifest: Manifest,
    { packs, keys }: { readonly packs: PackSet; readonly keys: Set<RunKey> },
    signal: AbortSignal,
  ): Promise<HoldfastError | undefined> {
    const add = (leaf: Leaf): void => {
      packs.add(leaf.packs);
      for (const key of leaf.keys) keys.add(key);
    };
    const isWanted = (leaf: string): boolean => {
      const known = this.#leaves.get(leaf);
      if (known) add(known);
      return !known;
    };
    for await (const group of this.#lists.walk(manifest, { isWanted, signal })) {
      if ('problem' in group) return group.problem;
      const { object } = group;
      const ids = [...(object ? [object] : []), ...group.packs].map(({ id }) => this.#numbers.of(id));
      const leaf = { packs: Uint32Array.from(ids), keys: object ? this.#leaves.keysOf(group.packs) : [] };
      if (object && group.packs.length > 0) this.#leaves.set(object.id, leaf);
      add(leaf);
    }
    return undefined;
  }
}

import type { RunKey } from '../../format/manifest.ts';

/** Leaves of lists that are remembered: backups share most with those next to them. */
const MOST_LEAVES = 4096;

/** What is known about leaves of lists, by id; forgets those met longest ago. */
export class LeafMemory<T> {
  readonly #leaves = new Map<string, T>();
  readonly #keys = new Map<string, RunKey>();

  get(leaf: string): T | undefined {
    return this.#leaves.get(leaf);
  }

  set(leaf: string, known: T): void {
    this.#leaves.set(leaf, known);
    const [oldest] = this.#leaves.size > MOST_LEAVES ? this.#leaves.keys() : [];
    if (oldest !== undefined) this.#leaves.delete(oldest);
  }

  /** Each key once, the same object for all leaves: many leaves have many keys in common. */
  keysOf(packs: readonly { readonly key: RunKey | undefined }[]): readonly RunKey[] {
    const keys = new Set<RunKey>();
    for (const { key } of packs) if (key) keys.add(this.#same(key));
    return [...keys];
  }

  #same(key: RunKey): RunKey {
    const name = `${key.run}/${key.purpose}/${key.wrapped}`;
    const known = this.#keys.get(name) ?? key;
    this.#keys.set(name, known);
    return known;
  }
}

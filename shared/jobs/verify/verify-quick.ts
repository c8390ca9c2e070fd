import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { parallel } from '../../core/parallel.ts';
import type { Manifest, RunKey } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import { type LostGroup, type PackGroup, PackLists } from '../../repository/packs/pack-lists.ts';
import { asDamage, missing } from '../../repository/reading/damage.ts';
import { LeafMemory } from '../../repository/reading/leaf-memory.ts';
import type { Repository } from '../../repository/repository.ts';
import { sizeOf } from '../../store/sizes.ts';
import type { Findings } from './verify-findings.ts';

/** Packs that the store is asked for at once. */
const ASKED_AT_ONCE = 8;

/** Who is told of what was read. */
export interface QuickVerificationOptions {
  /** Called with every manifest that can be read, and the keys that a restore needs. */
  readonly onManifest: (manifest: Manifest, keys: readonly RunKey[]) => void;
  readonly signal: AbortSignal;
}

/**
 * Every pack exists with its size, and the store's own checksum if it keeps one. Reads pack lists, but no
 * packs; needs no key. With a key, it checks against the catalog that a list names as many packs as were
 * used.
 */
export class QuickVerification {
  readonly #repository: Repository;
  readonly #findings: Findings;
  readonly #onManifest: QuickVerificationOptions['onManifest'];
  readonly #signal: AbortSignal;
  /** Checks by pack: what backups share is checked once. */
  readonly #checks = new Map<string, Promise<void>>();
  readonly #lists: PackLists;
  /** Leaves of lists without findings, and the keys of their packs. */
  readonly #whole = new LeafMemory<readonly RunKey[]>();
  #sizes: Promise<ReadonlyMap<string, number>> | undefined;

  constructor(repository: Repository, findings: Findings, options: QuickVerificationOptions) {
    this.#repository = repository;
    this.#findings = findings;
    this.#onManifest = options.onManifest;
    this.#signal = options.signal;
    this.#lists = new PackLists(repository.store);
  }

  get packs(): number {
    return this.#checks.size;
  }

  async verify(key: BackupKey): Promise<void> {
    await this.#findings.guard(key, key, async () => {
      const manifest = await this.#repository.readManifest(key, this.#signal);
      const keys = new Set<RunKey>(manifest.keys);
      let isWhole = true;
      for await (const group of this.#groups(manifest, keys)) {
        const found = await this.#verifyGroup(key, group);
        isWhole &&= found;
      }
      this.#onManifest(manifest, [...keys]);
      if (isWhole) await this.#refuseOtherCount(manifest);
    });
  }

  /**
   * What the backup names, without the leaves that were found whole for another one. @param keys receives
   * keys of these
   */
  async *#groups(manifest: Manifest, keys: Set<RunKey>) {
    const isWanted = (leaf: string): boolean => {
      const whole = this.#whole.get(leaf);
      for (const key of whole ?? []) keys.add(key);
      return whole === undefined;
    };
    for await (const group of this.#lists.walk(manifest, { isWanted, signal: this.#signal })) {
      if (group.object && 'packs' in group) for (const key of this.#whole.keysOf(group.packs)) keys.add(key);
      yield group;
    }
  }

  /** @returns whether nothing was found */
  async #verifyGroup(backup: BackupKey, group: PackGroup | LostGroup): Promise<boolean> {
    if ('problem' in group) {
      this.#findings.add(packKey(group.object.id as PackId), backup, group.problem);
      return false;
    }
    const { object, packs } = group;
    let isWhole = true;
    const all = object ? [object, ...packs] : packs;
    await parallel(all, { most: ASKED_AT_ONCE, signal: this.#signal }, async ({ id, bytes }) => {
      const name = packKey(id as PackId);
      const found = await this.#findings.guard(name, backup, () => this.#check(name, { id, bytes }));
      isWhole &&= found;
    });
    if (isWhole && object && packs.length > 0) this.#whole.set(object.id, this.#whole.keysOf(packs));
    return isWhole;
  }

  /** @throws E_DAMAGED if the sealed catalog is about more or fewer packs than are named */
  async #refuseOtherCount(manifest: Manifest): Promise<void> {
    if (manifest.version === 1 || !this.#repository.context.keys.hasRootKey) return;
    const reader = await this.#repository.openManifest(manifest, this.#signal);
    await reader.usedBytes(this.#signal);
  }

  #check(object: string, pack: { readonly id: string; readonly bytes: number }): Promise<void> {
    let check = this.#checks.get(object);
    if (!check) {
      check = this.#look(object, pack);
      this.#checks.set(object, check);
    }
    return check;
  }

  async #look(object: string, { id, bytes }: { readonly id: string; readonly bytes: number }): Promise<void> {
    this.#sizes ??= this.#list();
    // A listing may lag behind: what it does not show is asked for.
    const { store } = this.#repository;
    const stored = (await this.#sizes).get(object) ?? (await sizeOf(object, store, this.#signal));
    if (stored === undefined) throw missing(object);
    if (stored !== bytes)
      throw new HoldfastError('E_DAMAGED', `${object} has ${stored} bytes, but was written with ${bytes}`);
    const { sha256 } = await this.#head(object);
    if (sha256 === undefined || sha256 === id) return;
    throw new HoldfastError('E_DAMAGED', `${object} has the checksum ${sha256}, which is not its name`);
  }

  async #head(object: string) {
    try {
      return await this.#repository.store.head(object, { signal: this.#signal });
    } catch (error) {
      throw asDamage(error, object);
    }
  }

  async #list(): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for await (const { key, sizeBytes } of this.#repository.store.list('data/', { signal: this.#signal }))
      sizes.set(key, sizeBytes);
    return sizes;
  }
}

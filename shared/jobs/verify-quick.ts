import { HoldfastError } from '../core/errors.ts';
import type { BackupKey } from '../core/ids.ts';
import { parallel } from '../core/parallel.ts';
import type { Manifest } from '../format/manifest.ts';
import { packKey } from '../format/pack.ts';
import { asDamage, missing } from '../repository/damage.ts';
import type { Repository } from '../repository/repository.ts';
import { sizeOf } from '../store/sizes.ts';
import type { Findings } from './verify-findings.ts';

/** Packs that the store is asked about at once. */
const ASKED_AT_ONCE = 8;

export interface QuickVerificationOptions {
  readonly onManifest: (manifest: Manifest) => void;
  readonly signal: AbortSignal;
}

/** Every pack is there with its size, and the store's own checksum where it keeps one. Needs no key, reads no pack. */
export class QuickVerification {
  readonly #repository: Repository;
  readonly #findings: Findings;
  readonly #onManifest: QuickVerificationOptions['onManifest'];
  readonly #signal: AbortSignal;
  /** Checks by pack: what backups share is looked at once. */
  readonly #checks = new Map<string, Promise<void>>();
  #sizes: Promise<ReadonlyMap<string, number>> | undefined;

  constructor(repository: Repository, findings: Findings, options: QuickVerificationOptions) {
    this.#repository = repository;
    this.#findings = findings;
    this.#onManifest = options.onManifest;
    this.#signal = options.signal;
  }

  get packs(): number {
    return this.#checks.size;
  }

  async verify(key: BackupKey): Promise<void> {
    await this.#findings.guard(key, key, async () => {
      const manifest = await this.#repository.readManifest(key, this.#signal);
      this.#onManifest(manifest);
      const { packs } = manifest;
      await parallel(packs, { most: ASKED_AT_ONCE, signal: this.#signal }, ({ id, bytes }) => {
        const object = packKey(id as never);
        return this.#findings.guard(object, key, () => this.#check(object, { id, bytes }));
      });
    });
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
      throw new HoldfastError('E_DAMAGED', `${object} has ${stored} bytes, was written with ${bytes}`);
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

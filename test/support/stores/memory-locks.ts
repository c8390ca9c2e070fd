import { HoldfastError, isHoldfastError } from '../../../shared/core/errors.ts';
import type { ObjectLocks, Retention } from '../../../shared/store/object-locks.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';

/** What `ObjectLocks` promises, in memory; counts requests. Deletes of the store are as S3's: they hide, and so ask no lock. */
export class MemoryLocks implements ObjectLocks {
  readonly location = 'memory';
  readonly counts = { reads: 0, writes: 0 };
  readonly retentions = new Map<string, Retention>();
  readonly held = new Set<string>();
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  async retention(key: string): Promise<Retention | undefined> {
    this.counts.reads++;
    await this.#expectThere(key);
    return this.retentions.get(key);
  }

  async retain(key: string, { until, mode }: Retention): Promise<void> {
    this.counts.writes++;
    await this.#expectThere(key);
    const before = this.retentions.get(key);
    if (before && (until < before.until || mode !== before.mode))
      throw new HoldfastError('E_STORE_DENIED', `the lock of ${key} would be weaker`);
    this.retentions.set(key, { until, mode });
  }

  async isHeld(key: string): Promise<boolean> {
    this.counts.reads++;
    await this.#expectThere(key);
    return this.held.has(key);
  }

  async setHold(key: string, isHeld: boolean): Promise<void> {
    this.counts.writes++;
    await this.#expectThere(key);
    if (isHeld) this.held.add(key);
    else this.held.delete(key);
  }

  async #expectThere(key: string): Promise<void> {
    try {
      await this.#store.head(key);
    } catch (error) {
      // Its lock is not of what is stored there next.
      if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) this.retentions.delete(key);
      throw error;
    }
  }
}

import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { packIdOf } from '../../format/pack.ts';
import { isDamage } from '../../repository/reading/damage.ts';

/** One thing that is not as it was written. */
export interface VerifyFinding {
  /** The object at fault. */
  readonly object: string;
  readonly code: string;
  readonly problem: string;
  readonly backups: readonly BackupKey[];
  /** Other listed backups, not verified now, that refer to the same pack: they may share the damage. */
  readonly sharedBy: readonly BackupKey[];
  /** Datasets that cannot be fully read because of it, as far as that was checked. */
  readonly datasets: readonly string[];
}

interface Found {
  readonly error: HoldfastError;
  readonly backups: Set<BackupKey>;
  readonly datasets: Set<string>;
}

/** Findings of a verification: one per object, however much of it is damaged. */
export class Findings {
  readonly #found = new Map<string, Found>();

  /** Runs a check; damage becomes a finding. Returns whether there was none. @throws anything but damage */
  async guard(object: string, backup: BackupKey, check: () => Promise<void>): Promise<boolean> {
    try {
      await check();
      return true;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.add(object, backup, error);
      return false;
    }
  }

  add(object: string, backup: BackupKey, error: HoldfastError, dataset?: string): void {
    const found = this.#found.get(object) ?? { error, backups: new Set(), datasets: new Set() };
    this.#found.set(object, found);
    found.backups.add(backup);
    if (dataset !== undefined) found.datasets.add(dataset);
  }

  /** Another backup that needs an object with a finding. */
  blame(object: string, backup: BackupKey): void {
    this.#found.get(object)?.backups.add(backup);
  }

  /** Drops the findings of a backup; another that needs the same object can still be affected. */
  forget(backup: BackupKey): void {
    for (const { backups } of this.#found.values()) backups.delete(backup);
  }

  isDamaged(backup: BackupKey): boolean {
    return [...this.#found.values()].some(({ backups }) => backups.has(backup));
  }

  list(): VerifyFinding[] {
    return this.#entries().map(([object, { error, backups, datasets }]) => ({
      object,
      code: error.code,
      problem: error.message,
      backups: [...backups],
      sharedBy: [],
      datasets: [...datasets],
    }));
  }

  /** Packs that exist but were changed: no listing shows it. */
  spoiltPacks(): string[] {
    return this.#entries().flatMap(([object, { error }]) =>
      error.details['isMissing'] === true ? [] : (packIdOf(object) ?? []),
    );
  }

  #entries(): [string, Found][] {
    return [...this.#found].filter(([, { backups }]) => backups.size > 0);
  }
}

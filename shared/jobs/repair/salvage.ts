import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RestorePlan, Target } from '../../sources/target.ts';
import { openFor, type RestoreJobOptions, type RestoreResult, restoreContents } from '../restore/restore.ts';
import { assessDamage } from './damage-assessment.ts';
import { type MissingRange, readSalvage, type Salvage } from './salvage-contents.ts';
import { SalvagedBackup } from './salvaged-backup.ts';

/** What a salvage would restore, and what it would not. */
export interface SalvagePlan {
  readonly key: BackupKey;
  readonly plan: RestorePlan;
  /** What a restore of the whole backup would have returned and this one does not, in the backup's order. */
  readonly missing: readonly MissingRange[];
  /** Chunks that are damaged in the backup's own packs, and taken from equal ones elsewhere. */
  readonly chunksFromElsewhere: number;
}

/** What a salvage restored. */
export type SalvageResult = SalvagePlan & RestoreResult;

/** A damaged backup, read through once; for a plan, and for the salvage itself. */
export class OpenSalvage {
  readonly key: BackupKey;
  readonly #repository: Repository;
  readonly #salvage: Salvage;
  readonly #target: Target;

  private constructor(repository: Repository, key: BackupKey, target: Target, salvage: Salvage) {
    this.#repository = repository;
    this.key = key;
    this.#target = target;
    this.#salvage = salvage;
  }

  /**
   * Reads all of the backup to learn what is damaged, and searches all other backups for it.
   *
   * @throws E_DAMAGED if manifest or catalog cannot be read: then nothing can be told apart
   */
  static async open(
    repository: Repository,
    key: BackupKey,
    target: Target,
    { signal, onProgress = () => {} }: Pick<RestoreJobOptions, 'signal' | 'onProgress'>,
  ): Promise<OpenSalvage> {
    onProgress({ kind: 'phase', phase: 'verify' });
    const open = () => openFor(repository, key, target, signal);
    const reader = await repository.openWarm(open).catch((error: unknown) => {
      throw withoutRoot(error);
    });
    const { plainBytes, datasets } = reader.manifest.totals;
    onProgress({ kind: 'total', plainBytes, datasets });
    let passed = 0;
    const examination = await assessDamage(repository, reader, {
      backups: await repository.backupKeys(signal),
      onPassed: (bytes) => {
        passed += bytes;
        onProgress({ kind: 'done', plainBytes: passed, storedBytes: 0 });
      },
      signal,
    });
    const salvage = await readSalvage(new SalvagedBackup(repository, reader, examination), signal);
    return new OpenSalvage(repository, key, target, salvage);
  }

  /** Reads the target, writes nothing. */
  async plan(options: RestoreJobOptions): Promise<SalvagePlan> {
    const { contents, damaged } = this.#salvage;
    const plan = await this.#target.plan(contents, { ...options, damaged }, options.signal);
    return { key: this.key, plan, ...this.#missing(plan, options) };
  }

  /**
   * Restores what is left, reads it back and compares it with what was read.
   *
   * @throws as `restoreBackup`
   */
  async restore(options: RestoreJobOptions): Promise<SalvageResult> {
    const { contents, damaged } = this.#salvage;
    const what = { key: this.key, contents, digests: new Map(), target: this.#target, reader: undefined };
    const result = await restoreContents(this.#repository, what, { ...options, damaged });
    return { ...result, ...this.#missing(result.plan, options) };
  }

  /** For all datasets, or the requested ones; a name may stand for several datasets. */
  #missing(
    plan: RestorePlan,
    { datasets }: RestoreJobOptions,
  ): Pick<SalvagePlan, 'missing' | 'chunksFromElsewhere'> {
    const { missing, chunksFromElsewhere } = this.#salvage;
    const asked = new Set([...(datasets ?? []), ...plan.datasets.map(({ name }) => name)]);
    return {
      missing: datasets ? missing.filter(({ dataset }) => asked.has(dataset)) : missing,
      chunksFromElsewhere,
    };
  }
}

function withoutRoot(error: unknown): unknown {
  if (!isHoldfastError(error, 'E_DAMAGED') && !isHoldfastError(error, 'E_OBJECT_UNREADABLE')) return error;
  return new HoldfastError('E_DAMAGED', `${error.message}: without it nothing of the backup can be found`, {
    cause: error,
    hint: 'Salvage, or restore, the backup before it or after it; restore the object from a copy.',
  });
}

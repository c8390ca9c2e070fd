import type { StorageClass } from '../../config/storage.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import { getIfThere } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { carryKeys, claimPlace } from './claim-place.ts';
import { type CopiedBackup, type CopyWork, copyBackup } from './copy-backup.ts';
import { type CopiedChanges, copyChanges } from './copy-changes.ts';
import { type CopyChoice, chosenBackups } from './copy-choice.ts';
import { CarriedReports } from './copy-reports.ts';
import { listedBackups } from './listed-backups.ts';
import { SecondPlace } from './second-place.ts';

/** What is copied, and how it is stored there. */
export interface CopyOptions {
  readonly choice?: CopyChoice | undefined;
  /** Storage class of packs there. @default the store's own */
  readonly storageClass?: StorageClass | undefined;
  /** Grace of prunes there. @default that of the open repository */
  readonly graceMs?: number | undefined;
  /** Also compares what was compared before, and stores missing objects again. @default false */
  readonly isCheck?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly signal: AbortSignal;
}

/** A backup that is not listed in the second place after a copy, or not known to be whole there. */
export interface PassedOver {
  readonly key: BackupKey;
  /**
   * - `removed`: a prune removed it from the first place meanwhile.
   * - `waiting`: a later copy will list it.
   * - `damaged`: one of its objects, in either place, is wrong.
   */
  readonly why: 'removed' | 'waiting' | 'damaged';
  readonly problem: string;
}

/** What was copied, and what a place still lacks. */
export interface CopyResult {
  readonly repositoryId: string;
  readonly from: string;
  readonly to: string;
  /** Whether the place was empty before. */
  readonly isNewPlace: boolean;
  /** Backups that are now listed there, newest first. */
  readonly copied: readonly CopiedBackup[];
  /** Number of chosen ones that were there before. */
  readonly present: number;
  readonly passedOver: readonly PassedOver[];
  /** Packs that were missing, and their bytes; includes packs of backups that are not listed there yet. */
  readonly packs: number;
  readonly bytes: number;
  /** Objects of keys and reports that were missing. */
  readonly others: number;
  /** Objects of change segments that were missing. */
  readonly changes: CopiedChanges;
}

/**
 * Copies backups to a second place: stored bytes, which are opened nowhere, so it needs no key. Newest
 * backups first; for each, packs before its manifest. Existing objects are compared, never replaced, never
 * removed. Started again after a stop, it continues.
 *
 * @throws E_REPOSITORY_EXISTS if the place is another repository, E_FOREIGN_REPOSITORY, E_DAMAGED, E_STORE_*,
 * E_ABORTED
 */
export async function copyBackups(
  from: Repository,
  to: ObjectStore,
  options: CopyOptions,
): Promise<CopyResult> {
  const { choice = {}, signal, onProgress = () => {} } = options;
  onProgress({ kind: 'phase', phase: 'plan' });
  const stores = { from: from.store, to, signal };
  const { isNew: isNewPlace } = await claimPlace(stores);
  const chosen = await chosenBackups(from, choice, signal);
  const place = await SecondPlace.look(stores, from.clock, signal);
  const sizes = await listedBackups(from.store, signal);
  const copy = new Copy({ from, place, sizes }, options);
  onProgress({ kind: 'phase', phase: 'copy' });
  const { others } = await copy.run(chosen);
  const changes = await copyChanges(from, to, {
    sources: choice.sources,
    onProblem: (message) => onProgress({ kind: 'warning', code: 'not-copied', message }),
    signal,
  });
  return {
    repositoryId: from.id,
    from: from.store.location,
    to: to.location,
    isNewPlace,
    ...copy.counts(),
    others,
    changes,
  };
}

class Copy {
  readonly #from: Repository;
  readonly #place: SecondPlace;
  /** Sizes of the manifests in the first place. */
  readonly #sizes: ReadonlyMap<string, number>;
  readonly #options: CopyOptions;
  readonly #work: CopyWork;
  readonly #copied: CopiedBackup[] = [];
  readonly #passedOver: PassedOver[] = [];
  #present = 0;
  #packs = 0;
  #bytes = 0;

  constructor(
    {
      from,
      place,
      sizes,
    }: {
      readonly from: Repository;
      readonly place: SecondPlace;
      readonly sizes: ReadonlyMap<string, number>;
    },
    options: CopyOptions,
  ) {
    const { storageClass, graceMs = from.context.graceMs, isCheck = false, onProgress, signal } = options;
    this.#from = from;
    this.#place = place;
    this.#sizes = sizes;
    this.#options = options;
    const onStored = (bytes: number) => {
      this.#packs++;
      this.#bytes += bytes;
      onProgress?.({ kind: 'done', plainBytes: this.#bytes, storedBytes: this.#bytes });
    };
    this.#work = { from, place, storageClass, graceMs, isCheck, onStored, signal };
  }

  counts(): Pick<CopyResult, 'copied' | 'present' | 'passedOver' | 'packs' | 'bytes'> {
    return {
      copied: this.#copied,
      present: this.#present,
      passedOver: this.#passedOver,
      packs: this.#packs,
      bytes: this.#bytes,
    };
  }

  async run(chosen: readonly BackupKey[]): Promise<{ readonly others: number }> {
    // After listing the backups: what a newer key sealed is not among them.
    const keys = await carryKeys(this.#stores);
    const toCome = new Set<string>(chosen.filter((key) => !this.#place.listed.has(key)));
    const isToCome = (key: string) => toCome.has(key);
    const reports = new CarriedReports(this.#stores);
    await reports.carryHolds(isToCome);
    for (const key of chosen) {
      await this.#one(key);
      // A skipped one may be claimed: its hold is copied with the copy that lists it.
      if (this.#place.listed.has(key) && toCome.delete(key)) await reports.carryReady(isToCome);
    }
    await reports.carryRest();
    return { others: keys + reports.put };
  }

  get #stores() {
    return { from: this.#from.store, to: this.#place.store, signal: this.#options.signal };
  }

  /** A problem with one backup does not affect the others. */
  async #one(key: BackupKey): Promise<void> {
    const isListed = this.#place.listed.has(key);
    try {
      if (isListed && this.#options.isCheck !== true) return this.#see(key);
      const bytes = await getIfThere(key, this.#from.store, this.#options.signal);
      if (!bytes) return this.#passOver(key, 'removed', `a prune removed ${key} meanwhile`);
      const manifest = await this.#manifestOf(key, bytes);
      const copied = await copyBackup(this.#work, manifest, bytes);
      if (isListed) this.#present++;
      else this.#copied.push(copied);
    } catch (error) {
      const why = whyPassedOver(error);
      if (!why) throw error;
      this.#passOver(key, why, (error as HoldfastError).message);
    }
  }

  #passOver(key: BackupKey, why: PassedOver['why'], problem: string): void {
    this.#passedOver.push({ key, why, problem });
    if (why !== 'removed')
      this.#options.onProgress?.({ kind: 'warning', code: 'not-copied', message: problem });
  }

  /** @throws E_DAMAGED, and with a key if the manifest was not made with it */
  async #manifestOf(key: BackupKey, bytes: Uint8Array): Promise<Manifest> {
    const entry = await this.#from.inspect(key, async () => bytes, this.#options.signal);
    // Copying needs no key: being sealed with a newer one than the configured is not a problem.
    const manifest = entry.manifest ?? (entry.problem?.code === 'E_WRONG_KEY' ? entry.claimed : undefined);
    if (manifest) return manifest;
    throw entry.problem ?? new HoldfastError('E_INTERNAL', `${key} is neither whole nor damaged`);
  }

  /** A backup listed there: the copy that listed it compared it. */
  #see(key: BackupKey): void {
    const [ours, theirs] = [this.#sizes.get(key), this.#place.listed.get(key)];
    if (ours === undefined || ours === theirs) this.#present++;
    else
      this.#passOver(
        key,
        'damaged',
        `${key} has ${ours} bytes here and ${theirs} in ${this.#place.store.location}: one of the two was changed`,
      );
  }
}

/** Undefined if the copy as a whole cannot continue. */
function whyPassedOver(error: unknown): PassedOver['why'] | undefined {
  if (isDocumentProblem(error)) return 'damaged';
  // A prune there removed something at that moment.
  if (isHoldfastError(error, 'E_RUN_TOO_LONG') || isHoldfastError(error, 'E_OBJECT_NOT_FOUND'))
    return 'waiting';
  return isHoldfastError(error, 'E_NO_BACKUP') ? 'removed' : undefined;
}

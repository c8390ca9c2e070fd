import type { StorageClass } from '../../config/storage.ts';
import { Stopwatch } from '../../core/clock.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import { mostInMemory, parallel } from '../../core/parallel.ts';
import { MiB } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import type { NamedObject } from '../../repository/packs/pack-lists.ts';
import type { Repository } from '../../repository/repository.ts';
import { claimIfOld, refuseUnprotected } from './copy-guard.ts';
import { compareObject, putCompared, sha256Of } from './copy-object.ts';
import type { BackupInHand, SecondPlace } from './second-place.ts';

/** Packs copied at once: each is in memory as a whole. */
const PACKS_AT_ONCE = { most: 6, memoryBytes: 64 * MiB };
/** Share of the grace: a longer copy claims its packs meanwhile. */
const CLAIM_SHARE = 1 / 8;

/** A backup on its way to a second place. */
export interface CopyWork {
  readonly from: Repository;
  readonly place: SecondPlace;
  /** Storage class of packs. */
  readonly storageClass: StorageClass | undefined;
  readonly graceMs: number;
  /**
   * Compares every pack with its checksum, including those that were compared before, and stores missing ones
   * again.
   */
  readonly isCheck: boolean;
  readonly onStored: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** What copying one backup took. */
export interface CopiedBackup {
  readonly key: BackupKey;
  /** Number of packs that were missing. */
  readonly packs: number;
  readonly bytes: number;
}

/**
 * Copies one backup: its packs, then its manifest, which is listed only when every pack that it names exists,
 * whole, and safe from a prune. Stopped at any point, it lists nothing incomplete; started again, it
 * continues.
 *
 * @param bytes of its manifest
 * @throws E_DAMAGED if an object in either place is wrong, E_NO_BACKUP if a prune removed it meanwhile,
 * E_RUN_TOO_LONG
 */
export async function copyBackup(
  work: CopyWork,
  manifest: Manifest,
  bytes: Uint8Array,
): Promise<CopiedBackup> {
  const { from, place, graceMs, signal } = work;
  const key = manifest.key as BackupKey;
  const objects = await namedBy(from, manifest, signal);
  await place.learn(manifest.parent, objects, signal);
  const backup = { manifest, bytes, objects };
  const packs = new PackCopier(work, backup);
  await packs.run();
  const others = [...new Set(objects.flatMap(({ id }) => place.namedBy(id) ?? []))];
  const sinceGuard = new Stopwatch(from.clock);
  await refuseUnprotected(
    place.store,
    { key, bytes, ...packs.unnamed(), others, elapsedMs: place.sinceLooked.elapsedMs(), graceMs },
    { clock: from.clock, signal },
  );
  await putCompared(place.store, key, bytes, { signal });
  place.noteListed(backup);
  // The machine may have slept between the check and the manifest. Now that it is listed, what is stored
  // again stays.
  if (graceMs > 0 && sinceGuard.elapsedMs() > graceMs * CLAIM_SHARE)
    await new PackCopier({ ...work, isCheck: true }, backup).run();
  return packs.result();
}

/**
 * Its packs, then the objects of its pack list. @throws E_DAMAGED, E_NO_BACKUP if a prune removed it
 * meanwhile
 */
async function namedBy(
  from: Repository,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<readonly NamedObject[]> {
  try {
    return (await from.lists.all(manifest, signal)).objects;
  } catch (error) {
    const key = manifest.key as BackupKey;
    if (!isDocumentProblem(error) || (await from.inspectIfListed(key, signal))) throw error;
    throw takenOut(key);
  }
}

function takenOut(key: BackupKey): HoldfastError {
  return new HoldfastError('E_NO_BACKUP', `a prune removed ${key} while it was being copied`);
}

class PackCopier {
  readonly #work: CopyWork;
  readonly #backup: BackupInHand;
  readonly #unnamed: string[] = [];
  #hasOlder = false;
  #packs = 0;
  #storedBytes = 0;
  #sinceClaim: Stopwatch;

  constructor(work: CopyWork, backup: BackupInHand) {
    this.#work = work;
    this.#backup = backup;
    this.#sinceClaim = new Stopwatch(work.from.clock);
  }

  async run(): Promise<void> {
    const { place, signal } = this.#work;
    const { objects } = this.#backup;
    if (objects.some(({ id }) => place.packs.has(id) && !place.namedBy(id))) await this.#claim();
    const most = mostInMemory(objects, PACKS_AT_ONCE);
    await parallel(objects, { most, signal }, async (pack, stopping) => {
      await this.#copy(pack, stopping);
      await this.#claimAgain();
    });
  }

  unnamed() {
    return { unnamed: this.#unnamed, hasOlder: this.#hasOlder };
  }

  result(): CopiedBackup {
    return { key: this.#backup.manifest.key as BackupKey, packs: this.#packs, bytes: this.#storedBytes };
  }

  async #copy({ id, bytes }: NamedObject, signal: AbortSignal): Promise<void> {
    const { place, isCheck } = this.#work;
    const there = place.packs.get(id);
    const isNamed = place.namedBy(id) !== undefined;
    if (there === bytes && isNamed && !isCheck) return;
    if (there !== undefined && (await this.#isThere(id, bytes, signal))) {
      if (!isNamed) this.#noteUnnamed(id, true);
      return;
    }
    const { isNew } = await this.#store(id, bytes, signal);
    place.packs.set(id, bytes);
    this.#noteUnnamed(id, !isNew);
    if (!isNew) return;
    this.#packs++;
    this.#storedBytes += bytes;
    this.#work.onStored(bytes);
  }

  /** False if a prune has removed it since it was listed. @throws E_DAMAGED if it is different */
  async #isThere(id: string, sizeBytes: number, signal: AbortSignal): Promise<boolean> {
    try {
      const key = packKey(id as PackId);
      await compareObject(this.#work.place.store, key, { sizeBytes, sha256: id }, signal);
      return true;
    } catch (error) {
      if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return false;
      throw error;
    }
  }

  async #store(id: string, bytes: number, signal: AbortSignal) {
    const { place, storageClass } = this.#work;
    const key = packKey(id as PackId);
    const body = await this.#read(key, signal);
    if (sha256Of(body) !== id || body.length !== bytes)
      throw new HoldfastError('E_DAMAGED', `${key} was changed after it was written: it is not copied`, {
        hint: 'Run `holdfast verify --full`, then `holdfast repair`; the second place keeps what it has.',
      });
    return putCompared(place.store, key, body, { sha256: id, storageClass, signal });
  }

  /** @throws E_NO_BACKUP if a prune removed the backup, E_DAMAGED if the pack is gone for another reason */
  async #read(key: string, signal: AbortSignal): Promise<Uint8Array> {
    const { store } = this.#work.from;
    try {
      return await store.get(key, { signal });
    } catch (error) {
      if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
      const backup = this.#backup.manifest.key as BackupKey;
      if (await this.#work.from.inspectIfListed(backup, signal))
        throw new HoldfastError('E_DAMAGED', `${key}, which ${backup} needs, is gone`, { cause: error });
      throw takenOut(backup);
    }
  }

  #noteUnnamed(id: string, isOlder: boolean): void {
    this.#unnamed.push(id);
    this.#hasOlder ||= isOlder;
  }

  async #claimAgain(): Promise<void> {
    const { graceMs } = this.#work;
    if (graceMs > 0 && this.#sinceClaim.elapsedMs() > graceMs * CLAIM_SHARE) await this.#claim();
  }

  async #claim(): Promise<void> {
    const { from, place, graceMs, signal } = this.#work;
    this.#sinceClaim = new Stopwatch(from.clock);
    const { manifest, bytes } = this.#backup;
    const key = manifest.key as BackupKey;
    const now = from.clock.now();
    await claimIfOld(place.store, { key, bytes, graceMs }, { now, signal });
  }
}

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

/** Packs on their way at once: each is in memory as a whole. */
const PACKS_AT_ONCE = { most: 6, memoryBytes: 64 * MiB };
/** Of the grace: what takes longer is claimed meanwhile. */
const CLAIM_SHARE = 1 / 8;

export interface CopyWork {
  readonly from: Repository;
  readonly place: SecondPlace;
  /** Of packs. */
  readonly storageClass: StorageClass | undefined;
  readonly graceMs: number;
  /** Compares every pack with its checksum, also those that were compared before, and stores again what is gone. */
  readonly isCheck: boolean;
  readonly onStored: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** What one backup took. */
export interface CopiedBackup {
  readonly key: BackupKey;
  /** Packs that were not there. */
  readonly packs: number;
  readonly bytes: number;
}

/**
 * Copies one backup: its packs, then its manifest, which is listed only when every pack that it names is there, whole, and safe from
 * a prune. Stopped at any point, it leaves nothing listed that is not whole; begun again, it goes on.
 *
 * @param bytes of its manifest
 * @throws E_DAMAGED where an object of either place is not what it must be, E_NO_BACKUP where a prune took it out meanwhile, E_RUN_TOO_LONG
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
  // The machine may have slept between the look and the manifest. Now that it is listed, what is stored again stays.
  if (graceMs > 0 && sinceGuard.elapsedMs() > graceMs * CLAIM_SHARE)
    await new PackCopier({ ...work, isCheck: true }, backup).run();
  return packs.result();
}

/** Its packs, then the objects of its list of them. @throws E_DAMAGED, E_NO_BACKUP where a prune took it out meanwhile */
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

  /** False where a prune has removed it since it was listed. @throws E_DAMAGED where it is another */
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
      throw new HoldfastError('E_DAMAGED', `${key} is not what was written: it is not copied`, {
        hint: 'Run `holdfast verify --full`, then `holdfast repair`; the second place keeps what it has.',
      });
    return putCompared(place.store, key, body, { sha256: id, storageClass, signal });
  }

  /** @throws E_NO_BACKUP where a prune took the backup out, E_DAMAGED where the pack is gone all the same */
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

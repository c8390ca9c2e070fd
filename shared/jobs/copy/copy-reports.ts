import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { isReportKey, parseReport, type ReportKind } from '../../format/report.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { otherBytes, putCompared } from './copy-object.ts';

/**
 * Reports to copy too, in this order: a release is stored after the hold that it ends. What a verification or
 * a prune found here says nothing about the second place.
 */
const CARRIED = [
  'adopt',
  'hold',
  'accept',
  'audit',
  'drill',
  'mask',
  'proof',
  'repair',
  'quarantine',
  'release',
] as const satisfies readonly ReportKind[];

interface Stores {
  readonly from: ObjectStore;
  readonly to: ObjectStore;
  readonly signal: AbortSignal;
}

interface HoldReport {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly backups: readonly string[];
}

/**
 * Reports that the second place lacks. A hold is copied once all its backups are: to a prune, a claim on a
 * held backup looks like a backup to list again.
 */
export class CarriedReports {
  readonly #stores: Stores;
  #holds: readonly HoldReport[] = [];
  #put = 0;

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** How many were put. */
  get put(): number {
    return this.#put;
  }

  /**
   * Copies the holds that may go now, and remembers the others. @param isToCome whether a backup is still to
   * be copied
   */
  async carryHolds(isToCome: (backup: string) => boolean): Promise<void> {
    const holds: HoldReport[] = [];
    for await (const key of this.#missing('hold')) {
      const bytes = await this.#stores.from.get(key, { signal: this.#stores.signal });
      holds.push({ key, bytes, backups: backupsOf(bytes, key) });
    }
    this.#holds = holds;
    await this.carryReady(isToCome);
  }

  async carryReady(isToCome: (backup: string) => boolean): Promise<void> {
    for (const { key, bytes } of this.#holds.filter(({ backups }) => !backups.some(isToCome)))
      await this.#carry(key, bytes);
    this.#holds = this.#holds.filter(({ backups }) => backups.some(isToCome));
  }

  /** Copies all others. */
  async carryRest(): Promise<void> {
    const { from, signal } = this.#stores;
    for (const kind of CARRIED.filter((one) => one !== 'hold'))
      for await (const key of this.#missing(kind)) await this.#carry(key, await from.get(key, { signal }));
  }

  async #carry(key: string, bytes: Uint8Array): Promise<void> {
    const { to, signal } = this.#stores;
    if ((await putCompared(to, key, bytes, { signal })).isNew) this.#put++;
  }

  /** @throws E_DAMAGED if a different one has its path */
  async *#missing(kind: ReportKind): AsyncGenerator<string> {
    const { from, to, signal } = this.#stores;
    const there = new Map<string, number>();
    const prefix = `reports/${kind}/`;
    for await (const { key, sizeBytes } of to.list(prefix, { signal })) there.set(key, sizeBytes);
    for await (const { key, sizeBytes } of from.list(prefix, { signal })) {
      if (!isReportKey(key)) continue;
      const size = there.get(key);
      if (size === undefined) yield key;
      else if (size !== sizeBytes)
        throw otherBytes(to, key, `${size} bytes`, { sizeBytes, sha256: 'as in the first place' });
    }
  }
}

/** None for a report that cannot be read: it is copied unchanged. */
function backupsOf(bytes: Uint8Array, key: string): readonly string[] {
  try {
    return parseReport(bytes, key).backups;
  } catch (error) {
    if (isDocumentProblem(error)) return [];
    throw error;
  }
}

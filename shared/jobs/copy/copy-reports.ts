import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { isReportKey, parseReport, type ReportKind } from '../../format/report.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { otherBytes, putCompared } from './copy-object.ts';

/**
 * Reports that go along, in this order: a release is stored after the hold that it ends. What a verification or a prune found here says
 * nothing of the second place.
 */
const CARRIED = [
  'adopt',
  'hold',
  'accept',
  'audit',
  'drill',
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
 * Reports that the second place lacks. A hold goes when no backup that it is of is still to be copied: to a prune, a claim of a backup that
 * is held looks like one to be listed again.
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

  /** Carries the holds that may go now, and keeps the others in mind. @param isToCome of a backup's key */
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

  /** All others. */
  async carryRest(): Promise<void> {
    const { from, signal } = this.#stores;
    for (const kind of CARRIED.filter((one) => one !== 'hold'))
      for await (const key of this.#missing(kind)) await this.#carry(key, await from.get(key, { signal }));
  }

  async #carry(key: string, bytes: Uint8Array): Promise<void> {
    const { to, signal } = this.#stores;
    if ((await putCompared(to, key, bytes, { signal })).isNew) this.#put++;
  }

  /** @throws E_DAMAGED where another is there under its key */
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
        throw otherBytes(to, key, `${size} bytes`, { sizeBytes, sha256: 'of the first place' });
    }
  }
}

/** Of one that cannot be read, none: it is carried as it is. */
function backupsOf(bytes: Uint8Array, key: string): readonly string[] {
  try {
    return parseReport(bytes, key).backups;
  } catch (error) {
    if (isDocumentProblem(error)) return [];
    throw error;
  }
}

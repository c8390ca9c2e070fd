import type { BackupKey } from '../../core/ids.ts';
import type { BackupMarks, Marks } from '../../repository/documents/marks.ts';
import type { Repository } from '../../repository/repository.ts';
import { type BackupSummary, isGood } from './list.ts';

/**
 * Manifests, and reports, of one source to try: somebody who adds more forged ones than this sets off an
 * alarm.
 */
const MOST_TRIES = 100;

type Dated = NonNullable<BackupMarks['fullVerify']>;

/**
 * What a key proves of data that was found without one: reads as few manifests and reports of each source as
 * necessary.
 */
export class ProvenNewest {
  readonly #prover: Repository;
  readonly #signal: AbortSignal;
  #marks: { readonly since: Date; readonly marks: Promise<Marks> } | undefined;

  /** @param prover opened with a key that proves manifests */
  constructor(prover: Repository, signal: AbortSignal) {
    this.#prover = prover;
    this.#signal = signal;
  }

  /**
   * The newest good backup that is Holdfast's, by reports that are; an imported one only if there is no
   * other.
   */
  async good(newestFirst: readonly BackupSummary[]): Promise<BackupSummary | undefined> {
    const read = newestFirst.filter(({ imported }) => !imported);
    const imported = newestFirst.filter((backup) => backup.imported);
    for (const backup of [...read, ...imported].slice(0, MOST_TRIES)) {
      if (backup.isMisdated || !(await this.#isProven(backup))) continue;
      const marks = (await this.#marksSince(backup.startedAt)).of(backup.key);
      if (isGood({ ...backup, marks })) return backup;
    }
    return undefined;
  }

  /** When the newest of these reports that is Holdfast's was made. */
  async reportedAt(reports: readonly Dated[]): Promise<Date | undefined> {
    const newestFirst = reports.toSorted((a, b) => b.at.getTime() - a.at.getTime());
    for (const { report, at } of newestFirst.slice(0, MOST_TRIES)) {
      const { isProven } = await this.#prover.reports.open(report, at, this.#signal);
      if (isProven) return at;
    }
    return undefined;
  }

  /** The newest backup with a proof of its changes that is Holdfast's. */
  async compared(newestFirst: readonly BackupSummary[]): Promise<BackupKey | undefined> {
    for (const { key, marks } of newestFirst.slice(0, MOST_TRIES))
      if (marks.proof && (await this.reportedAt([marks.proof]))) return key;
    return undefined;
  }

  async #isProven({ key }: BackupSummary): Promise<boolean> {
    return (await this.#prover.inspectIfListed(key, this.#signal))?.isProven ?? false;
  }

  /** No report comes before its backup. */
  #marksSince(since: Date): Promise<Marks> {
    if (!this.#marks || since < this.#marks.since)
      this.#marks = { since, marks: this.#prover.marks(this.#signal, since) };
    return this.#marks.marks;
  }
}

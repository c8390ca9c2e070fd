import type { OnProgress } from '../../core/progress.ts';
import type { ChangedPartition } from '../../sources/source.ts';

/** Weight of an estimate beside what was read: this share of all that was estimated. */
const TRUST = 0.1;

/**
 * How much there is to read. A source estimates it from what its server stores, which may be twice as much as
 * it returns, or half; each part that is read corrects the estimate. When everything is read it is exact.
 */
export class ReadTotal {
  readonly #onProgress: OnProgress;
  readonly #datasets: number;
  readonly #all: number;
  #left: number;
  #estimated = 0;
  #read = 0;

  constructor(parts: readonly ChangedPartition[], datasets: number, onProgress: OnProgress) {
    this.#onProgress = onProgress;
    this.#datasets = datasets;
    this.#all = parts.reduce((sum, { partition }) => sum + partition.estimatedBytes, 0);
    this.#left = this.#all;
    this.#tell();
  }

  /** A part was read to its end. */
  over({ partition }: ChangedPartition, plainBytes: number): void {
    this.#left = Math.max(0, this.#left - partition.estimatedBytes);
    this.#estimated += partition.estimatedBytes;
    this.#read += plainBytes;
    this.#tell();
  }

  get plainBytes(): number {
    const trusted = TRUST * this.#all;
    const ratio = (this.#read + trusted) / (this.#estimated + trusted || 1);
    return Math.round(this.#read + this.#left * ratio);
  }

  #tell(): void {
    this.#onProgress({ kind: 'total', plainBytes: this.plainBytes, datasets: this.#datasets });
  }
}

import { MiB } from '../../../core/units.ts';
import { recordLine } from '../text/json.ts';

/** Memory for the ETags of one backup. What is over is not noted: such children are read again by the next one. */
const MOST_NOTED_BYTES = 64 * MiB;

/** How much may still be noted; shared by all datasets of a backup. */
export class NoteBudget {
  #left: number;

  constructor(bytes = MOST_NOTED_BYTES) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** ETags of what was read of one dataset, by path, to be kept with the backup. */
export class EtagNotes {
  readonly #budget: NoteBudget;
  // Texts, not small buffers: one such would keep the whole slab that Node cut it from, records and all.
  #notes: { readonly line: string; readonly isProbed: boolean }[] = [];
  #bytes = 0;

  constructor(budget: NoteBudget) {
    this.#budget = budget;
  }

  /** @param isProbed the ETag came without the data: it counts only when such ones have been shown to be right */
  add(path: string, etag: string, { isProbed }: { readonly isProbed: boolean }): void {
    const line = recordLine(path, JSON.stringify(etag));
    if (!this.#budget.take(line.length)) return;
    this.#bytes += line.length;
    this.#notes.push({ line, isProbed });
  }

  /** Begins anew, as what it is of is read again. */
  clear(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    this.#notes = [];
  }

  /** As records. @param hasTrust whether ETags of probes count */
  *records(hasTrust: boolean): Generator<string> {
    for (const { line, isProbed } of this.#notes) if (hasTrust || !isProbed) yield line;
  }
}

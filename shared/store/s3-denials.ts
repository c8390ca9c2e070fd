import { isHoldfastError } from '../core/errors.ts';

/** Other objects of a folder that are asked for before all of it counts as refused. */
const MOST_PROBES = 8;

export interface S3Probes {
  /** Reads a byte of an object, as it is read otherwise. */
  readonly read: (key: string, signal: AbortSignal | undefined) => Promise<unknown>;
  /** Keys that begin with `prefix`, the first so many. */
  readonly list: (
    prefix: string,
    most: number,
    signal: AbortSignal | undefined,
  ) => AsyncIterable<{ readonly key: string }>;
}

/**
 * Tells one object that S3 refuses to give (by a bucket policy, by its own KMS key) from credentials that may not read: others
 * of its folder can be read, now. What cannot be told counts as refused access.
 */
export class S3Denials {
  readonly #probes: S3Probes;
  /** An object that could be read, by folder. */
  readonly #readable = new Map<string, string>();

  constructor(probes: S3Probes) {
    this.#probes = probes;
  }

  noteRead(key: string): void {
    const folder = folderOf(key);
    if (!this.#readable.has(folder)) this.#readable.set(folder, key);
  }

  /** Whether others can be read where the object at `key` was refused just now. */
  async isOneObject(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    const folder = folderOf(key);
    if (folder === '') return false;
    const known = this.#readable.get(folder);
    if (known !== undefined && known !== key && (await this.#canRead(known, signal))) return true;
    this.#readable.delete(folder);
    try {
      return await this.#areOthersReadable(folder, key, signal);
    } catch (error) {
      if (isHoldfastError(error, 'E_STORE_DENIED')) return false;
      throw error;
    }
  }

  async #areOthersReadable(folder: string, key: string, signal: AbortSignal | undefined): Promise<boolean> {
    let isAlone = true;
    for await (const other of this.#probes.list(folder, MOST_PROBES + 1, signal)) {
      if (other.key === key) continue;
      if (await this.#canRead(other.key, signal)) {
        this.#readable.set(folder, other.key);
        return true;
      }
      isAlone = false;
    }
    const elsewhere = [...this.#readable.values()][0];
    return isAlone && elsewhere !== undefined && this.#canRead(elsewhere, signal);
  }

  async #canRead(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.#probes.read(key, signal);
      return true;
    } catch (error) {
      if (isHoldfastError(error, 'E_RANGE')) return true;
      if (isHoldfastError(error, 'E_STORE_DENIED') || isHoldfastError(error, 'E_OBJECT_NOT_FOUND'))
        return false;
      throw error;
    }
  }
}

/** `data/` of `data/ab/…`; empty for what lies at the top. */
function folderOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}

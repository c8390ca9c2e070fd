import { isHoldfastError } from '../core/errors.ts';

/** Other objects of a folder to try before the whole folder counts as refused. */
const MOST_PROBES = 8;

/** Ways to tell a missing object from one that may not be read. */
export interface S3Probes {
  /** Reads one byte of an object, by the usual path. */
  readonly read: (key: string, signal: AbortSignal | undefined) => Promise<unknown>;
  /** The first keys that begin with `prefix`. */
  readonly list: (
    prefix: string,
    most: number,
    signal: AbortSignal | undefined,
  ) => AsyncIterable<{ readonly key: string }>;
}

/**
 * Distinguishes one object that S3 refuses (because of a bucket policy, or its own KMS key) from credentials
 * that may not read: others in its folder can be read now. An undecided case counts as refused access.
 */
export class S3Denials {
  readonly #probes: S3Probes;
  /** A readable object of each folder. */
  readonly #readable = new Map<string, string>();

  constructor(probes: S3Probes) {
    this.#probes = probes;
  }

  noteRead(key: string): void {
    const folder = folderOf(key);
    if (!this.#readable.has(folder)) this.#readable.set(folder, key);
  }

  /** Whether other objects can be read when the one at `key` was just refused. */
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

/** `data/` for `data/ab/…`; empty at the top. */
function folderOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}

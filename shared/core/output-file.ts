import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { FilePlace } from './file-place.ts';
import { asOutputError } from './output-error.ts';
import { MiB } from './units.ts';

/** The file holds plain data. */
const FILE_MODE = 0o600;

/**
 * Writes a file under a temporary name beside its own, and renames it at the end: it appears only when
 * complete, and a file it replaces stays until then. Only its owner may read it.
 *
 * @throws E_TARGET_NOT_EMPTY if it exists and `replace` is not set, E_TARGET_FULL, E_SOURCE_DENIED, what
 * `fill` throws
 */
export async function writeOutputFile<T>(
  file: string,
  options: {
    readonly replace: boolean;
    /** The name to use in errors. @default its path */
    readonly name?: string;
  },
  fill: (file: OutputFile) => Promise<T>,
): Promise<T> {
  const { name = file } = options;
  const temporary = path.join(path.dirname(file), `.tmp-${randomUUID()}`);
  try {
    const result = await writeTemporary({ path: temporary, name }, fill);
    await (options.replace ? rename(temporary, file) : link(temporary, file));
    return result;
  } catch (error) {
    throw asOutputError(error, name);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

async function writeTemporary<T>(
  place: Omit<FilePlace, 'at'>,
  fill: (file: OutputFile) => Promise<T>,
): Promise<T> {
  await using handle = await open(place.path, 'wx', FILE_MODE);
  const file = new OutputFile(handle, place);
  const result = await fill(file);
  await file.flushed();
  return result;
}

/** Written bytes are flushed to disk while more are made, so that little is left to flush at the end. */
const FLUSH_BYTES = 32 * MiB;

/** A file that is written from front to back. */
export class OutputFile {
  readonly #handle: FileHandle;
  readonly #place: Omit<FilePlace, 'at'>;
  #at = 0;
  #flushedAt = 0;
  #flushing: Promise<void> | undefined;
  #failure: unknown;

  constructor(handle: FileHandle, place: Omit<FilePlace, 'at'>) {
    this.#handle = handle;
    this.#place = place;
  }

  /** Where the next bytes go. */
  get end(): FilePlace {
    return { ...this.#place, at: this.#at };
  }

  async write(bytes: Uint8Array): Promise<void> {
    let at = this.#at;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at);
      done += bytesWritten;
      at += bytesWritten;
    }
    this.grown(bytes.length);
  }

  /** Records `bytes` that somebody else has written at its end. */
  grown(bytes: number): void {
    this.#at += bytes;
    if (this.#at - this.#flushedAt >= FLUSH_BYTES && !this.#flushing) this.#flush();
  }

  /** Records that somebody else has written all of it. @returns its size in bytes */
  async writtenByOther(): Promise<number> {
    const { size } = await this.#handle.stat();
    this.grown(size - this.#at);
    return size;
  }

  /** Truncates the last `bytes`. */
  async cut(bytes: number): Promise<void> {
    this.#at -= bytes;
    await this.#handle.truncate(this.#at);
  }

  /** Waits until all of it is on disk. @throws the error of writing it, whenever that happened */
  async flushed(): Promise<void> {
    await this.#flushing;
    if (this.#failure) throw this.#failure;
    await this.#handle.sync();
  }

  #flush(): void {
    this.#flushedAt = this.#at;
    this.#flushing = this.#handle
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#flushing = undefined;
      });
  }
}

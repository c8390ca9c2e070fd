import { randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../core/abort.ts';
import { HoldfastError } from '../core/errors.ts';
import { errnoOf, fromFileError } from './file-errors.ts';
import { checkKey, exists, notFound, rangeWithin } from './object-key.ts';
import type { GetOptions, ObjectHead, ObjectInfo, ObjectStore, PutOptions } from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** Begins the names of files that are still being written; what a killed process leaves of them is never listed. */
const TEMPORARY = '.tmp-';

/** Objects as plain files below one folder. */
export class FolderStore implements ObjectStore {
  readonly location: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.location = this.#root;
  }

  async put(key: string, body: Uint8Array, { signal }: PutOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const target = this.#path(key);
    const folder = path.dirname(target);
    const temporary = path.join(folder, `${TEMPORARY}${randomUUID()}`);
    try {
      await mkdir(folder, { recursive: true });
      await writeWhole(temporary, body);
      throwIfAborted(signal);
      // link, unlike rename, refuses to replace a file.
      await link(temporary, target);
      await syncFolder(folder);
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? exists(key, error) : fromFileError(error, this.location);
    } finally {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }

  async get(key: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    throwIfAborted(signal);
    try {
      await using file = await open(this.#path(key), 'r');
      const { offsetBytes, lengthBytes } = rangeWithin(range, (await file.stat()).size, key);
      const body = Buffer.allocUnsafeSlow(lengthBytes);
      await readWhole(file, body, offsetBytes, key);
      return body;
    } catch (error) {
      throw this.#readError(error, key);
    }
  }

  async head(key: string, { signal }: Options = {}): Promise<ObjectHead> {
    throwIfAborted(signal);
    try {
      const { size, mtime } = await stat(this.#path(key));
      return { key, sizeBytes: size, modifiedAt: mtime, sha256: undefined };
    } catch (error) {
      throw this.#readError(error, key);
    }
  }

  async *list(prefix: string, { signal }: Options = {}): AsyncGenerator<ObjectInfo> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    yield* this.#walk(folder, prefix, signal);
  }

  async delete(key: string, { signal }: Options = {}): Promise<void> {
    throwIfAborted(signal);
    try {
      await rm(this.#path(key), { force: true });
    } catch (error) {
      throw fromFileError(error, this.location);
    }
  }

  /** A folder's entries in the order of the keys below them: a folder sorts as its name and a slash. */
  async *#walk(folder: string, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<ObjectInfo> {
    throwIfAborted(signal);
    const names = await this.#entries(folder);
    for (const name of names.sort()) {
      const key = folder + name;
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      if (name.endsWith('/')) yield* this.#walk(key, prefix, signal);
      else if (key.startsWith(prefix)) {
        const info = await this.#info(key);
        if (info) yield info;
      }
    }
  }

  async #entries(folder: string): Promise<string[]> {
    try {
      const entries = await readdir(path.join(this.#root, folder), { withFileTypes: true });
      return entries
        .filter((entry) => !entry.name.startsWith(TEMPORARY))
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw fromFileError(error, this.location);
    }
  }

  /** Undefined when it was removed since its folder was read. */
  async #info(key: string): Promise<ObjectInfo | undefined> {
    try {
      const { size, mtime } = await stat(path.join(this.#root, key));
      return { key, sizeBytes: size, modifiedAt: mtime };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw fromFileError(error, this.location);
    }
  }

  #path(key: string): string {
    checkKey(key);
    return path.join(this.#root, key);
  }

  #readError(error: unknown, key: string): unknown {
    const errno = errnoOf(error);
    return errno === 'ENOENT' || errno === 'ENOTDIR'
      ? notFound(key, error)
      : fromFileError(error, this.location);
  }
}

async function writeWhole(file: string, body: Uint8Array): Promise<void> {
  await using handle = await open(file, 'wx');
  await handle.writeFile(body);
  await handle.sync();
}

async function readWhole(file: FileHandle, body: Buffer, from: number, key: string): Promise<void> {
  for (let at = 0; at < body.length; ) {
    const { bytesRead } = await file.read(body, at, body.length - at, from + at);
    if (bytesRead === 0) throw new HoldfastError('E_RANGE', `${key} became shorter while it was read`);
    at += bytesRead;
  }
}

/** Makes the new name survive a power failure; not every file system lets a folder be synced. */
async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
  }
}

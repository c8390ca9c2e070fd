import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../core/abort.ts';
import { HoldfastError } from '../core/errors.ts';
import { makeFolder } from '../core/make-folder.ts';
import { DAY_MS } from '../core/units.ts';
import { errnoOf, fromFileError, fromLinkError } from './file-errors.ts';
import { checkKey, checkPrefix, exists, notFound, rangeWithin } from './object-key.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from './object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** Begins the names of files that are still being written; what a killed process leaves of them is never listed. */
const TEMPORARY = '.tmp-';
/** Such files older than this belong to no writer any more: no put takes so long. */
const ABANDONED_MS = DAY_MS;
/** Files of a listing that are asked for size and date at once. */
const INFO_BATCH = 32;

interface WalkRange {
  readonly prefix: string;
  readonly after: string;
  readonly signal: AbortSignal | undefined;
}

/** Objects as plain files below one folder. */
export class FolderStore implements ObjectStore {
  readonly location: string;
  readonly #root: string;
  /** Folders that abandoned files were removed from. */
  readonly #swept = new Set<string>();

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.location = this.#root;
  }

  async put(key: string, body: Uint8Array, { signal }: PutOptions = {}): Promise<void> {
    throwIfAborted(signal);
    const folder = path.dirname(this.#path(key));
    const temporary = path.join(folder, `${TEMPORARY}${randomUUID()}`);
    try {
      await makeLasting(folder);
      await writeWhole(temporary, body);
      throwIfAborted(signal);
      await this.#publish(temporary, key);
      await syncFolder(folder);
      await this.#sweep(folder, temporary);
    } catch (error) {
      throw fromFileError(error, this.location);
    } finally {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }

  async get(key: string, { signal, range }: GetOptions = {}): Promise<Uint8Array> {
    throwIfAborted(signal);
    try {
      await using file = await open(this.#path(key), 'r');
      const found = await file.stat();
      if (!found.isFile()) throw notFound(key);
      const { offsetBytes, lengthBytes } = rangeWithin(range, found.size, key);
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
      const found = await stat(this.#path(key));
      if (!found.isFile()) throw notFound(key);
      const { size, mtime } = found;
      return { key, sizeBytes: size, modifiedAt: mtime, sha256: undefined };
    } catch (error) {
      throw this.#readError(error, key);
    }
  }

  async *list(
    prefix: string,
    { signal, after = '', most = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    let left = most;
    for await (const info of this.#walk(folder, { prefix, after, signal })) {
      yield info;
      if (--left <= 0) return;
    }
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
  async *#walk(folder: string, range: WalkRange): AsyncGenerator<ObjectInfo> {
    const { prefix, after, signal } = range;
    throwIfAborted(signal);
    const names = await this.#entries(folder);
    // Below a folder there are keys after `after` where the folder comes after it, or `after` lies in it.
    const keys = names
      .map((name) => folder + name)
      .filter(
        (key) => key.startsWith(prefix) && (key > after || (key.endsWith('/') && after.startsWith(key))),
      );
    let files: string[] = [];
    for (const key of keys.sort()) {
      if (!key.endsWith('/')) files.push(key);
      if (!key.endsWith('/') && files.length < INFO_BATCH) continue;
      yield* await this.#infos(files, signal);
      files = [];
      if (key.endsWith('/')) yield* this.#walk(key, range);
    }
    yield* await this.#infos(files, signal);
  }

  async #entries(folder: string): Promise<string[]> {
    try {
      const entries = await readdir(path.join(this.#root, folder), { withFileTypes: true });
      return entries
        .filter((entry) => !entry.name.startsWith('.'))
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw fromFileError(error, this.location);
    }
  }

  async #infos(keys: readonly string[], signal: AbortSignal | undefined): Promise<ObjectInfo[]> {
    throwIfAborted(signal);
    const infos = await Promise.all(keys.map((key) => this.#info(key)));
    return infos.filter((info) => info !== undefined);
  }

  /** Undefined when it was removed since its folder was read. */
  async #info(key: string): Promise<ObjectInfo | undefined> {
    try {
      const found = await stat(path.join(this.#root, key));
      return found.isFile() ? { key, sizeBytes: found.size, modifiedAt: found.mtime } : undefined;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw fromFileError(error, this.location);
    }
  }

  async #publish(temporary: string, key: string): Promise<void> {
    try {
      // link, unlike rename, refuses to replace a file.
      await link(temporary, this.#path(key));
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? exists(key, error) : fromLinkError(error, this.location);
    }
  }

  /** Removes what killed writers left in a folder, once; what cannot be removed does no harm. */
  async #sweep(folder: string, written: string): Promise<void> {
    if (this.#swept.has(folder)) return;
    this.#swept.add(folder);
    try {
      // Both ages by the file system's clock, which may not be this machine's.
      const now = (await stat(written)).mtimeMs;
      for (const name of await readdir(folder)) {
        const file = path.join(folder, name);
        if (!name.startsWith(TEMPORARY) || file === written) continue;
        if (now - (await stat(file)).mtimeMs > ABANDONED_MS) await rm(file, { force: true });
      }
    } catch {
      // Another writer may be sweeping too.
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

/** Makes a folder whose name survives a power failure, and those above it. */
async function makeLasting(folder: string): Promise<void> {
  const firstMade = await makeFolder(folder);
  if (firstMade === undefined) return;
  const top = path.dirname(firstMade);
  for (let at = folder; at !== top; ) {
    at = path.dirname(at);
    await syncFolder(at);
  }
}

async function writeWhole(file: string, body: Uint8Array): Promise<void> {
  await using handle = await open(file, 'wx');
  for (let at = 0; at < body.length; ) {
    at += (await handle.write(body, at, body.length - at)).bytesWritten;
  }
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

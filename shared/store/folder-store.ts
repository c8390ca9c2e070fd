import { randomUUID } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../core/abort.ts';
import { HoldfastError } from '../core/errors.ts';
import { makeFolder } from '../core/make-folder.ts';
import { DAY_MS } from '../core/units.ts';
import { errnoOf, fromFileError, fromLinkError, mayConcernOneFile, unreadable } from './file-errors.ts';
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

/** Prefix of files that are still being written; those that a killed process leaves are never listed. */
const TEMPORARY = '.tmp-';
/** Such files older than this have no writer any more: no put takes that long. */
const ABANDONED_MS = DAY_MS;
/** How many files of a listing are asked for size and date at once. */
const INFO_BATCH = 32;

/** A pipe in an object's place must not make the call wait for a writer. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

interface WalkRange {
  readonly prefix: string;
  readonly after: string;
  readonly signal: AbortSignal | undefined;
}

/** Objects as plain files below one folder. */
export class FolderStore implements ObjectStore {
  readonly location: string;
  readonly #root: string;
  /** Folders already swept of abandoned files. */
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
      await using file = await open(this.#path(key), READ_FLAGS);
      const found = await file.stat();
      refuseNoFile(found, key);
      const { offsetBytes, lengthBytes } = rangeWithin(range, found.size, key);
      const body = Buffer.allocUnsafeSlow(lengthBytes);
      await readWhole(file, body, offsetBytes, key);
      return body;
    } catch (error) {
      throw await this.#readError(error, key);
    }
  }

  async head(key: string, { signal }: Options = {}): Promise<ObjectHead> {
    throwIfAborted(signal);
    try {
      const found = await stat(this.#path(key));
      refuseNoFile(found, key);
      const { size, mtime } = found;
      return { key, sizeBytes: size, modifiedAt: mtime, sha256: undefined };
    } catch (error) {
      throw await this.#readError(error, key);
    }
  }

  async *list(
    prefix: string,
    { signal, after = '', most = Number.POSITIVE_INFINITY }: ListOptions = {},
  ): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    let left = most;
    for await (const info of this.#walk(folder, { prefix, after, signal }, [])) {
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

  /**
   * A folder's entries in the order of the keys below them: a folder sorts as its name and a slash.
   *
   * @param above identities of the folders that it lies in
   */
  async *#walk(folder: string, range: WalkRange, above: readonly string[]): AsyncGenerator<ObjectInfo> {
    const { prefix, after, signal } = range;
    throwIfAborted(signal);
    const identity = await this.#identity(folder);
    // A link to a folder that it lies in: everything below is listed already.
    if (identity === undefined || above.includes(identity)) return;
    const names = await this.#entries(folder);
    // A folder has keys after `after` if it sorts after it, or if `after` lies in it.
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
      if (key.endsWith('/')) yield* this.#walk(key, range, [...above, identity]);
    }
    yield* await this.#infos(files, signal);
  }

  async #entries(folder: string): Promise<string[]> {
    try {
      const entries = await readdir(path.join(this.#root, folder), { withFileTypes: true });
      const shown = entries.filter((entry) => !entry.name.startsWith('.'));
      return await Promise.all(
        shown.map(async (entry) => ((await isFolder(entry)) ? `${entry.name}/` : entry.name)),
      );
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw fromFileError(error, path.join(this.location, folder));
    }
  }

  /** Undefined if it does not exist. */
  async #identity(folder: string): Promise<string | undefined> {
    const place = path.join(this.#root, folder);
    try {
      const { dev, ino } = await stat(place, { bigint: true });
      return `${dev}/${ino}`;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' && !(await isLink(place))) return undefined;
      throw asBrokenLink(error, place);
    }
  }

  async #infos(keys: readonly string[], signal: AbortSignal | undefined): Promise<ObjectInfo[]> {
    throwIfAborted(signal);
    const infos = await Promise.all(keys.map((key) => this.#info(key)));
    return infos.filter((info) => info !== undefined);
  }

  /** Undefined if it was removed since its folder was read. Unreadable files are listed too. */
  async #info(key: string): Promise<ObjectInfo | undefined> {
    const file = path.join(this.#root, key);
    try {
      const found = await stat(file).catch(() => lstat(file));
      return found.isDirectory() ? undefined : { key, sizeBytes: found.size, modifiedAt: found.mtime };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw fromFileError(error, file);
    }
  }

  async #publish(temporary: string, key: string): Promise<void> {
    try {
      // Unlike rename, link refuses to replace a file.
      await link(temporary, this.#path(key));
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? exists(key, error) : fromLinkError(error, this.location);
    }
  }

  /** Removes what killed writers left in a folder, once; leftovers that cannot be removed do no harm. */
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

  async #readError(error: unknown, key: string): Promise<unknown> {
    const errno = errnoOf(error) ?? '';
    if (errno === 'ENOTDIR') return notFound(key, error);
    // A file that exists by now did not when it was asked for.
    if (errno === 'ENOENT')
      return (await isLink(this.#path(key))) ? unreadable(key, errno, error) : notFound(key, error);
    const isOfTheStore = errno === 'ENAMETOOLONG' || !mayConcernOneFile(error) || !(await this.#answers());
    if (isOfTheStore) return fromFileError(error, `${this.location} (${key})`);
    return unreadable(key, errno, error);
  }

  /** Whether the folder itself can still be read. */
  async #answers(): Promise<boolean> {
    try {
      await readdir(this.#root);
      await stat(path.join(this.#root, '.'));
      return true;
    } catch {
      return false;
    }
  }
}

/** @throws E_OBJECT_NOT_FOUND for a folder, E_OBJECT_UNREADABLE for anything else that is not a file */
function refuseNoFile(found: Stats, key: string): void {
  if (found.isFile()) return;
  throw found.isDirectory() ? notFound(key) : unreadable(key, 'ENXIO');
}

/**
 * Whether there are keys below it: a folder, or a link to one. @throws E_CONFIG if it is a link that cannot
 * be followed
 */
async function isFolder(entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const place = path.join(entry.parentPath, entry.name);
  try {
    return (await stat(place)).isDirectory();
  } catch (error) {
    if (isObjectName(entry.name)) return false;
    throw asBrokenLink(error, place);
  }
}

/** Folder names have no dot, and are shorter than a pack's: any other name may be a folder of objects. */
function isObjectName(name: string): boolean {
  return name.includes('.') || name.length >= 64;
}

function isLink(place: string): Promise<boolean> {
  return lstat(place.replace(/\/$/, '')).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** Nobody knows what lies below a folder that cannot be reached, so no listing may leave it out. */
function asBrokenLink(error: unknown, place: string): unknown {
  const errno = errnoOf(error) ?? '';
  if (errno !== 'ENOENT' && errno !== 'ELOOP') return fromFileError(error, place);
  return new HoldfastError(
    'E_CONFIG',
    `${place.replace(/\/$/, '')} is a symbolic link that points nowhere (${errno})`,
    {
      cause: error,
      hint: 'Mount the disk that it points to, or remove the link if nothing of the repository is there.',
    },
  );
}

/** Makes a folder, and its parents, whose names survive a power failure. */
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

/** Makes the new name survive a power failure; not every file system can sync a folder. */
async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'EISDIR', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
  }
}

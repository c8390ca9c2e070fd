import type { BigIntStats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError } from '../../core/errors.ts';
import { MiB } from '../../core/units.ts';
import type { DatasetPlan, Source, SourceCapabilities, SourceView } from '../source.ts';

const READ_BYTES = 1 * MiB;
const NEWLINE = 0x0a;
const PARTITION = '0';

/**
 * Text files as a source: a dump file, or a folder of them. A file is a dataset, its lines are the records.
 * A last line without a newline gets one, and loses it in a restore.
 */
export class FilesSource implements Source {
  readonly kind = 'files';
  readonly name: string;
  readonly capabilities: SourceCapabilities = { consistency: 'per-dataset', maxReaders: 2 };
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.name = `files:${this.#root}`;
  }

  async open(signal: AbortSignal): Promise<SourceView> {
    const { isFile, files } = await findFiles(this.#root);
    const pathOf = (name: string) => (isFile ? this.#root : path.join(this.#root, name));
    const datasets: DatasetPlan[] = [];
    const versions = new Map<string, FileVersion>();
    for (const name of files) {
      throwIfAborted(signal);
      const { sizeBytes, hasFinalNewline, version } = await describeFile(pathOf(name), name);
      versions.set(name, version);
      const attributes = { finalNewline: hasFinalNewline, sizeBytes };
      datasets.push({
        name,
        kind: 'data',
        attributes,
        partitions: [{ name: PARTITION, estimatedBytes: sizeBytes }],
      });
    }
    return {
      position: '',
      server: 'files',
      datasets,
      omitted: ['File modes, owners, times, links, empty folders, pipes, sockets and devices.'],
      read: (dataset, _, using) =>
        readFile(pathOf(dataset.name), dataset, { version: versions.get(dataset.name), signal: using }),
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }
}

/** Into two buffers in turn, one ahead: a block is the caller's until it asks for the next. */
async function* readFile(
  file: string,
  { name, attributes }: DatasetPlan,
  { version, signal }: { readonly version: FileVersion | undefined; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  throwIfAborted(signal);
  // One more than it had, to see that it has grown.
  const blockBytes = Math.min(READ_BYTES, Number(attributes['sizeBytes']) + 1);
  const buffers = [Buffer.allocUnsafeSlow(blockBytes), Buffer.allocUnsafeSlow(blockBytes)] as const;
  let bytes = 0;
  let isSame = false;
  try {
    await using handle = await open(file, 'r');
    const read = (into: Buffer) => handle.read(into, 0, blockBytes, bytes);
    let [next, other] = buffers;
    let { bytesRead } = await read(next);
    while (bytesRead > 0) {
      throwIfAborted(signal);
      bytes += bytesRead;
      const ahead = read(other);
      // Its failure is seen when its turn comes.
      ahead.catch(() => {});
      yield next.subarray(0, bytesRead);
      [next, other] = [other, next];
      ({ bytesRead } = await ahead);
    }
    // Written in place, it may be as long as before, half old and half new.
    isSame = version === versionOf(await handle.stat({ bigint: true }));
  } catch (error) {
    throw fileError(error, name);
  }
  if (bytes !== attributes['sizeBytes']) {
    throw new HoldfastError(
      'E_SOURCE_CHANGED',
      `${name} had ${attributes['sizeBytes']} bytes, ${bytes} were read`,
      {
        hint: 'Back it up while nothing writes to it.',
      },
    );
  }
  if (!isSame)
    throw new HoldfastError('E_SOURCE_CHANGED', `${name} was written while it was backed up`, {
      hint: 'Back it up while nothing writes to it.',
    });
  if (attributes['finalNewline'] === false) yield Uint8Array.of(NEWLINE);
}

/** Changes if a file was written or replaced. */
type FileVersion = string;

function versionOf({ ino, size, mtimeNs }: BigIntStats): FileVersion {
  return `${ino} ${size} ${mtimeNs}`;
}

async function describeFile(
  file: string,
  name: string,
): Promise<{ readonly sizeBytes: number; readonly hasFinalNewline: boolean; readonly version: FileVersion }> {
  try {
    await using handle = await open(file, 'r');
    const about = await handle.stat({ bigint: true });
    const sizeBytes = Number(about.size);
    const last = Buffer.alloc(1);
    if (sizeBytes > 0) await handle.read(last, 0, 1, sizeBytes - 1);
    const hasFinalNewline = sizeBytes === 0 || last[0] === NEWLINE;
    return { sizeBytes, hasFinalNewline, version: versionOf(about) };
  } catch (error) {
    throw fileError(error, name);
  }
}

/** Names below the root in a fixed order; the file's own name if the root is a file. */
async function findFiles(
  root: string,
): Promise<{ readonly isFile: boolean; readonly files: readonly string[] }> {
  try {
    const info = await stat(root);
    if (info.isFile()) return { isFile: true, files: [path.basename(root)] };
    if (!info.isDirectory()) throw noFile(root);
    const found = await readdir(root, { recursive: true, withFileTypes: true });
    const files = found
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .sort();
    return { isFile: false, files };
  } catch (error) {
    throw fileError(error, root);
  }
}

function noFile(file: string): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `${file} is neither a file nor a folder, but a device, a pipe or a socket`,
    { hint: 'Write what comes out of it into a file, and back that up.' },
  );
}

function fileError(error: unknown, file: string): unknown {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOENT') {
    return new HoldfastError('E_SOURCE_UNREACHABLE', `there is no file or folder ${file}`, {
      cause: error,
      hint: 'Check the path; a database is postgres://…, or a name from the configuration.',
    });
  }
  if (['ENAMETOOLONG', 'ELOOP', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'].includes(code ?? '')) {
    return new HoldfastError(
      'E_SOURCE_UNREACHABLE',
      `there can be no file '${file.slice(0, 200)}' (${code})`,
      {
        cause: error,
        hint: 'Check the path: a name in it has at most 255 bytes, and a link must not lead to itself.',
      },
    );
  }
  if (code === 'EIO') {
    return new HoldfastError('E_SOURCE_FAILED', `${file} cannot be read: the disk gives an error (EIO)`, {
      cause: error,
      hint: 'Check the disk.',
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new HoldfastError('E_SOURCE_DENIED', `${file} may not be read`, {
      cause: error,
      hint: 'Check the permissions of the file and who runs this.',
    });
  }
  return error;
}

import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError } from '../../core/errors.ts';
import { DAY_MS } from '../../core/units.ts';
import type { BackupContents } from '../contents.ts';
import {
  leftoverOf,
  markText,
  type SchemaComparison,
  type Scratch,
  type ScratchMark,
  type ScratchServer,
  scratchName,
} from '../scratch.ts';
import { FilesTarget } from './target.ts';

/** Beside the restored files, not among them. */
const MARK_FILE = 'mark';
const FILES_FOLDER = 'files';

type MakeOptions = Parameters<ScratchServer['make']>[2];

/** A folder in which drills make their own folders, readable only by their owner. */
export class FilesScratchServer implements ScratchServer {
  readonly kind = 'files';
  readonly name: string;
  readonly sharedWarning = '';
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.name = `files:${this.#root}`;
  }

  isServerOf(): boolean {
    return false;
  }

  async inTheWayOf(name: string): Promise<readonly string[]> {
    const folder = path.join(this.#root, name);
    const isThere = await stat(folder).then(
      () => true,
      () => false,
    );
    return isThere ? [folder] : [];
  }

  async make(_: BackupContents, mark: ScratchMark, { onWarning, signal }: MakeOptions): Promise<Scratch> {
    throwIfAborted(signal);
    const name = scratchName(mark);
    const folder = path.join(this.#root, name);
    try {
      await this.#removeLeftovers(mark, onWarning);
      await mkdir(folder, { mode: 0o700 });
    } catch (cause) {
      throw cannotMake(cause, this.#root);
    }
    await writeFile(path.join(folder, MARK_FILE), markText(mark), { flag: 'wx', mode: 0o600 });
    return new FilesScratch(folder);
  }

  /** There is no session that could be asked whether the drill lives: a day is longer than it does. */
  async #removeLeftovers({ repository, at }: ScratchMark, onWarning: (message: string) => void) {
    for (const name of await readdir(this.#root)) {
      const folder = path.join(this.#root, name);
      const markFile = path.join(folder, MARK_FILE);
      const mark = await readFile(markFile, 'utf8').catch(() => '');
      if (leftoverOf(name, mark, repository) === undefined) continue;
      const { mtime } = await stat(markFile);
      if (at.getTime() - mtime.getTime() < DAY_MS) continue;
      await rm(folder, { recursive: true, force: true });
      onWarning(`removed ${folder}, which a drill had left that did not end`);
    }
  }
}

class FilesScratch implements Scratch {
  readonly name: string;
  readonly server = 'files';
  readonly removal: string;
  readonly target: FilesTarget;
  readonly restoreOptions = {};
  readonly leftOut = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.target = new FilesTarget(path.join(folder, FILES_FOLDER));
    this.name = this.target.name;
    this.removal = `rm -r ${folder}`;
  }

  async compareSchema(): Promise<SchemaComparison> {
    return { outcome: 'none', objects: 0, missing: [], unexpected: [], changed: [] };
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async keep(): Promise<void> {
    await rm(path.join(this.#folder, MARK_FILE), { force: true });
  }

  async close(): Promise<void> {}
}

function cannotMake(cause: unknown, root: string): HoldfastError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new HoldfastError('E_SOURCE_DENIED', `no scratch folder can be made in ${root} (${code})`, {
    cause,
    hint: 'Name a folder that exists and that you may write to, on an encrypted disk: the drill writes plain data there.',
  });
}

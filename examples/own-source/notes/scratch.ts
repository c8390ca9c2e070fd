import { open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../../../shared/core/abort.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import type { BackupContents } from '../../../shared/sources/contents.ts';
import {
  leftoverOf,
  markText,
  type Scratch,
  type ScratchMark,
  type ScratchServer,
  scratchName,
} from '../../../shared/sources/scratch.ts';
import { NotesTarget } from './target.ts';

const ENDING = '.notes';
const COMMENT = '#';

type MakeOptions = Parameters<ScratchServer['make']>[2];

/** A folder where drills make files of notes. Whose they are is in their first line, a comment. */
export class NotesScratchServer implements ScratchServer {
  readonly kind = 'notes';
  readonly name: string;
  readonly sharedWarning = '';
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.name = `notes:${folder}`;
  }

  isServerOf(): boolean {
    return false;
  }

  async inTheWayOf(name: string): Promise<readonly string[]> {
    const file = this.#fileOf(name);
    return stat(file).then(
      () => [file],
      () => [],
    );
  }

  async make(_: BackupContents, mark: ScratchMark, { onWarning, signal }: MakeOptions): Promise<Scratch> {
    throwIfAborted(signal);
    const file = this.#fileOf(scratchName(mark));
    try {
      await this.#removeLeftovers(mark, onWarning);
      await using made = await open(file, 'wx', 0o600);
      await made.write(`${COMMENT} ${markText(mark)}\n`);
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException;
      throw new HoldfastError(
        code === 'EEXIST' ? 'E_TARGET_NOT_EMPTY' : 'E_SOURCE_DENIED',
        `no scratch file can be made as ${file} (${code})`,
        { cause, hint: 'Name a folder that exists and that you may write to.' },
      );
    }
    return scratchAt(file);
  }

  #fileOf(name: string): string {
    return path.join(this.#folder, `${name}${ENDING}`);
  }

  /** Nobody can be asked whether a drill lives: a day is longer than it does. */
  async #removeLeftovers({ repository, at }: ScratchMark, onWarning: (message: string) => void) {
    for (const entry of await readdir(this.#folder)) {
      if (!entry.endsWith(ENDING)) continue;
      const file = path.join(this.#folder, entry);
      const [line = ''] = (await readFile(file, 'utf8').catch(() => '')).split('\n', 1);
      if (
        leftoverOf(entry.slice(0, -ENDING.length), line.slice(COMMENT.length + 1), repository) === undefined
      )
        continue;
      if (at.getTime() - (await stat(file)).mtime.getTime() < DAY_MS) continue;
      await rm(file, { force: true });
      onWarning(`removed ${file}, which a drill had left that did not end`);
    }
  }
}

function scratchAt(file: string): Scratch {
  const target = new NotesTarget({ file, comment: COMMENT });
  return {
    target,
    name: target.name,
    server: 'Notes 1',
    removal: `rm ${file}`,
    restoreOptions: {},
    leftOut: [],
    compareSchema: async () => ({ outcome: 'none', objects: 0, missing: [], unexpected: [], changed: [] }),
    remove: () => rm(file, { force: true }),
    keep: async () => {
      const text = await readFile(file, 'utf8');
      await writeFile(file, text.slice(text.indexOf('\n') + 1));
    },
    close: async () => {},
  };
}

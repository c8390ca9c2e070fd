import { type FileHandle, open } from 'node:fs/promises';
import { throwIfAborted } from '../../../shared/core/abort.ts';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { OpenOptions, Source, SourceCapabilities, SourceView } from '../../../shared/sources/source.ts';
import { sourceError } from './errors.ts';
import { bytesOf, sectionsOf } from './file.ts';

export interface NotesPlace {
  /** Whole path. */
  readonly file: string;
  readonly comment: string;
}

/** A file of notes. Whoever changes it puts a new file in its place: the one that is open stays as it was. */
export class NotesSource implements Source {
  readonly kind = 'notes';
  readonly name: string;
  readonly capabilities: SourceCapabilities = { consistency: 'atomic', maxReaders: 4 };
  readonly #place: NotesPlace;

  constructor(place: NotesPlace) {
    this.#place = place;
    this.name = `notes:${place.file}`;
  }

  async open(signal: AbortSignal, { allowEmpty = false }: OpenOptions = {}): Promise<SourceView> {
    throwIfAborted(signal);
    const { file } = this.#place;
    const handle = await open(file).catch((cause: unknown) => {
      throw sourceError(cause, file);
    });
    try {
      return await viewOf(handle, { ...this.#place, allowEmpty, signal });
    } catch (error) {
      await handle.close();
      throw sourceError(error, file);
    }
  }
}

type Opening = NotesPlace & { readonly allowEmpty: boolean; readonly signal: AbortSignal };

async function viewOf(handle: FileHandle, { allowEmpty, ...place }: Opening): Promise<SourceView> {
  const { file } = place;
  const before = await signOf(handle);
  const sections = new Map((await sectionsOf(handle, place)).map((section) => [section.name, section]));
  if (sections.size === 0 && !allowEmpty)
    throw new HoldfastError('E_EMPTY_READ', `${file} holds no notes`, { hint: 'Check the path.' });
  const check = async () => {
    if ((await signOf(handle)) === before) return;
    throw new HoldfastError('E_SOURCE_CHANGED', `${file} was written to while it was read`, {
      hint: 'Change notes by putting a new file in the place of the old one.',
    });
  };
  return {
    position: before,
    server: 'Notes 1',
    omitted: [],
    datasets: [...sections.values()].map(({ name, from, to }) => ({
      name,
      kind: 'data',
      attributes: {},
      partitions: [{ name: '0', estimatedBytes: to - from }],
    })),
    read: async function* ({ name }, _, signal) {
      const section = sections.get(name) ?? { from: 0, to: 0 };
      try {
        yield* bytesOf(handle, section, signal);
        await check();
      } catch (error) {
        throw sourceError(error, file);
      }
    },
    check: async (signal) => {
      throwIfAborted(signal);
      await check().catch((error: unknown) => {
        throw sourceError(error, file);
      });
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Changes whenever the open file does. */
async function signOf(handle: FileHandle): Promise<string> {
  const { size, mtimeNs, ino } = await handle.stat({ bigint: true });
  return `${ino}-${size}-${mtimeNs}`;
}

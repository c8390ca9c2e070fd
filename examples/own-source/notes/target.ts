import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import { throwIfAborted } from '../../../shared/core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupContents } from '../../../shared/sources/contents.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { RestoreOptions, RestorePlan, Target } from '../../../shared/sources/target.ts';
import { bytesOf, type Section, sectionsOf } from './file.ts';
import { type NotesPlace, NotesSource } from './source.ts';

type RestoreRun = Parameters<Target['restore']>[2];

/** A file of notes to restore into. A restore writes a new file, and puts it in the place of the old one at its end. */
export class NotesTarget implements Target {
  readonly kind = 'notes';
  readonly name: string;
  readonly comparesItself = false;
  readonly specialOptions = ['keepOld'];
  readonly #place: NotesPlace;

  constructor(place: NotesPlace) {
    this.#place = place;
    this.name = `notes:${place.file}`;
  }

  asSource(): Source {
    return new NotesSource(this.#place);
  }

  async plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    throwIfAborted(signal);
    const { datasets: names, replace = false, special = {} } = options;
    const data = contents.datasets.filter(({ kind }) => kind === 'data');
    const unknown = names?.find((name) => !data.some((dataset) => dataset.name === name));
    if (unknown !== undefined)
      throw new HoldfastError('E_NO_DATASET', `the backup has no dataset '${unknown}'`);
    const datasets = data.filter(({ name }) => names?.includes(name) ?? true);
    const there = await this.#withFile(signal, async (_, sections) => sections.map(({ name }) => name));
    const conflicts = datasets.map(({ name }) => name).filter((name) => there.includes(name));
    return {
      target: this.name,
      datasets,
      compare: datasets,
      steps: [
        ...(special['keepOld'] === true ? [`keep the file that is there as ${this.#place.file}.old`] : []),
        ...datasets.map(({ name }) => `write ${name}`),
      ],
      conflicts,
      drops: replace ? conflicts : [],
      warnings: [],
    };
  }

  async restore(contents: BackupContents, _: RestorePlan, options: RestoreRun): Promise<void> {
    const { signal, replace = false, special = {} } = options;
    const { conflicts, datasets } = await this.plan(contents, options, signal);
    if (conflicts.length > 0 && !replace)
      throw new HoldfastError(
        'E_TARGET_NOT_EMPTY',
        `${this.name} has ${conflicts.join(', ')}; nothing was changed`,
        {
          hint: 'Pass --replace to write them anew.',
        },
      );
    const { file } = this.#place;
    const made = `${file}.new`;
    try {
      await using output = await open(made, 'w', 0o600);
      await this.#withFile(signal, async (old, sections) => {
        const isKept = ({ name }: Section) => !datasets.some((dataset) => dataset.name === name);
        await copyOld(old, { output, sections, isKept, signal });
      });
      await writeDatasets(contents, { output, datasets, options });
      await output.sync();
      if (special['keepOld'] === true) await keepOld(file);
      throwIfAborted(signal);
      await rename(made, file);
    } catch (error) {
      await rm(made, { force: true }).catch(() => {});
      throw targetError(error, file);
    }
  }

  /** Gives the file that is there, as if it were empty where there is none. */
  async #withFile<T>(
    signal: AbortSignal,
    work: (handle: FileHandle | undefined, sections: readonly Section[]) => Promise<T>,
  ): Promise<T> {
    const { file } = this.#place;
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    if (!isThere) return work(undefined, []);
    try {
      await using handle = await open(file);
      return await work(handle, await sectionsOf(handle, { ...this.#place, signal }));
    } catch (error) {
      throw targetError(error, file);
    }
  }
}

/** Comments at the head, and the datasets that stay. */
async function copyOld(
  old: FileHandle | undefined,
  {
    output,
    sections,
    isKept,
    signal,
  }: {
    readonly output: FileHandle;
    readonly sections: readonly Section[];
    readonly isKept: (section: Section) => boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (!old) return;
  const head = { from: 0, to: sections[0] ? startOf(sections[0]) : (await old.stat()).size };
  for (const part of [
    head,
    ...sections.filter(isKept).map(({ name, from, to }) => ({ from: startOf({ name, from }), to })),
  ])
    for await (const block of bytesOf(old, part, signal)) await output.write(block);
}

/** Where the heading of a section begins. */
function startOf({ name, from }: Pick<Section, 'name' | 'from'>): number {
  return from - Buffer.byteLength(headingOf(name));
}

function headingOf(name: string): string {
  return `${JSON.stringify(name)}\n`;
}

async function writeDatasets(
  contents: BackupContents,
  {
    output,
    datasets,
    options: { onProgress, signal },
  }: {
    readonly output: FileHandle;
    readonly datasets: RestorePlan['datasets'];
    readonly options: RestoreRun;
  },
): Promise<void> {
  let done = 0;
  for (const dataset of datasets) {
    await output.write(headingOf(dataset.name));
    for (const partition of dataset.partitions)
      for await (const block of contents.read(dataset, partition, signal)) {
        await output.write(block);
        done += block.length;
        onProgress({ kind: 'done', plainBytes: done, storedBytes: 0 });
      }
    const { name, records, plainBytes } = dataset;
    onProgress({ kind: 'dataset', dataset: name, records, plainBytes });
  }
}

async function keepOld(file: string): Promise<void> {
  await rm(`${file}.old`, { force: true });
  await link(file, `${file}.old`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

function targetError(cause: unknown, file: string): unknown {
  if (isHoldfastError(cause)) return cause;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new HoldfastError(
    isFull ? 'E_TARGET_FULL' : 'E_SOURCE_DENIED',
    `${file} cannot be written (${code})`,
    {
      cause,
      hint: 'Check that its folder is there, that you may write to it, and that it has room.',
    },
  );
}

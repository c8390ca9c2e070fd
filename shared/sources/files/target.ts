import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError } from '../../core/errors.ts';
import { asOutputError } from '../../core/output-error.ts';
import { writeOutputFile } from '../../core/output-file.ts';
import { parallel } from '../../core/parallel.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type { Source } from '../source.ts';
import type { RestoreOptions, RestorePlan, Target } from '../target.ts';
import { refuseLinks, withInnerFolder } from './inner-folder.ts';
import { FilesSource } from './source.ts';
import { pathParts, refuseClashes } from './target-names.ts';

/** A folder as a target of any backup: a file a dataset, with the records as they are stored. */
export class FilesTarget implements Target {
  readonly kind = 'files';
  readonly name: string;
  readonly comparesItself = true;
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.name = `files:${this.#root}`;
  }

  async plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    const datasets = choose(contents, options.datasets);
    refuseClashes(datasets.map(({ name }) => name));
    const conflicts = await this.#findConflicts(datasets, signal);
    const steps = datasets.map(
      ({ name, records }) => `write ${this.#pathOf(name)} as plain data (${plural(records, 'line')})`,
    );
    return {
      target: this.name,
      datasets,
      compare: datasets.filter(({ kind }) => kind === 'data'),
      steps,
      conflicts,
      drops: options.replace ? conflicts : [],
      warnings: [],
      isPlain: true,
    };
  }

  async restore(
    contents: BackupContents,
    plan: RestorePlan,
    options: RestoreOptions & { readonly onProgress: OnProgress; readonly signal: AbortSignal },
  ): Promise<void> {
    const { replace = false, jobs = 2, damaged, onProgress, signal } = options;
    const conflicts = replace ? [] : await this.#findConflicts(plan.datasets, signal);
    if (conflicts.length > 0) {
      throw new HoldfastError('E_TARGET_NOT_EMPTY', `the target has ${conflicts.join(', ')} already`, {
        hint: 'Choose an empty folder, or pass --replace to overwrite these files.',
      });
    }
    let done = 0;
    await parallel(plan.datasets, { most: jobs, signal }, (dataset) =>
      this.#writeFile(contents, dataset, {
        replace,
        // The last line that is left is not the one that had no newline.
        isCut: dataset.attributes['finalNewline'] === false && !damaged?.get(dataset.name)?.isEndLost,
        onBytes: (bytes) => {
          done += bytes;
          onProgress({ kind: 'done', plainBytes: done, storedBytes: 0 });
        },
        signal,
      }),
    );
  }

  asSource(): Source {
    return new FilesSource(this.#root);
  }

  /** Files of these names that are there. @throws E_TARGET_NOT_EMPTY for a folder that no file can replace */
  async #findConflicts(datasets: readonly StoredDataset[], signal: AbortSignal): Promise<readonly string[]> {
    const conflicts: string[] = [];
    for (const { name } of datasets) {
      throwIfAborted(signal);
      await refuseLinks(this.#root, pathParts(name).folders);
      const file = this.#pathOf(name);
      const found = await lstat(file).catch(() => undefined);
      if (found?.isDirectory()) throw isFolder(file);
      if (found) conflicts.push(file);
    }
    return conflicts;
  }

  async #writeFile(
    contents: BackupContents,
    dataset: StoredDataset,
    {
      replace,
      isCut,
      onBytes,
      signal,
    }: {
      readonly replace: boolean;
      readonly isCut: boolean;
      readonly onBytes: (bytes: number) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const name = this.#pathOf(dataset.name);
    const { folders, file } = pathParts(dataset.name);
    const write = (folder: string) =>
      writeOutputFile(path.join(folder, file), { replace, name }, async (output) => {
        for (const partition of dataset.partitions) {
          for await (const bytes of contents.copy(dataset, partition, output.end, signal)) {
            output.grown(bytes);
            onBytes(bytes);
          }
        }
        if (isCut) await output.cut(1);
      });
    await withInnerFolder(this.#root, folders, write).catch((error: unknown) => {
      throw asOutputError(error, name);
    });
  }

  #pathOf(name: string): string {
    const { folders, file } = pathParts(name);
    return path.join(this.#root, ...folders, file);
  }
}

function isFolder(file: string): HoldfastError {
  return new HoldfastError('E_TARGET_NOT_EMPTY', `${file} is a folder; the backup has a file of that name`, {
    hint: 'Restore into another folder, or remove it first: --replace removes no folder.',
  });
}

function choose(contents: BackupContents, names: readonly string[] | undefined): readonly StoredDataset[] {
  const found = contents.datasets.filter(({ name, kind }) =>
    names ? names.includes(name) : kind === 'data' || kind === 'schema',
  );
  const missing = names?.find((name) => !found.some((dataset) => dataset.name === name));
  if (missing === undefined) return found;
  throw new HoldfastError('E_NO_DATASET', `the backup has no dataset '${missing}'`, {
    hint: '`holdfast show KEY` lists them.',
  });
}

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError } from '../../core/errors.ts';
import { writeOutputFile } from '../../core/output-file.ts';
import { parallel } from '../../core/parallel.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { Source } from '../source.ts';
import type { BackupContents, RestoreOptions, RestorePlan, StoredDataset, Target } from '../target.ts';
import { FilesSource } from './files-source.ts';

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
    const conflicts: string[] = [];
    for (const { name } of datasets) {
      throwIfAborted(signal);
      if (await exists(this.#pathOf(name))) conflicts.push(this.#pathOf(name));
    }
    const steps = datasets.map(
      ({ name, records }) => `write ${this.#pathOf(name)} (${plural(records, 'line')})`,
    );
    return {
      target: this.name,
      datasets,
      compare: datasets.filter(({ kind }) => kind === 'data'),
      steps,
      conflicts,
      drops: options.replace ? conflicts : [],
      warnings: [],
    };
  }

  async restore(
    contents: BackupContents,
    plan: RestorePlan,
    options: RestoreOptions & { readonly onProgress: OnProgress; readonly signal: AbortSignal },
  ): Promise<void> {
    const { replace = false, jobs = 2, damaged, onProgress, signal } = options;
    if (plan.conflicts.length > 0 && !replace) {
      throw new HoldfastError('E_TARGET_NOT_EMPTY', `the target has ${plan.conflicts.join(', ')} already`, {
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
    const file = this.#pathOf(dataset.name);
    await writeOutputFile(file, { replace, makeFolder: true }, async (output) => {
      for (const partition of dataset.partitions) {
        for await (const bytes of contents.copy(dataset, partition, output.end, signal)) {
          output.grown(bytes);
          onBytes(bytes);
        }
      }
      if (isCut) await output.cut(1);
    });
  }

  /** @throws E_DAMAGED for a name that would leave the folder */
  #pathOf(name: string): string {
    const file = path.resolve(this.#root, name);
    if (file.startsWith(`${this.#root}${path.sep}`)) return file;
    throw new HoldfastError('E_DAMAGED', `the dataset '${name}' has no place below ${this.#root}`);
  }
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

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

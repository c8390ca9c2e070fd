import { HoldfastError } from '../../../shared/core/errors.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import type { BackupContents, StoredDataset } from '../../../shared/sources/contents.ts';
import type { Scratch, ScratchMark, ScratchServer } from '../../../shared/sources/scratch.ts';
import { leftoverOf, markText, scratchName } from '../../../shared/sources/scratch.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { RestoreOptions, RestorePlan, Target } from '../../../shared/sources/target.ts';
import type { Content } from '../world.ts';
import { recordsOf, singleValue } from '../world.ts';
import { MemoryDatabase } from './database.ts';
import { MemorySource } from './source.ts';

type RestoreRun = Parameters<Target['restore']>[2];

/** The shortest target that keeps every promise of `Target`. */
export class MemoryTarget implements Target {
  readonly kind = 'files';
  readonly name: string;
  readonly comparesItself = false;
  readonly #database: MemoryDatabase;
  readonly #name: string;

  constructor(database: MemoryDatabase, name: string) {
    this.#database = database;
    this.#name = name;
    this.name = `memory:${name}`;
  }

  async plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    if (signal.aborted) throw new HoldfastError('E_ABORTED', 'stopped on request');
    const { datasets: names, replace = false } = options;
    const missing = names?.find((name) => !contents.datasets.some((dataset) => dataset.name === name));
    if (missing !== undefined) throw new HoldfastError('E_NO_DATASET', `there is no ${missing}`);
    const datasets = contents.datasets.filter(({ name }) => names?.includes(name) ?? true);
    const conflicts = datasets.map(({ name }) => name).filter((name) => this.#database.data.has(name));
    return {
      target: this.name,
      datasets,
      compare: datasets,
      steps: datasets.map(({ name }) => `write ${name}`),
      conflicts,
      drops: replace ? conflicts : [],
      warnings: [],
    };
  }

  async restore(contents: BackupContents, _: RestorePlan, options: RestoreRun): Promise<void> {
    const { signal, replace = false, onProgress } = options;
    const { datasets, conflicts } = await this.plan(contents, options, signal);
    if (conflicts.length > 0 && !replace)
      throw new HoldfastError('E_TARGET_NOT_EMPTY', `the target has ${conflicts.join(', ')}`);
    const connection = this.#database.connect();
    try {
      let done = 0;
      for (const dataset of datasets) {
        const blocks: Uint8Array[] = [];
        for (const partition of dataset.partitions)
          for await (const block of contents.read(dataset, partition, signal)) {
            await connection.pass(block.length, signal);
            blocks.push(block);
            done += block.length;
            onProgress({ kind: 'done', plainBytes: done, storedBytes: 0 });
          }
        this.#database.put(dataset.name, contentOf(dataset, Buffer.concat(blocks).toString('utf8')));
      }
    } finally {
      connection.close();
    }
  }

  asSource(): Source {
    return new MemorySource(this.#database, this.#name);
  }
}

export function contentOf({ attributes }: Pick<StoredDataset, 'attributes'>, lines: string): Content {
  const rows = lines
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  if (attributes['shape'] === 'value') return singleValue(rows[0]);
  return recordsOf(rows.map(([key, value]) => [key, typeof value === 'string' ? value : new Map(value)]));
}

/** Scratch targets by name. */
export type MemoryPlaces = Map<string, MadePlace>;

interface MadePlace {
  readonly database: MemoryDatabase;
  /** Undefined where it is no drill's, or is kept. */
  mark: string | undefined;
  readonly at: Date;
}

/** The shortest server for drills that keeps every promise of `ScratchServer`. */
export class MemoryScratchServer implements ScratchServer {
  readonly kind = 'files';
  readonly name = 'memory:drills';
  readonly sharedWarning = 'the drill runs in the memory of the source';
  readonly places: MemoryPlaces;

  constructor(places: MemoryPlaces) {
    this.places = places;
  }

  isServerOf(source: string): boolean {
    return source.startsWith('memory:');
  }

  async inTheWayOf(name: string): Promise<readonly string[]> {
    return this.places.has(name) ? [name] : [];
  }

  async make(
    _: BackupContents,
    mark: ScratchMark,
    { onWarning, signal }: Parameters<ScratchServer['make']>[2],
  ): Promise<Scratch> {
    if (signal.aborted) throw new HoldfastError('E_ABORTED', 'stopped on request');
    const name = scratchName(mark);
    for (const [other, { mark: text, at }] of this.places) {
      if (leftoverOf(other, text ?? '', mark.repository) === undefined) continue;
      if (mark.at.getTime() - at.getTime() < DAY_MS) continue;
      this.places.delete(other);
      onWarning(`removed ${other}`);
    }
    if (this.places.has(name)) throw new HoldfastError('E_TARGET_NOT_EMPTY', `${name} is there`);
    const made: MadePlace = { database: new MemoryDatabase(), mark: markText(mark), at: mark.at };
    this.places.set(name, made);
    return {
      target: new MemoryTarget(made.database, name),
      name: `memory:${name}`,
      server: 'memory 1',
      removal: `forget ${name}`,
      restoreOptions: {},
      leftOut: [],
      compareSchema: async ({ datasets }) => {
        const changed = datasets
          .filter(({ name: of, attributes }) => made.database.data.get(of)?.shape !== attributes['shape'])
          .map((dataset) => dataset.name);
        const outcome = changed.length > 0 ? 'different' : 'equal';
        return { outcome, objects: datasets.length, missing: [], unexpected: [], changed };
      },
      remove: async () => void this.places.delete(name),
      keep: async () => {
        made.mark = undefined;
      },
      close: async () => {},
    };
  }
}

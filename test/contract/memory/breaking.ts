import { isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupContents } from '../../../shared/sources/contents.ts';
import type {
  Consistency,
  DatasetPlan,
  OpenOptions,
  Source,
  SourceView,
} from '../../../shared/sources/source.ts';
import type { MemoryDatabase } from './database.ts';
import { partsOf } from './source.ts';

type Around = { readonly database: MemoryDatabase; readonly parent: BackupContents | undefined };

/** A source that breaks one promise, and the beginning of the promise that is to notice. */
export interface BrokenSource {
  readonly breaks: string;
  readonly how: string;
  readonly source: (source: Source, database: MemoryDatabase) => Source;
}

export function changed(source: Source, change: Partial<Source>): Source {
  const { kind, name, capabilities, sharing } = source;
  return { kind, name, capabilities, sharing, open: (...args) => source.open(...args), ...change };
}

export function withOpen(
  open: (open: Source['open'], database: MemoryDatabase) => Source['open'],
): BrokenSource['source'] {
  return (source, database) => changed(source, { open: open((...args) => source.open(...args), database) });
}

export function withView(
  change: (view: SourceView, around: Around) => Partial<SourceView>,
): BrokenSource['source'] {
  return withOpen((open, database) => async (signal, options: OpenOptions = {}) => {
    const view = await open(signal, options);
    return { ...view, ...change(view, { database, parent: options.parent }) };
  });
}

/** Changes the lines of each partition. */
export function withLines(
  change: (lines: string[], dataset: DatasetPlan) => string[],
): BrokenSource['source'] {
  return withView(({ read }) => ({
    read: async function* (dataset, partition, signal) {
      const blocks: Uint8Array[] = [];
      for await (const block of read(dataset, partition, signal)) blocks.push(block);
      const lines = Buffer.concat(blocks)
        .toString('utf8')
        .split(/(?<=\n)/);
      yield Buffer.from(change(lines, dataset).join(''));
    },
  }));
}

/** Ends quietly where a read fails with such an error. */
export function quiet(isQuiet: (error: unknown) => boolean): BrokenSource['source'] {
  return withView(({ read }) => ({
    read: async function* (...args) {
      try {
        yield* read(...args);
      } catch (error) {
        if (!isQuiet(error)) throw error;
      }
    },
  }));
}

/** Reads what is there at each block, not what was there at first. */
export function withoutSnapshot(consistency: Consistency): BrokenSource['source'] {
  return withView((_, { database }) => ({
    consistency,
    read: async function* ({ name }, partition) {
      for (let at = Number(partition.name) * 2000; ; at++) {
        const line = partsOf(database.data.get(name)).flat()[at];
        if (line === undefined) return;
        yield Buffer.from(line);
      }
    },
  }));
}

export function sameAs(isSame: (dataset: DatasetPlan, parent: BackupContents | undefined) => boolean) {
  return withView((view, { parent }) => ({
    datasets: view.datasets.map((dataset) => ({
      ...dataset,
      partitions: dataset.partitions.map((partition) => ({
        ...partition,
        sameAsParent: isSame(dataset, parent),
      })),
    })),
  }));
}

/** Gives the parent's records where a sign says that nothing changed. */
export function trusting(
  sign: (dataset: DatasetPlan, parent: BackupContents) => boolean,
): BrokenSource['source'] {
  return withView((view, { parent }) => ({
    read: async function* (dataset, partition, signal) {
      const before = parent?.datasets.find(({ name }) => name === dataset.name);
      const part = before?.partitions.find(({ name }) => name === partition.name);
      if (parent && before && part && sign(dataset, parent)) yield* parent.read(before, part, signal);
      else yield* view.read(dataset, partition, signal);
    },
  }));
}

export const isLost = (error: unknown) => isHoldfastError(error, 'E_SOURCE_LOST');
export const isStopped = (error: unknown) => isHoldfastError(error, 'E_ABORTED');

/** The records of a block, the last first. */
export function turned(block: Uint8Array): Buffer {
  return Buffer.from(
    block
      .toString()
      .split(/(?<=\n)/)
      .reverse()
      .join(''),
  );
}

/** The second view turns the records around. */
export function inTurns(): BrokenSource['source'] {
  let views = 0;
  return withView((view) => {
    const isSecond = views++ % 2 === 1;
    return {
      read: async function* (...args) {
        for await (const block of view.read(...args)) yield isSecond ? turned(block) : block;
      },
    };
  });
}

/** Blocks go to who asks first. */
export function mixing(): BrokenSource['source'] {
  return withView((view) => {
    const queue: Uint8Array[] = [];
    return {
      read: async function* (...args) {
        for await (const block of view.read(...args)) {
          queue.push(block);
          await new Promise((resolve) => setImmediate(resolve));
          yield queue.pop() ?? block;
        }
      },
    };
  });
}

/** Datasets of the parent that are gone are given as they were. */
export function keeping(): BrokenSource['source'] {
  return withView((view, { parent }) => {
    const gone = (parent?.datasets ?? []).filter(
      ({ name }) => !view.datasets.some((one) => one.name === name),
    );
    return {
      datasets: [
        ...view.datasets,
        ...gone.map(({ partitions, ...one }) => ({
          ...one,
          partitions: partitions.map(({ name }) => ({ name, estimatedBytes: 1 })),
        })),
      ],
      read: (dataset, partition, signal) => {
        const found = gone.find(({ name }) => name === dataset.name);
        const part = found?.partitions.find(({ name }) => name === partition.name);
        return parent && found && part
          ? parent.read(found, part, signal)
          : view.read(dataset, partition, signal);
      },
    };
  });
}

import type { DatasetPlan, PartitionPlan, Source } from '../../../shared/sources/source.ts';
import { never } from '../repository/engine.ts';

/** All that a source held when it was read. */
export interface Recording {
  readonly source: Source;
  readonly datasets: readonly DatasetPlan[];
  readonly server: string;
  readonly position: string;
  readonly omitted: readonly string[];
  /** Lines by dataset and partition. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
}

const nameOf = (dataset: DatasetPlan, partition: PartitionPlan) => `${dataset.name} ${partition.name}`;

/** Reads a source once. */
export async function recordSource(source: Source): Promise<Recording> {
  await using view = await source.open(never);
  const lines = new Map<string, readonly string[]>();
  for (const dataset of view.datasets)
    for (const partition of dataset.partitions) {
      const blocks: Buffer[] = [];
      for await (const block of view.read(dataset, partition, never)) blocks.push(Buffer.from(block));
      lines.set(
        nameOf(dataset, partition),
        Buffer.concat(blocks)
          .toString('latin1')
          .split(/(?<=\n)/),
      );
    }
  const { datasets, server, position, omitted } = view;
  return { source, datasets, server, position, omitted, lines };
}

/**
 * The source as it was when its tables had fewer rows.
 *
 * @param rowsOf how many of the first rows a table had; undefined: all of them
 */
export function replayOf(
  { source, datasets, server, position, omitted, lines }: Recording,
  rowsOf: (dataset: string) => number | undefined,
): Source {
  const { kind, name, capabilities } = source;
  return {
    kind,
    name,
    capabilities,
    open: async () => ({
      position,
      server,
      omitted,
      datasets,
      read: async function* (dataset, partition) {
        const all = lines.get(nameOf(dataset, partition)) ?? [];
        const some = dataset.kind === 'schema' ? all : all.slice(0, rowsOf(dataset.name));
        yield Buffer.from(some.join(''), 'latin1');
      },
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

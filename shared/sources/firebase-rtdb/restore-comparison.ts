import type { DatasetPlan, Source, SourceView } from '../source.ts';
import type { BackupContents, StoredDataset } from '../target.ts';
import type { FirebaseConnection } from './connection.ts';
import type { FirebaseOptions } from './options.ts';
import { blocksOf } from './records.ts';
import { readSelection } from './selection.ts';
import type { PlacedSelection } from './target.ts';
import { readPlace } from './target-view.ts';

/** The selections of a restore as if each were a dataset: the backup's side of the comparison. */
export function comparedContents(
  contents: BackupContents,
  selections: readonly PlacedSelection[],
  datasets: readonly StoredDataset[],
): BackupContents {
  return {
    ...contents,
    datasets,
    read: (dataset, _, signal) => {
      const found = selections.find(({ name }) => name === dataset.name);
      return blocksOf(found ? lines(readSelection(contents, found, signal)) : []);
    },
  };
}

/** The places of a restore as if each were a dataset: the target's side. */
export function comparedSource(
  name: string,
  selections: readonly PlacedSelection[],
  connect: () => FirebaseConnection,
  options: FirebaseOptions,
): Source {
  return {
    kind: 'firebase-rtdb',
    name,
    capabilities: { consistency: 'per-subtree', maxReaders: options.readers },
    open: async (): Promise<SourceView> => {
      const connection = connect();
      return {
        position: '',
        server: 'Firebase Realtime Database',
        datasets: selections.map(planOf),
        omitted: [],
        read: (dataset, _, signal) => {
          const selection = selections.find((one) => one.name === dataset.name);
          return blocksOf(selection ? lines(readPlace({ connection, options, selection, signal })) : []);
        },
        check: async () => {},
        [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
      };
    },
  };
}

function planOf({ name, dataset, plainBytes }: PlacedSelection): DatasetPlan {
  const { attributes } = dataset;
  return { name, kind: 'data', attributes, partitions: [{ name: '0', estimatedBytes: plainBytes }] };
}

async function* lines(records: AsyncIterable<{ readonly line: string }>): AsyncGenerator<string> {
  for await (const { line } of records) yield line;
}

import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { DatasetPlan, Source, SourceView } from '../../source.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import type { FirebaseOptions } from '../connection/options.ts';
import { leavesAmong, leavesOf } from '../text/record-parts.ts';
import { blocksOf } from '../text/records.ts';
import type { PlacedSelection } from './placed-selection.ts';
import { readSelection } from './selection.ts';
import { readPlace } from './target-view.ts';

interface Merging {
  /** Values are compared one by one, as the target may hold others beside them at every depth. */
  readonly merge: boolean;
}

interface ComparedTarget {
  readonly name: string;
  readonly options: FirebaseOptions;
  readonly connect: () => FirebaseConnection;
}

/** The selections of a restore as if each were a dataset: the backup's side of the comparison. */
export function comparedContents(
  contents: BackupContents,
  selections: readonly PlacedSelection[],
  datasets: readonly StoredDataset[],
  { merge }: Merging,
): BackupContents {
  return {
    ...contents,
    datasets,
    read: (dataset, _, signal) => {
      const found = selections.find(({ name }) => name === dataset.name);
      if (!found) return blocksOf([]);
      const records = readSelection(contents, found, signal);
      return blocksOf(lines(merge ? leavesOf(records) : records));
    },
  };
}

/**
 * The places of a restore as if each were a dataset: the target's side. Of a merge, only values whose paths the backup has
 * too: the target may hold others.
 */
export function comparedSource(
  contents: BackupContents,
  selections: readonly PlacedSelection[],
  { name, options, connect, merge }: Merging & ComparedTarget,
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
          if (!selection) return blocksOf([]);
          const held = readPlace({ connection, options, selection, signal });
          if (!merge) return blocksOf(lines(held));
          const wanted = leavesOf(readSelection(contents, selection, signal));
          return blocksOf(lines(leavesAmong(leavesOf(held), wanted)));
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

import type { Repository } from '../../repository/repository.ts';
import type { ChangeTransaction, ReplayUntil } from '../../sources/changes.ts';
import type { StoredDataset, StoredPartition } from '../../sources/contents.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import { backupVersion, type Version } from '../inside/version.ts';
import { openChosen, rowsAfter, transactionsAfter, valueDecoder } from './base-and-stream.ts';
import type { ChosenMoment } from './choose-moment.ts';
import { queriedMoment } from './queried-moment.ts';

/**
 * A moment as a version to compare with: its base with the changes on top, without restoring it. Rows that changed are held.
 *
 * @throws E_SOURCE_UNSUPPORTED for a kind whose changes do not say what rows hold; E_USAGE for more of them than are held;
 *   E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function momentVersion(
  repository: Repository,
  chosen: ChosenMoment,
  plugin: ChangePlugin,
  signal: AbortSignal,
): Promise<Version> {
  const decoder = await valueDecoder(plugin, 'rows of a moment');
  const stream = await openChosen(repository, decoder, chosen, signal);
  const transactions = upTo(transactionsAfter(repository, stream, signal), chosen.until);
  const moment = queriedMoment(stream, await rowsAfter(transactions, stream));
  const { reader: _, ...base } = backupVersion(stream.reader);
  // Rows that came lie in no partition of the base: each dataset is one.
  const whole = new Map<StoredPartition, StoredDataset>();
  const datasets = base.contents.datasets.map((dataset) => {
    const found = moment.datasets.find(({ name }) => name === dataset.name);
    if (!found || dataset.kind !== 'data') return dataset;
    const { records, plainBytes } = found;
    const partition = { name: '', records, plainBytes };
    whole.set(partition, found);
    return { ...dataset, records, partitions: [partition] };
  });
  const { contents } = base;
  return {
    ...base,
    contents: {
      ...contents,
      datasets,
      read(dataset, partition, stopping) {
        const found = whole.get(partition);
        return found ? moment.read(found, {}, stopping) : contents.read(dataset, partition, stopping);
      },
    },
  };
}

/** Those that a replay up to there applies. */
async function* upTo(
  transactions: AsyncIterable<ChangeTransaction>,
  { at, beforeTransaction }: ReplayUntil,
): AsyncGenerator<ChangeTransaction> {
  for await (const transaction of transactions) {
    if (transaction.id === beforeTransaction) return;
    if (at !== undefined && transaction.committedAt > at) return;
    yield transaction;
  }
}

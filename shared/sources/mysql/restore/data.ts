import { isHoldfastError } from '../../../core/errors.ts';
import { parallel } from '../../../core/parallel.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { RestoreFailure } from '../../target.ts';
import { isTableAttributes } from '../datasets/attributes.ts';
import { errorNumber } from '../errors.ts';
import { insertRows } from '../rows/insert-rows.ts';
import type { RestoreSessions } from './sessions.ts';

export interface RestoreDataOptions {
  readonly sessions: RestoreSessions;
  readonly jobs: number;
  readonly onBytes: (bytes: number) => void;
  /** Called with tables that could not be written. Undefined: the first is thrown. */
  readonly onFailure: ((failure: RestoreFailure) => void) | undefined;
  readonly signal: AbortSignal;
}

/** Puts rows into the tables, several partitions at once, the largest first. */
export async function restoreData(
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  { sessions, jobs, onBytes, onFailure, signal }: RestoreDataOptions,
): Promise<void> {
  const [setting] = await sessions.use((session) =>
    session.query<{ most: string }>('SELECT @@max_allowed_packet AS most', signal),
  );
  const mostBytes = Number(setting?.most);
  const parts = datasets
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })))
    .filter(({ partition }) => partition.plainBytes > 0)
    .toSorted((a, b) => b.partition.plainBytes - a.partition.plainBytes);
  await parallel(parts, { most: jobs, signal }, async ({ dataset, partition }, stopping) => {
    const { attributes, name } = dataset;
    if (!isTableAttributes(attributes)) return;
    const records = contents.read(dataset, partition, stopping);
    try {
      await sessions.use((session) =>
        insertRows(session, attributes, records, { object: name, mostBytes, signal: stopping, onBytes }),
      );
    } catch (error) {
      if (!onFailure || !isHoldfastError(error) || errorNumber(error) === undefined) throw error;
      onFailure({ object: name, message: error.message, dataset: name });
    }
  });
}

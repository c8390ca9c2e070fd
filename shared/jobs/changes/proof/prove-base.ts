import { HoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { ChangeJoin, ChangeTransaction } from '../../../sources/changes.ts';
import type { ChangePlugin } from '../../../sources/plugin.ts';
import { backupVersion } from '../../inside/version.ts';
import { chooseMoment, hasDefinitions } from '../choose-moment.ts';
import { compareWithStream, type DatasetProof, provingDecoder } from './compare-with-stream.ts';

/** Whether a base is the one before it and what the stream has between the two. */
export interface Proof {
  readonly base: BackupKey;
  readonly before: BackupKey;
  readonly segments: number;
  /** Transactions that the earlier base lacks and the later one has. */
  readonly transactions: number;
  readonly state: 'equal' | 'different';
  readonly datasets: readonly DatasetProof[];
}

/** Which base is proven. */
export interface ProveOptions {
  readonly base: BackupKey;
  readonly plugin: ChangePlugin;
  /** @default 64 MiB */
  readonly mostHeldBytes?: number | undefined;
  readonly onWarning?: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Proves the stream by two backups that know nothing of it: the later one must be the earlier one and the stored changes between
 * them, row by row. Of the backups only what differs between them is read, unless the stream empties a table or changes rows back.
 *
 * @throws E_NO_MOMENT if no earlier base leads to it by stored changes; E_SOURCE_UNSUPPORTED, also if none of what changed can be
 *   compared; E_USAGE, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function proveBase(repository: Repository, options: ProveOptions): Promise<Proof> {
  const { base, plugin, signal, mostHeldBytes } = options;
  const decoder = await provingDecoder(plugin);
  const later = await openBase(repository, base, signal);
  const chosen = await chooseMoment(repository, {
    source: later.reader.manifest.source,
    until: { at: later.join.at },
    compare: plugin.compare,
    olderThan: base,
    ...(options.onWarning ? { onWarning: options.onWarning } : {}),
    signal,
  });
  const { segments } = chosen;
  if (hasDefinitions(chosen))
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `tables were defined anew between ${chosen.base.key} and ${base}: their rows cannot be compared`,
      { hint: 'The next backup is proven from this one on.' },
    );
  const earlier = await openBase(repository, chosen.base.key as BackupKey, signal);
  const isBetween = (transaction: ChangeTransaction) =>
    !decoder.hasTransaction(earlier.join, transaction) && decoder.hasTransaction(later.join, transaction);
  const { transactions, datasets, whyUnproven } = await compareWithStream(
    {
      context: repository.context,
      segments,
      decoder,
      join: earlier.join,
      begin: () => isBetween,
      mostHeldBytes,
      signal,
    },
    backupVersion(earlier.reader),
    backupVersion(later.reader),
  );
  if (whyUnproven !== undefined)
    throw new HoldfastError('E_SOURCE_UNSUPPORTED', whyUnproven, {
      hint: 'The next backup is proven from this one on.',
    });
  return {
    base,
    before: chosen.base.key as BackupKey,
    segments: segments.length,
    transactions,
    state: datasets.some(({ state }) => state === 'different') ? 'different' : 'equal',
    datasets,
  };
}

/** A backup, and where it joins the changes. @throws E_USAGE if it does not, E_NO_BACKUP, E_DAMAGED, E_STORE_* */
export async function openBase(
  repository: Repository,
  key: BackupKey,
  signal: AbortSignal,
): Promise<{ readonly reader: BackupReader; readonly join: ChangeJoin }> {
  const reader = await repository.openBackup(key, signal);
  const { join } = reader.catalog;
  if (join) return { reader, join };
  throw new HoldfastError('E_USAGE', `${key} does not record where the changes of its source continue`, {
    hint: 'Set up continuous backup (`holdfast pitr setup`), then make a backup.',
  });
}

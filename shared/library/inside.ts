import { HoldfastError } from '../core/errors.ts';
import { type DatasetDiff, diffBackups } from '../jobs/inside/diff.ts';
import { type RowsOfBackup, readRows } from '../jobs/inside/read-rows.ts';
import { type RowVersion, rowHistory } from '../jobs/inside/row-history.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { list } from './list.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** Which rows of a backup are wanted. */
export interface ReadRowsOptions {
  /** The table or node. @default the only one that the backup has */
  readonly dataset?: string;
  /** Conditions that must all hold, such as `id = 42`, `total >= 10.50`, `email ~ @example.org`, `note is null`. */
  readonly where?: readonly string[];
  /** Names of columns, in the order in which they are wanted. @default all */
  readonly columns?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Rows of a backup, read where they lie. Who stops asking for rows stops the reading.
 *
 * @param backup as `restore` takes it
 * @throws HoldfastError E_NO_BACKUP, E_NO_DATASET, E_USAGE for a condition or column that cannot be, E_NO_KEY, E_DAMAGED,
 *   E_STORE_*, E_ABORTED
 */
export async function readBackupRows(
  opened: OpenRepository,
  backup: string,
  { signal = NEVER, ...options }: ReadRowsOptions = {},
): Promise<RowsOfBackup> {
  const { repository } = engineOf(opened);
  const key = await chooseBackup(repository, backup, { signal });
  return readRows(await repository.openBackup(key, signal), { ...options, signal });
}

/** What of two backups is compared. */
export interface DiffOptions {
  /** Names. @default all datasets, definitions too */
  readonly datasets?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * What differs from one backup to another, dataset by dataset; only chunks are read that the two do not share.
 *
 * @param first as `restore` takes it, like `second`
 * @throws HoldfastError E_NO_BACKUP, E_NO_DATASET, E_NO_KEY, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* diff(
  opened: OpenRepository,
  first: string,
  second: string,
  { datasets, signal = NEVER }: DiffOptions = {},
): AsyncGenerator<DatasetDiff> {
  const { repository } = engineOf(opened);
  const open = async (backup: string) =>
    repository.openBackup(await chooseBackup(repository, backup, { signal }), signal);
  yield* diffBackups(await open(first), await open(second), { datasets, signal });
}

/** Which row, and whose backups. */
export interface HistoryOptions {
  /** The table or node. */
  readonly dataset: string;
  /** Values of the columns of its primary key, in their order. */
  readonly key: readonly string[];
  /** Whose backups, by name. @default the only source that the repository has */
  readonly source?: string;
  readonly signal?: AbortSignal;
}

/**
 * Every version of a row over the backups of a source, oldest first. Damaged backups are left out.
 *
 * @throws HoldfastError E_NO_DATASET, E_USAGE for rows without a key, for a key of another form and if there are several sources,
 *   E_NO_KEY, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* history(
  opened: OpenRepository,
  { dataset, key: rowKey, source, signal = NEVER }: HistoryOptions,
): AsyncGenerator<RowVersion> {
  const all = await list(opened, { ...(source === undefined ? {} : { source }), signal });
  const whole = all.filter(({ state }) => state !== 'damaged').toReversed();
  const names = [...new Set(whole.map((backup) => backup.source.name))];
  if (names.length > 1)
    throw new HoldfastError('E_USAGE', `the repository has backups of ${names.join(', ')}`, {
      hint: 'Name one of them as `source`.',
    });
  const backups = whole.map(({ key }) => key);
  yield* rowHistory(engineOf(opened).repository, { backups, dataset, rowKey, signal });
}

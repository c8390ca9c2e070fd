import { type DatasetDiff, diffVersions } from '../jobs/inside/diff.ts';
import { diffSql as sqlOf } from '../jobs/inside/diff-sql.ts';
import { backupsOfOneSource, changesFor } from '../jobs/inside/one-source.ts';
import { type RowsOfBackup, readRows } from '../jobs/inside/read-rows.ts';
import { type RowVersion, rowHistory } from '../jobs/inside/row-history.ts';
import { backupVersion, openLive, type Version } from '../jobs/inside/version.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { list } from './list.ts';
import { type Place, sourceAt } from './places.ts';
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

/** One of the two that `diff` compares: a backup as `restore` takes it, or a database as it is now. */
export type DiffSide = string | { readonly live: string | Place };

/** What of the two is compared. */
export interface DiffOptions {
  /** Names. @default all datasets, definitions too */
  readonly datasets?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * What differs from one backup to another, dataset by dataset; only chunks are read that the two do not share. A database as it is
 * now, `{ live: 'postgres://…' }`, is read whole and as of one moment, and that it held is known when the last dataset was given.
 *
 * @throws HoldfastError E_NO_BACKUP, E_NO_DATASET, E_USAGE for two kinds of databases, E_NO_KEY, E_DAMAGED, E_STORE_*, E_SOURCE_*,
 *   E_ABORTED
 */
export async function* diff(
  opened: OpenRepository,
  first: DiffSide,
  second: DiffSide,
  { datasets, signal = NEVER }: DiffOptions = {},
): AsyncGenerator<DatasetDiff> {
  await using a = await openSide(opened, first, signal);
  await using b = await openSide(opened, second, signal);
  yield* diffVersions(a, b, { datasets, signal });
  for (const version of [a, b]) await version.check(signal);
}

/** What else statements of a difference are written with. */
export interface DiffSqlOptions extends DiffOptions {
  /** Told of what the statements leave out: definitions, tables that only one of the two has. */
  readonly onLeftOut?: (what: string) => void;
}

/**
 * Statements that turn the rows of `from` into those of `to`, in one transaction, for the database's own client: pieces of a script.
 *
 * @throws as `diff`, and E_USAGE for a kind of database without SQL
 */
export async function* diffSql(
  opened: OpenRepository,
  from: DiffSide,
  to: DiffSide,
  { signal = NEVER, ...options }: DiffSqlOptions = {},
): AsyncGenerator<string> {
  await using a = await openSide(opened, from, signal);
  await using b = await openSide(opened, to, signal);
  yield* sqlOf(a, b, { ...options, signal });
}

async function openSide(opened: OpenRepository, side: DiffSide, signal: AbortSignal): Promise<Version> {
  if (typeof side !== 'string') return openLive(await sourceAt(side.live), signal);
  const { repository } = engineOf(opened);
  const open = async () => repository.openBackup(await chooseBackup(repository, side, { signal }), signal);
  return backupVersion(await repository.openWarm(open));
}

/** Which row, and whose backups. */
export interface HistoryOptions {
  /** The table or node. */
  readonly dataset: string;
  /** Values of the columns of its primary key, in their order. */
  readonly key: readonly string[];
  /** Whose backups, by name. @default the only source that the repository has */
  readonly source?: string;
  /** Also versions between backups, from the stored changes of continuous backup. @default false */
  readonly moments?: boolean;
  /** Told where versions between backups are not known, and why. */
  readonly onWarning?: (message: string) => void;
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
  { dataset, key: rowKey, source, moments = false, onWarning = () => {}, signal = NEVER }: HistoryOptions,
): AsyncGenerator<RowVersion> {
  const all = await list(opened, { signal });
  const backups = backupsOfOneSource(all, source, '`source`').toReversed();
  const changes = moments ? changesFor(backups[0]) : undefined;
  const keys = backups.map(({ key }) => key);
  yield* rowHistory(engineOf(opened).repository, {
    backups: keys,
    dataset,
    rowKey,
    changes,
    onWarning,
    signal,
  });
}

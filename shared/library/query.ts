import { HoldfastError } from '../core/errors.ts';
import type { ResultValue } from '../jobs/inside/query/messages.ts';
import { MOST_QUERIED } from '../jobs/inside/query/messages.ts';
import { DEFAULT_QUERY_BYTES, runQuery } from '../jobs/inside/query/query.ts';
import { chooseBackup } from '../jobs/restore/choose-backup.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** How a query is run. */
export interface QueryBackupOptions {
  /** What DuckDB may use of memory, in bytes. Nothing is put on a disk. @default 1 GiB */
  readonly memoryBytes?: number;
  /** Told of columns whose type is not what the database calls it, and of values that no type of a query can hold. */
  readonly onWarning?: (warning: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Rows that one SQL statement finds in backups, by the names of their columns. The first backup is called `a`, the second `b`. Who stops
 * asking for rows stops the reading. Needs the package `@duckdb/node-api`.
 *
 * @param backups as `restore` takes them; at most 26
 * @throws HoldfastError E_CONFIG if DuckDB is not installed, E_USAGE for SQL that is wrong or does not only read, E_NO_DATASET, E_NO_BACKUP,
 *   E_NO_KEY, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* queryBackup(
  opened: OpenRepository,
  backups: string | readonly string[],
  sql: string,
  { memoryBytes = DEFAULT_QUERY_BYTES, onWarning, signal = NEVER }: QueryBackupOptions = {},
): AsyncGenerator<Readonly<Record<string, ResultValue>>> {
  const words = typeof backups === 'string' ? [backups] : backups;
  if (words.length === 0 || words.length > MOST_QUERIED)
    throw new HoldfastError(
      'E_USAGE',
      `a query has 1 to ${MOST_QUERIED} backups; ${words.length} were given`,
    );
  const { repository } = engineOf(opened);
  const readers = [];
  for (const word of words)
    readers.push(await repository.openBackup(await chooseBackup(repository, word, { signal }), signal));
  await using result = await runQuery(readers, sql, { memoryBytes, onWarning, signal });
  const { columns } = result;
  for await (const batch of result.rows())
    for (const row of batch) yield Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null]));
}

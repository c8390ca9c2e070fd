import { type BisectResult, bisect as search } from '../jobs/inside/bisect/bisect.ts';
import { backupsOfOneSource } from '../jobs/inside/one-source.ts';
import { pluginNamed } from '../sources/registry.ts';
import { list } from './list.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** What is searched for, and where. */
export interface BisectOptions {
  /**
   * One SQL statement of DuckDB. It fails if it finds a row, `select * from orders where total < 0`; or if its only column is a boolean
   * that is not true, `select count(*) > 0 from customers`.
   */
  readonly check: string;
  /** Whose backups, by name. @default the only source that the repository has */
  readonly source?: string;
  /** Checks every backup. @default about log2 of them */
  readonly all?: boolean;
  /** What DuckDB may use of memory, in bytes. @default 1 GiB */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal;
}

/**
 * The first backup of a source in which a check fails, and with the stored changes of continuous backup the transaction that broke it.
 * Needs the package `@duckdb/node-api`.
 *
 * @throws HoldfastError E_NO_BACKUP, E_CONFIG if DuckDB is not installed, E_USAGE for a check that no backup can be asked, E_NO_KEY,
 *   E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function bisect(
  opened: OpenRepository,
  { check, source, all = false, memoryBytes, signal = NEVER }: BisectOptions,
): Promise<BisectResult> {
  const backups = backupsOfOneSource(await list(opened, { signal }), source, '`source`').toReversed();
  return search(engineOf(opened).repository, {
    backups: backups.map(({ key }) => key),
    check,
    isAll: all,
    memoryBytes,
    changes: pluginNamed(backups[0]?.source.kind ?? '')?.changes,
    signal,
  });
}

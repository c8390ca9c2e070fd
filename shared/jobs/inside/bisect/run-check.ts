import { isHoldfastError } from '../../../core/errors.ts';
import type { ResultColumn, ResultValue } from '../query/messages.ts';
import type { Queried } from '../query/queried.ts';
import { runQueryOver } from '../query/query.ts';

/** Rows of a check that failed, which are shown. */
const MOST_SHOWN = 5;

/** What a check found. */
export interface CheckOutcome {
  /** `not checked`: what it names is not there. */
  readonly outcome: 'holds' | 'fails' | 'not checked';
  /** Why it could not be checked. */
  readonly why?: string;
  readonly columns: readonly ResultColumn[];
  /** The first rows that it found, if it fails. */
  readonly rows: readonly (readonly ResultValue[])[];
}

/** How a check is run. */
export interface CheckOptions {
  /** What DuckDB may use of memory. @default 1 GiB */
  readonly memoryBytes?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Runs a check: one SQL statement of DuckDB. It holds if it finds no row, or if its only column is a boolean that is true in each row:
 * so a check is a search for what is wrong, `select * from orders where total < 0`, or a statement, `select sum(total) > 0 from orders`.
 *
 * @throws E_CONFIG if DuckDB is not installed; E_USAGE for SQL that only writes or cannot be read; E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function runCheck(queried: Queried, sql: string, options: CheckOptions): Promise<CheckOutcome> {
  try {
    await using result = await runQueryOver([queried], sql, options);
    const { columns } = result;
    const isStatement = columns.length === 1 && columns[0]?.type === 'BOOLEAN';
    const rows: (readonly ResultValue[])[] = [];
    for await (const batch of result.rows()) {
      rows.push(...batch.filter(([value]) => !isStatement || value !== true));
      if (rows.length >= MOST_SHOWN) break;
    }
    return rows.length === 0
      ? { outcome: 'holds', columns, rows }
      : { outcome: 'fails', columns, rows: rows.slice(0, MOST_SHOWN) };
  } catch (error) {
    if (!isHoldfastError(error, 'E_NO_DATASET') && !isHoldfastError(error, 'E_USAGE')) throw error;
    return { outcome: 'not checked', why: error.message, columns: [], rows: [] };
  }
}

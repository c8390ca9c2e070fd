import type pg from 'pg';
import type { Check } from '../../source-checks.ts';
import { query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';

/** What the checks of one server share. */
export interface CheckContext {
  readonly options: PostgresOptions;
  /** Set by `login`. */
  client: pg.Client | undefined;
}

/** A check of a PostgreSQL. */
export type PostgresCheck = Check<CheckContext>;

/** Rows of a statement in the session of `login`. @throws E_SOURCE_*, E_ABORTED */
export async function askServer<Row extends pg.QueryResultRow>(
  { client }: CheckContext,
  sql: string,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  return client ? query<Row>(client, sql, signal) : [];
}

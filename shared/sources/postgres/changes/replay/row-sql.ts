import type pg from 'pg';
import { hasBytes } from '../../../byte-text.ts';
import { query } from '../../connection/connection.ts';
import { quoteIdent, quoteLiteral } from '../../text/identifiers.ts';
import type { Value } from '../messages.ts';
import type { TargetColumn } from './target-table.ts';

/** Columns of values that a statement gets, as a relation `s` with the columns `c0`, `c1` … */
export interface RowsSql {
  /** For FROM. */
  readonly from: string;
  readonly values: readonly string[];
}

/**
 * Rows as one array a column: a statement of a few parameters for any number of rows, and each value is read by its type's own input
 * function, as COPY does.
 *
 * @param places of the columns in the rows; those of all if left out
 */
export function rowsSql(
  columns: readonly Pick<TargetColumn, 'arrayType'>[],
  rows: readonly (readonly Value[])[],
  places: readonly number[] = columns.map((_, place) => place),
): RowsSql {
  if (columns.length === 0)
    return { from: `pg_catalog.generate_series(1, ${rows.length}) AS s(c0)`, values: [] };
  const values = places.map((place) => arrayText(rows, place));
  const parameters = columns.map(({ arrayType }, i) => `$${i + 1}::${arrayType}`);
  const names = columns.map((_, i) => `c${i}`);
  return { from: `unnest(${parameters.join(', ')}) AS s(${names.join(', ')})`, values };
}

/** A value of `rowsSql` in its column's type. @param place of the column there */
export function valueSql({ castTo }: Pick<TargetColumn, 'castTo'>, place: number): string {
  return castTo === undefined ? `s.c${place}` : `s.c${place}::${castTo}`;
}

const QUOTED = /["\\]/;

function arrayText(rows: readonly (readonly Value[])[], column: number): string {
  let text = '{';
  for (const [i, row] of rows.entries()) {
    if (i > 0) text += ',';
    const value = row[column];
    if (typeof value !== 'string') text += 'NULL';
    else text += QUOTED.test(value) ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : `"${value}"`;
  }
  return `${text}}`;
}

/**
 * How many rows an INSERT, UPDATE or DELETE met.
 *
 * @param sql without RETURNING
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function countRows(
  client: pg.Client,
  sql: string,
  {
    values,
    object,
    signal,
  }: { readonly values: readonly string[]; readonly object: string; readonly signal: AbortSignal },
): Promise<number> {
  const counted = `WITH done AS (${sql} RETURNING 1) SELECT count(*)::text AS n FROM done`;
  const [row] = await run<{ n: string }>(client, counted, { values, object, signal });
  return Number(row?.n);
}

/** Runs a statement with values that need not be UTF-8. @throws E_SOURCE_*, E_ABORTED */
export async function run<Row extends pg.QueryResultRow>(
  client: pg.Client,
  sql: string,
  {
    values,
    object,
    signal,
  }: { readonly values: readonly string[]; readonly object: string; readonly signal: AbortSignal },
): Promise<readonly Row[]> {
  if (!values.some(hasBytes)) return query<Row>(client, sql, signal, { values, object });
  const text = sql.replaceAll(/\$(\d+)(?=::)/g, (_, n: string) => quoteLiteral(values[Number(n) - 1] ?? ''));
  return query<Row>(client, text, signal, { object });
}

/** `"a", "b"`, or what stands for no columns. */
export function columnList(columns: readonly Pick<TargetColumn, 'name'>[]): string {
  return columns.map(({ name }) => quoteIdent(name)).join(', ');
}

import type { JsonObject } from '../core/json.ts';

/** What a column's values are to a query. */
export type QueryType =
  | {
      readonly kind:
        | 'boolean'
        | 'tinyint'
        | 'smallint'
        | 'integer'
        | 'utinyint'
        | 'usmallint'
        | 'uinteger'
        | 'float'
        | 'double'
        | 'bigint'
        | 'ubigint'
        | 'text'
        | 'json'
        | 'bytes'
        | 'uuid'
        | 'date'
        | 'time'
        | 'timetz'
        | 'timestamp'
        | 'timestamptz'
        | 'interval';
    }
  | { readonly kind: 'decimal' /** At most 38. */; readonly digits: number; readonly scale: number }
  | { readonly kind: 'list'; readonly of: QueryType };

/** Most digits of a decimal number in a query. */
export const MOST_DIGITS = 38;

/** Of an `interval`. */
export interface QueryInterval {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

/** Of a `timetz`: its own clock's time, and how far that is ahead of UTC. */
export interface QueryZonedTime {
  readonly micros: bigint;
  readonly offsetSeconds: number;
}

/**
 * A value, by its type:
 *
 * - `boolean`: a boolean; numbers of up to 32 bits, `float`, `double`: a number; `bigint`, `ubigint`: a bigint
 * - `decimal`: the number without its point, as a bigint: 12.50 of scale 2 is 1250n
 * - `text`, `json`: a string; `uuid`: its 128 bits as a bigint; `bytes`: a Uint8Array
 * - `date`: days since 1970-01-01; `Infinity` and `-Infinity` are dates of their own
 * - `time`: microseconds since midnight; `timestamp`, `timestamptz`: since 1970, the latter in UTC, as a bigint; INFINITE, or its negative
 * - `list`: an array of such
 */
export type QueryValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | QueryInterval
  | QueryZonedTime
  | readonly (QueryValue | null)[];

/** A moment after all others. */
export const INFINITE = 2n ** 63n - 1n;

/** A column of a dataset, as a query has it. */
export interface QueryColumn {
  readonly name: string;
  readonly type: QueryType;
  /** Why it is not what the database calls it; a sentence without its full stop. */
  readonly note?: string;
}

/** A row's values; null for NULL, undefined for a value that the column's type cannot hold. */
export type QueryRow = readonly (QueryValue | null | undefined)[];

/** How a dataset is queried. */
export interface QueryShape {
  /** Its name in SQL. */
  readonly name: string;
  readonly schema?: string;
  readonly columns: readonly QueryColumn[];
  /** Records are fields with tabs between them, one for each column: some of them can be read alone. */
  readonly hasFields: boolean;
  /**
   * Reads records, without their newline, as rows.
   *
   * @param places of the wanted columns, ascending; with `hasFields`, records have only these fields
   */
  parser(places: readonly number[]): (record: Uint8Array) => QueryRow;
}

/**
 * Says how a dataset is queried, by what the backup's catalog says of it alone.
 *
 * @returns undefined for a dataset whose records have no columns
 */
export type QueryReader = (dataset: {
  readonly name: string;
  readonly attributes: JsonObject;
}) => QueryShape | undefined;

import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import type { QueryInterval, QueryType, QueryValue, QueryZonedTime } from '../../../sources/query.ts';
import type { Duckdb } from './load-duckdb.ts';

/** A type of DuckDB, and how a value becomes one of its values. */
export interface Conversion {
  readonly type: DuckDBType;
  convert(value: QueryValue): DuckDBValue;
}

/** What DuckDB calls a type. */
export function conversionOf(duckdb: Duckdb, type: QueryType): Conversion {
  switch (type.kind) {
    case 'decimal': {
      const { digits, scale } = type;
      return {
        type: duckdb.DECIMAL(digits, scale),
        convert: (value) => new duckdb.DuckDBDecimalValue(value as bigint, digits, scale),
      };
    }
    case 'list': {
      const of = conversionOf(duckdb, type.of);
      const convert = (value: QueryValue | null) => (value === null ? null : of.convert(value));
      return {
        type: duckdb.LIST(of.type),
        convert: (value) => duckdb.listValue((value as readonly (QueryValue | null)[]).map(convert)),
      };
    }
    default:
      return plainConversion(duckdb, type.kind);
  }
}

/** DuckDB's own values for days after and before all others. */
const INFINITE_DAYS = 2 ** 31 - 1;

function daysOf(value: number): number {
  return Math.max(-INFINITE_DAYS, Math.min(INFINITE_DAYS, value));
}

function plainConversion(duckdb: Duckdb, kind: Exclude<QueryType['kind'], 'decimal' | 'list'>): Conversion {
  const itself = (type: DuckDBType): Conversion => ({ type, convert: (value) => value as DuckDBValue });
  switch (kind) {
    case 'boolean':
      return itself(duckdb.BOOLEAN);
    case 'tinyint':
      return itself(duckdb.TINYINT);
    case 'smallint':
      return itself(duckdb.SMALLINT);
    case 'integer':
      return itself(duckdb.INTEGER);
    case 'utinyint':
      return itself(duckdb.UTINYINT);
    case 'usmallint':
      return itself(duckdb.USMALLINT);
    case 'uinteger':
      return itself(duckdb.UINTEGER);
    case 'float':
      return itself(duckdb.FLOAT);
    case 'double':
      return itself(duckdb.DOUBLE);
    case 'bigint':
      return itself(duckdb.BIGINT);
    case 'ubigint':
      return itself(duckdb.UBIGINT);
    case 'text':
      return itself(duckdb.VARCHAR);
    case 'json':
      return itself(duckdb.DuckDBVarCharType.create('JSON'));
    default:
      return wrapped(duckdb, kind);
  }
}

function wrapped(
  duckdb: Duckdb,
  kind: 'bytes' | 'uuid' | 'date' | 'time' | 'timetz' | 'timestamp' | 'timestamptz' | 'interval',
): Conversion {
  switch (kind) {
    case 'bytes':
      return { type: duckdb.BLOB, convert: (value) => new duckdb.DuckDBBlobValue(value as Uint8Array) };
    case 'uuid':
      return { type: duckdb.UUID, convert: (value) => duckdb.DuckDBUUIDValue.fromUint128(value as bigint) };
    case 'date':
      return { type: duckdb.DATE, convert: (value) => new duckdb.DuckDBDateValue(daysOf(value as number)) };
    case 'time':
      return { type: duckdb.TIME, convert: (value) => new duckdb.DuckDBTimeValue(value as bigint) };
    case 'timetz':
      return {
        type: duckdb.TIMETZ,
        convert: (value) => {
          const { micros, offsetSeconds } = value as QueryZonedTime;
          return duckdb.DuckDBTimeTZValue.fromMicrosAndOffset(micros, offsetSeconds);
        },
      };
    case 'timestamp':
      return { type: duckdb.TIMESTAMP, convert: (value) => new duckdb.DuckDBTimestampValue(value as bigint) };
    case 'timestamptz':
      return {
        type: duckdb.TIMESTAMPTZ,
        convert: (value) => new duckdb.DuckDBTimestampTZValue(value as bigint),
      };
    case 'interval':
      return {
        type: duckdb.INTERVAL,
        convert: (value) => {
          const { months, days, micros } = value as QueryInterval;
          return new duckdb.DuckDBIntervalValue(months, days, micros);
        },
      };
  }
}

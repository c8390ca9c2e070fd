import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { dateOfDays } from '../../../core/civil-date.ts';
import type { Duckdb } from './load-duckdb.ts';
import type { ResultValue } from './messages.ts';

type ToResult = (value: DuckDBValue) => ResultValue;

const DAY_MICROS = 86_400_000_000n;
const INFINITE_DAYS = 2 ** 31 - 1;
const INFINITE_MICROS = 2n ** 63n - 1n;

/**
 * How values of a type become those of a result: numbers of up to 32 bits and floating point numbers are numbers, larger whole ones
 * bigints, bytes are bytes, lists arrays, structures objects; all else is text as PostgreSQL writes it, times in UTC.
 */
export function resultOf(duckdb: Duckdb, type: DuckDBType): ToResult {
  const inner = innerOf(duckdb, type);
  return (value) => (value === null ? null : inner(value));
}

function innerOf(duckdb: Duckdb, type: DuckDBType): ToResult {
  if (type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBArrayType) {
    const item = resultOf(duckdb, type.valueType);
    return (value) => (value as { readonly items: readonly DuckDBValue[] }).items.map(item);
  }
  if (type instanceof duckdb.DuckDBStructType) {
    const members = type.entryNames.map((name, i) => ({
      name,
      convert: resultOf(duckdb, type.entryTypes[i] ?? duckdb.VARCHAR),
    }));
    return (value) => {
      const { entries } = value as { readonly entries: Readonly<Record<string, DuckDBValue>> };
      return Object.fromEntries(members.map(({ name, convert }) => [name, convert(entries[name] ?? null)]));
    };
  }
  if (type instanceof duckdb.DuckDBMapType) {
    const [key, member] = [resultOf(duckdb, type.keyType), resultOf(duckdb, type.valueType)];
    return (value) => {
      const { entries } = value as {
        readonly entries: readonly { readonly key: DuckDBValue; readonly value: DuckDBValue }[];
      };
      return entries.map((entry) => ({ key: key(entry.key), value: member(entry.value) }));
    };
  }
  return (value) => plainResult(duckdb, value);
}

function plainResult(duckdb: Duckdb, value: DuckDBValue): ResultValue {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof duckdb.DuckDBBlobValue) return value.bytes;
  if (value instanceof duckdb.DuckDBDateValue) return dateText(value.days);
  if (value instanceof duckdb.DuckDBTimestampValue) return momentText(value.micros, '');
  if (value instanceof duckdb.DuckDBTimestampTZValue) return momentText(value.micros, '+00');
  return value.toString();
}

function dateText(days: number): string {
  if (Math.abs(days) === INFINITE_DAYS) return days > 0 ? 'infinity' : '-infinity';
  return withEra(days, '');
}

/** @param rest what follows the date */
function withEra(days: number, rest: string): string {
  const { year, month, day } = dateOfDays(days);
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  return `${date}${rest}${year > 0 ? '' : ' BC'}`;
}

function momentText(micros: bigint, zone: string): string {
  if (micros === INFINITE_MICROS || micros === -INFINITE_MICROS)
    return micros > 0n ? 'infinity' : '-infinity';
  const rest = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  return withEra(Number((micros - rest) / DAY_MICROS), ` ${clockText(rest)}${zone}`);
}

function clockText(micros: bigint): string {
  const seconds = Number(micros / 1_000_000n);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const clock = `${two(seconds / 3600)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

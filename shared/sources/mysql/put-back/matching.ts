import type { OnConflict } from '../../row-target.ts';
import { quoteName } from '../text/identifiers.ts';
import type { SharedColumn, TargetTable } from './table.ts';

/** How a staged row stands to the table: it is missing there, it is the same, or it differs. */
export const STATE = quoteName('holdfast state');
export const MISSING = `'m'`;
export const SAME = `'s'`;
export const DIFFERENT = `'d'`;

/** Of staged rows: those that are written. @param as the name that the table of rows goes by */
export function isWritten(onConflict: OnConflict, as = 's'): string {
  return `${as}.${STATE} IN (${onConflict === 'replace' ? `${MISSING}, ${DIFFERENT}` : MISSING})`;
}

/** Of rows to remove: those that are removed. */
export function isRemoved(onConflict: OnConflict, as = 'g'): string {
  return `${as}.${STATE} IN (${onConflict === 'replace' ? `${SAME}, ${DIFFERENT}` : SAME})`;
}

/** Whether rows of two tables have the same key. */
export function sameKey({ key }: Pick<TargetTable, 'key'>, one: string, other: string): string {
  return key.map((name) => `${one}.${quoteName(name)} = ${other}.${quoteName(name)}`).join(' AND ');
}

/** A key for people: `1001, x`. */
export function keyText({ key, columns }: Pick<TargetTable, 'key' | 'columns'>, as: string): string {
  const parts = key.map((name) => {
    const place = `${as}.${quoteName(name)}`;
    const isBytes = columns.find((column) => column.name === name)?.class === 'binary';
    return isBytes ? `CONCAT('0x', LOWER(HEX(${place})))` : place;
  });
  return `CONVERT(CONCAT_WS(', ', ${parts.join(', ')}) USING utf8mb4)`;
}

/** The end of a statement that names keys. */
export function inKeyOrder({ key }: Pick<TargetTable, 'key'>, as: string): string {
  return ` ORDER BY ${key.map((name) => `${as}.${quoteName(name)}`).join(', ')}`;
}

/** Whether rows hold the same, to the last byte, whatever the collation takes for equal. */
export function sameValues(columns: readonly SharedColumn[], staged: string, table: string): string {
  return columns
    .map(
      (column) =>
        `${comparable(column, staged, column.stagedCharset)} <=> ${comparable(column, table, column.charset)}`,
    )
    .join(' AND ');
}

function comparable({ name, class: kind, charset }: SharedColumn, as: string, own: string | null): string {
  const place = `${as}.${quoteName(name)}`;
  if (kind === 'json') return `CAST(${place} AS CHAR)`;
  if (kind === 'binary') return `CAST(${place} AS BINARY)`;
  if (kind !== 'text') return place;
  return `CAST(${own === charset ? place : `CONVERT(${place} USING ${charset})`} AS BINARY)`;
}

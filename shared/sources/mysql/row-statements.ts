import type { RowStatementsOf, TableStatements, TableToChange } from '../row-statements.ts';
import type { Fields } from '../rows.ts';
import { type ColumnAttributes, isTableAttributes } from './datasets/attributes.ts';
import { quoteName } from './text/identifiers.ts';

/** Foreign keys hold again when all rows are there. */
const HEAD = `SET NAMES utf8mb4;
SET time_zone = '+00:00';
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,STRICT_ALL_TABLES';
SET foreign_key_checks = 0;
START TRANSACTION;
`;
const TAIL = 'COMMIT;\nSET foreign_key_checks = 1;\n';

/** For the mariadb or mysql client. */
export const mysqlRowStatements: RowStatementsOf = async () => ({
  inOrder: (names) => names,
  refersToItself: () => false,
  head: () => HEAD,
  tail: () => TAIL,
  table: statementsOf,
});

function statementsOf({ dataset, columns, key }: TableToChange): TableStatements | string {
  const { attributes, name } = dataset;
  if (!isTableAttributes(attributes)) return `${name} cannot be written as statements`;
  if (attributes.isVersioned) return `${name} keeps its history: its rows cannot be written as statements`;
  const known = new Map(attributes.columns.map((column) => [column.name, column]));
  const own = columns.map((column) => known.get(column.name));
  const table = quoteName(attributes.table);
  const names = columns.map((column) => quoteName(column.name));
  const value = (row: Fields, i: number) => row[i] ?? 'NULL';
  const where = (row: Fields) => {
    const conditions =
      key.length > 0
        ? key.map((i) => `${plainValue(names[i] ?? '', own[i])} = ${value(row, i)}`)
        : names.map((place, i) => sameAs(place, own[i], row[i] ?? null));
    return conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  };
  return {
    add: (row) =>
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map((_, i) => value(row, i)).join(', ')});\n`,
    remove: (row) => `DELETE FROM ${table}${where(row)} LIMIT 1;\n`,
    change: (before, after) => {
      const sets = names.flatMap((place, i) =>
        before[i] === after[i] && !mayChangeItself(own[i]) ? [] : [`${place} = ${value(after, i)}`],
      );
      return `UPDATE ${table} SET ${sets.join(', ')}${where(after)};\n`;
    },
  };
}

/** Not named, a column with ON UPDATE CURRENT_TIMESTAMP would get the time of the change. */
function mayChangeItself(column: ColumnAttributes | undefined): boolean {
  return /^(timestamp|datetime)\b/i.test(column?.type ?? '');
}

/** A FLOAT compares with no number that its own text says; as a DOUBLE it does. */
function plainValue(place: string, column: ColumnAttributes | undefined): string {
  return /^(float|double|real)\b/i.test(column?.type ?? '') ? `(${place} * 1e0)` : place;
}

/** Equal to the last byte, whatever the collation takes for equal. */
function sameAs(place: string, column: ColumnAttributes | undefined, literal: string | null): string {
  if (literal === null) return `${place} IS NULL`;
  switch (column?.class) {
    case 'text':
      return `CAST(${place} AS BINARY) = CAST(CONVERT(${literal} USING ${column.charset ?? 'utf8mb4'}) AS BINARY)`;
    case 'binary':
      return `CAST(${place} AS BINARY) = ${literal}`;
    case 'json':
      return `CAST(${place} AS CHAR) = ${literal}`;
    default:
      return `${plainValue(place, column)} = ${literal}`;
  }
}

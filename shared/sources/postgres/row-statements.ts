import type { RowStatementsOf, TableStatements, TableToChange } from '../row-statements.ts';
import type { Fields } from '../rows.ts';
import { type CopyAttributes, isTableAttributes, type TableAttributes } from './datasets/attributes.ts';
import { type ForeignKey, foreignKeysOf, referringFirst } from './restore/foreign-keys.ts';
import { sequenceValueSql } from './restore/large-objects.ts';
import { readPostData } from './restore/text.ts';
import { quoteIdent, quoteQualified } from './text/identifiers.ts';

/** What the text of values depends on, whatever the session of the reader is set to. */
const HEAD = `BEGIN;
SET LOCAL search_path = '';
SET LOCAL client_encoding = 'UTF8';
SET LOCAL standard_conforming_strings = on;
SET LOCAL DateStyle = 'ISO';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL TimeZone = 'UTC';
SET LOCAL extra_float_digits = 3;
SET LOCAL bytea_output = 'hex';
SET LOCAL xmloption = 'content';
SET LOCAL array_nulls = on;
SET LOCAL lc_monetary = 'C';
SET LOCAL transform_null_equals = off;
`;

/** The first with identity columns. */
const FIRST_WITH_IDENTITY = 10;

/** For psql. Foreign keys are looked at when all rows are there: the owner of a table may have it so. */
export const postgresRowStatements: RowStatementsOf = async (contents, signal) => {
  const keys = foreignKeysOf(await readPostData(contents, signal), contents.datasets);
  const major = Number(/ (\d+)/.exec(contents.server)?.[1] ?? 0);
  const deferred = (names: readonly string[]) => keys.filter((key) => mustWait(key, new Set(names)));
  return {
    inOrder: (names) => referringFirst(names, keys),
    refersToItself: (name) => keys.some(({ from, to }) => from === name && to === name),
    head: (names) =>
      `${HEAD}${deferred(names).map(alterKey('DEFERRABLE')).join('')}SET CONSTRAINTS ALL DEFERRED;\n`,
    tail: (names) =>
      `SET CONSTRAINTS ALL IMMEDIATE;\n${deferred(names).map(alterKey('NOT DEFERRABLE')).join('')}COMMIT;\n`,
    table: (table) => statementsOf(table, major >= FIRST_WITH_IDENTITY),
  };
};

/** Keys of tables that are no datasets are those of partitioned ones. */
function mustWait({ isDeferrable, isEnforced, from, to }: ForeignKey, names: ReadonlySet<string>): boolean {
  const isNear = (name: string | undefined) => name === undefined || names.has(name);
  return !isDeferrable && isEnforced && (isNear(from) || isNear(to));
}

function alterKey(how: string): (key: ForeignKey) => string {
  return ({ table, name }) => `ALTER TABLE ${table} ALTER CONSTRAINT ${quoteIdent(name)} ${how};\n`;
}

function statementsOf(table: TableToChange, hasIdentity: boolean): TableStatements | string {
  const { attributes, name } = table.dataset;
  if (isTableAttributes(attributes)) return tableStatements(attributes, table, hasIdentity);
  const { role } = attributes as CopyAttributes;
  if (role !== 'sequences')
    return `${name} cannot be written as statements: holdfast restore --dataset '${name}' puts them back`;
  return { add: ofSequence, remove: () => '', change: (_, after) => ofSequence(after) };
}

/** The fields are literals; the values of sequences hold nothing that would be escaped but quotes. */
function ofSequence(row: Fields): string {
  const plain = (literal: string | null) => literal?.replace(/^ ?E?'(.*)'$/s, '$1').replaceAll("''", "'");
  return sequenceValueSql(row.map((literal) => plain(literal)));
}

function tableStatements(
  { schema, table }: TableAttributes,
  { columns, key }: TableToChange,
  hasIdentity: boolean,
): TableStatements {
  const place = quoteQualified(schema, table);
  const names = columns.map(({ name }) => quoteIdent(name));
  const overriding = hasIdentity ? ' OVERRIDING SYSTEM VALUE' : '';
  const value = (row: Fields, i: number) => row[i] ?? 'NULL';
  const list = names.join(', ');
  const isKey = (row: Fields) => (i: number) => {
    // The operators of a type of one's own need not be found.
    const isOwn = /[."]/.test(columns[i]?.type ?? '');
    return `${isOwn ? `pg_catalog.format('%s', ${names[i]})` : names[i]} = ${value(row, i)}`;
  };
  const byKey = (row: Fields) => key.map(isKey(row)).join(' AND ');
  return {
    add: (row) =>
      names.length === 0
        ? `INSERT INTO ${place} DEFAULT VALUES;\n`
        : `INSERT INTO ${place} (${list})${overriding} VALUES (${names.map((_, i) => value(row, i)).join(', ')});\n`,
    remove: (row) =>
      key.length > 0
        ? `DELETE FROM ONLY ${place} WHERE ${byKey(row)};\n`
        : `DELETE FROM ONLY ${place} WHERE ctid = (SELECT ctid FROM ONLY ${place}${likeIt(names, row)} LIMIT 1);\n`,
    change: (before, after) => {
      const sets = names.flatMap((name, i) =>
        before[i] === after[i] ? [] : [`${name} = ${value(after, i)}`],
      );
      return `UPDATE ONLY ${place} SET ${sets.join(', ')} WHERE ${byKey(after)};\n`;
    },
  };
}

/** By what the server writes: not every type has an `=`, and some take for equal what is not the same. */
function likeIt(names: readonly string[], row: Fields): string {
  const conditions = names.map((name, i) =>
    row[i] === null || row[i] === undefined
      ? `${name} IS NOT DISTINCT FROM NULL`
      : `${name} IS DISTINCT FROM NULL AND pg_catalog.format('%s', ${name}) = ${row[i]}`,
  );
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

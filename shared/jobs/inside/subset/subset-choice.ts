import { HoldfastError } from '../../../core/errors.ts';
import { nearest } from '../../../core/nearest.ts';
import type { FactsOfTables, TableFacts } from '../../../sources/table-facts.ts';

/** Which rows a copy begins with, and what else comes along. */
export interface SubsetChoice {
  /** `orders: created_at >= 2026-01-01 and status = paid`, or `countries` for all rows of a table; rows of any of these. */
  readonly rows: readonly string[];
  /**
   * `parents`: what the rows refer to, and what that refers to. `children`: also rows that refer to the chosen ones, rows that refer to
   * those, and all that these refer to. @default 'parents'
   */
  readonly follow?: SubsetFollow;
  /** References that the database does not know: `orders(customer_mail) -> customers(mail)`. */
  readonly references?: readonly string[];
}

/** Which references are followed. */
export type SubsetFollow = 'parents' | 'children';

/** The rows of some tables that a subset begins with. */
export interface Seed {
  readonly tables: readonly TableFacts[];
  /** That must all hold: conditions.ts. */
  readonly where: readonly string[];
}

/** A reference as somebody wrote it. */
export interface WrittenReference {
  readonly name: string;
  readonly from: readonly TableFacts[];
  readonly columns: readonly string[];
  readonly table: string;
  readonly to: readonly string[];
}

/** @throws E_USAGE for a text of another form, E_NO_DATASET for a table that is not there */
export function parseSeed(text: string, { tables }: FactsOfTables): Seed {
  const [name, rest] = splitName(text);
  return {
    tables: tablesNamed(name, tables),
    where: rest.trim() === '' ? [] : splitConditions(rest),
  };
}

/** A dataset may have a colon in its name: the text in quotes, else up to the first colon. */
function splitName(text: string): readonly [string, string] {
  const [, quoted, rest = ''] = /^\s*'((?:[^']|'')+)'\s*(?::(.*))?$/s.exec(text) ?? [];
  if (quoted !== undefined) return [quoted.replaceAll("''", "'"), rest];
  const at = text.indexOf(':');
  return at < 0 ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1)];
}

/** At each `and` that is not in quotes. */
function splitConditions(text: string): readonly string[] {
  const parts = [''];
  for (const piece of text.split(/('(?:[^']|'')*'|"(?:[^"]|"")*"|\s+and\s+)/i)) {
    if (/^\s+and\s+$/i.test(piece)) parts.push('');
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

const REFERENCE = /^\s*(.+?)\s*\(([^()]+)\)\s*->\s*(.+?)\s*\(([^()]+)\)\s*$/s;

/** @throws E_USAGE for a text of another form, or a column that is not there; E_NO_DATASET */
export function parseReference(text: string, { tables }: FactsOfTables): WrittenReference {
  const [, fromName, fromColumns = '', toName = '', toColumns = ''] = REFERENCE.exec(text) ?? [];
  const [columns, to] = [listed(fromColumns), listed(toColumns)];
  if (fromName === undefined || columns.length !== to.length)
    throw new HoldfastError('E_USAGE', `'${text}' is not a reference`, {
      hint: "Write it like this, with the same number of columns on both sides: 'public.orders(customer) -> public.customers(id)'.",
    });
  const from = tablesNamed(fromName, tables);
  const parents = tablesNamed(toName, tables);
  for (const table of from) refuseUnknown(columns, table);
  for (const table of parents) refuseUnknown(to, table);
  return { name: text.trim(), from, columns, table: parents[0]?.table ?? toName, to };
}

function listed(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim().replace(/^"(.*)"$/s, '$1'));
}

function refuseUnknown(names: readonly string[], { table, columns }: TableFacts): void {
  const known = columns.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = nearest(unknown, known);
  throw new HoldfastError('E_USAGE', `${table} has no column '${unknown}'`, {
    hint: meant ? `Did you mean ${meant}?` : `Its columns are ${known.join(', ')}.`,
  });
}

/** By the name of the dataset, that of the partitioned table, or either without its schema if only one has it. @throws E_NO_DATASET */
function tablesNamed(name: string, tables: readonly TableFacts[]): readonly TableFacts[] {
  const exact = tables.filter(({ dataset, table }) => dataset === name || table === name);
  if (exact.length > 0) return exact;
  const like = tables.filter(({ table }) => table.endsWith(`.${name}`));
  const found = [...new Set(like.map(({ table }) => table))];
  if (found.length === 1) return like;
  const short = (table: string) => (name.includes('.') ? table : table.slice(table.lastIndexOf('.') + 1));
  const known = [...new Set(tables.map(({ table }) => short(table)))];
  const meant = found.length > 1 ? found.join(', ') : nearest(name, known);
  throw new HoldfastError('E_NO_DATASET', `the backup has no table '${name}'`, {
    hint: meant ? `Did you mean ${meant}?` : '`holdfast show KEY` lists them.',
  });
}

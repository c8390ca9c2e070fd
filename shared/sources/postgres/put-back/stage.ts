import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { columnWarnings } from '../../column-changes.ts';
import type { OnConflict, RowsStanding, RowsToRestore, ShownRow, StagedRows } from '../../row-target.ts';
import { query } from '../connection/connection.ts';
import { copyIn } from '../copy/copy-in.ts';
import { isTableAttributes, type TableAttributes } from '../datasets/attributes.ts';
import { quoteIdent, sqlLiteral } from '../text/identifiers.ts';
import { refusedValue } from './refused-value.ts';
import { lookUpTable, type TargetTable } from './table.ts';

/** How a staged row stands to the table: it is missing there, it is the same, or it differs. */
export const STATE = quoteIdent('holdfast state');
const MISSING = `'m'`;
const SAME = `'s'`;
const DIFFERENT = `'d'`;
/** Removals written at once. */
const BATCH_ROWS = 500;
const MOST_NAMED = 5;

/** Rows on the server, in tables of the transaction beside the one that they belong to. */
export interface Staged {
  readonly dataset: string;
  readonly table: TargetTable;
  /** Names of columns that both have: those that are written. */
  readonly columns: readonly string[];
  /** Columns of the target that must have a value and that neither the backup nor a default gives one. */
  readonly unfilled: readonly string[];
  /** Tables of rows to write, and of rows to remove. */
  readonly rows: string;
  readonly gone: string;
  readonly counts: StagedRows;
}

/** Of staged rows: those that are written. @param as the name that the table of rows goes by */
export function isWritten(onConflict: OnConflict, as = 's'): string {
  const states = onConflict === 'replace' ? `${MISSING}, ${DIFFERENT}` : MISSING;
  return `${as}.${STATE} IN (${states})`;
}

/** Of rows to remove: those that are removed. */
export function isRemoved(onConflict: OnConflict, as = 'g'): string {
  const states = onConflict === 'replace' ? `${SAME}, ${DIFFERENT}` : SAME;
  return `${as}.${STATE} IN (${states})`;
}

export const isAdded = (as = 's') => `${as}.${STATE} = ${MISSING}`;
export const isChanged = (as = 's') => `${as}.${STATE} = ${DIFFERENT}`;

/** Whether rows of two tables have the same key. */
export function sameKey({ key }: TargetTable, one: string, other: string): string {
  return key.map((name) => `${one}.${quoteIdent(name)} = ${other}.${quoteIdent(name)}`).join(' AND ');
}

/** A key for people: `1001, x`. */
export function keyText({ key }: TargetTable, as: string): string {
  return `pg_catalog.concat_ws(', ', ${key.map((name) => `${as}.${quoteIdent(name)}`).join(', ')})`;
}

/** The end of a statement that names keys. */
export function inKeyOrder({ key }: TargetTable, as: string): string {
  return ` ORDER BY ${key.map((name) => `${as}.${quoteIdent(name)}`).join(', ')}`;
}

/** Whether rows hold the same, to the last byte: not every type has an `=`. */
export function sameValues(columns: readonly string[], one: string, other: string): string {
  const row = (as: string) => `ROW(${columns.map((name) => `${as}.${quoteIdent(name)}`).join(', ')})`;
  return `pg_catalog.record_image_eq(${row(one)}, ${row(other)})`;
}

/** Brings rows to the server and compares them with the table. @throws E_ROWS_REFUSED, E_SOURCE_* */
export async function stageRows(
  client: pg.Client,
  rows: RowsToRestore,
  number: number,
  signal: AbortSignal,
): Promise<Staged> {
  const { attributes, name: dataset } = rows.dataset;
  if (!isTableAttributes(attributes))
    throw new HoldfastError('E_ROWS_REFUSED', `${dataset} has no rows that could be put back one by one`, {
      hint: `Restore it whole: --dataset '${dataset}'.`,
    });
  const table = await lookUpTable(client, attributes, signal);
  refuseWithoutKey(table, attributes, dataset);
  const stored = new Set(attributes.columns.map(({ name }) => name));
  const own = table.columns.filter(({ isGenerated }) => !isGenerated);
  const columns = own.filter(({ name }) => stored.has(name)).map(({ name }) => name);
  const [to, gone] = [`pg_temp."holdfast rows ${number}"`, `pg_temp."holdfast gone ${number}"`];
  const refused = (error: unknown): never => {
    throw refusedValue(error, dataset);
  };
  await copyRowsTo(client, to, { rows, table, attributes }, signal).catch(refused);
  // What nobody said of the rows to remove is not looked at.
  const said = columns.filter((name) => rows.removals.every((row) => Object.hasOwn(row, name)));
  await makeTable(client, gone, { table, columns: said }, signal);
  await insertRemovals(client, gone, { columns: said, removals: rows.removals }, signal).catch(refused);
  await compareWithTable(client, { table, columns, staged: to }, signal);
  await compareWithTable(client, { table, columns: said, staged: gone }, signal);
  const leftOut = attributes.columns.filter(({ name }) => !columns.includes(name)).map(({ name }) => name);
  const both = attributes.columns.flatMap(({ name, type: was }) =>
    own.flatMap(({ name: known, type: is }) => (known === name ? [{ name, was, is }] : [])),
  );
  const staged = {
    dataset,
    table,
    columns,
    unfilled: own
      .filter(({ name, isRequired, hasDefault }) => isRequired && !hasDefault && !stored.has(name))
      .map(({ name }) => name),
    rows: to,
    gone,
  };
  const warnings = columnWarnings(dataset, { leftOut, both });
  return { ...staged, counts: await countRows(client, staged, warnings, signal) };
}

/** How staged rows stand to the table, with the keys of some of them. */
export async function standingOf(
  client: pg.Client,
  { table, rows }: Staged,
  signal: AbortSignal,
): Promise<RowsStanding> {
  const of = async (state: string) => {
    const found = await query<{ key: string; rows: string }>(
      client,
      `SELECT ${keyText(table, 's')} AS key, pg_catalog.count(*) OVER () AS rows FROM ${rows} s
        WHERE s.${STATE} = ${state}${inKeyOrder(table, 's')} LIMIT ${MOST_NAMED}`,
      signal,
    );
    return { count: Number(found[0]?.rows ?? 0), keys: found.map(({ key }) => key) };
  };
  return { missing: await of(MISSING), different: await of(DIFFERENT), same: await of(SAME) };
}

function refuseWithoutKey({ key }: TargetTable, { columns }: TableAttributes, dataset: string): void {
  if (key.length === 0)
    throw new HoldfastError(
      'E_ROWS_REFUSED',
      `${dataset} has no primary key in the target, so rows cannot be matched`,
      { hint: 'Put the rows into a new table beside it: --beside NAME.' },
    );
  const unknown = key.filter((name) => !columns.some((column) => column.name === name));
  if (unknown.length === 0) return;
  throw new HoldfastError(
    'E_ROWS_REFUSED',
    `the primary key of ${dataset} is (${key.join(', ')}) in the target; the backup has no values of ${unknown.join(', ')}`,
    { hint: 'Put the rows into a new table beside it: --beside NAME.' },
  );
}

/** With the types of the target, as far as it has the columns. */
async function copyRowsTo(
  client: pg.Client,
  to: string,
  {
    rows,
    table,
    attributes,
  }: { readonly rows: RowsToRestore; readonly table: TargetTable; readonly attributes: TableAttributes },
  signal: AbortSignal,
): Promise<void> {
  const object = rows.dataset.name;
  const names = attributes.columns.map(({ name }) => name);
  await makeTable(client, to, { table, columns: names }, signal);
  const list = names.map(quoteIdent).join(', ');
  await copyIn(client, `COPY ${to} (${list}) FROM STDIN`, rows.records(), {
    object,
    signal,
    onBytes: () => {},
  });
  const key = table.key.map(quoteIdent).join(', ');
  try {
    await query(client, `CREATE UNIQUE INDEX ON ${to} (${key})`, signal, { object });
  } catch (error) {
    if (!isHoldfastError(error) || error.details['sqlState'] !== '23505') throw error;
    throw new HoldfastError(
      'E_ROWS_REFUSED',
      `several of the chosen rows of ${object} have the same primary key (${table.key.join(', ')}) in the target`,
      { cause: error, hint: 'Put the rows into a new table beside it: --beside NAME.' },
    );
  }
  await query(client, `ANALYZE ${to}`, signal, { object });
}

async function makeTable(
  client: pg.Client,
  name: string,
  { table, columns }: { readonly table: TargetTable; readonly columns: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const known = new Map(table.columns.map((column) => [column.name, column]));
  const parts = columns.map((column) => {
    const { type = 'text', collation = '' } = known.get(column) ?? {};
    return `${quoteIdent(column)} ${type}${collation && ` COLLATE ${collation}`}`;
  });
  const state = `${STATE} "char" NOT NULL DEFAULT ${MISSING}`;
  await query(
    client,
    `CREATE TEMPORARY TABLE ${name} (${[...parts, state].join(', ')}) ON COMMIT DROP`,
    signal,
  );
}

async function insertRemovals(
  client: pg.Client,
  gone: string,
  { columns, removals }: { readonly columns: readonly string[]; readonly removals: readonly ShownRow[] },
  signal: AbortSignal,
): Promise<void> {
  const value = (row: ShownRow) => (name: string) => {
    const text = row[name];
    return text === null || text === undefined ? 'NULL' : sqlLiteral(text);
  };
  for (let start = 0; start < removals.length; start += BATCH_ROWS) {
    const batch = removals.slice(start, start + BATCH_ROWS);
    const values = batch.map((row) => `(${columns.map(value(row)).join(', ')})`);
    await query(
      client,
      `INSERT INTO ${gone} (${columns.map(quoteIdent).join(', ')}) VALUES ${values.join(', ')}`,
      signal,
      { object: gone },
    );
  }
}

async function compareWithTable(
  client: pg.Client,
  { table, columns, staged }: Pick<Staged, 'table' | 'columns'> & { readonly staged: string },
  signal: AbortSignal,
): Promise<void> {
  await query(
    client,
    `UPDATE ${staged} s SET ${STATE} = CASE WHEN ${sameValues(columns, 's', 't')} THEN ${SAME} ELSE ${DIFFERENT} END
       FROM ONLY ${table.place} t WHERE ${sameKey(table, 's', 't')}`,
    signal,
    { object: table.place },
  );
}

async function countRows(
  client: pg.Client,
  { dataset, table, rows, gone }: Omit<Staged, 'counts'>,
  warnings: readonly string[],
  signal: AbortSignal,
): Promise<StagedRows> {
  const count = async (of: string) => {
    const found = await query<{ state: string; rows: string }>(
      client,
      `SELECT ${STATE}::text AS state, pg_catalog.count(*) AS rows FROM ${of} GROUP BY 1`,
      signal,
    );
    return (state: string) => Number(found.find((one) => `'${one.state}'` === state)?.rows ?? 0);
  };
  const [written, removed] = [await count(rows), await count(gone)];
  const named = await query<{ key: string }>(
    client,
    `SELECT ${keyText(table, 's')} AS key FROM (SELECT * FROM ${rows} r WHERE ${isChanged('r')}
       ORDER BY ${table.key.map(quoteIdent).join(', ')} LIMIT ${MOST_NAMED}) s`,
    signal,
  );
  return {
    dataset,
    key: table.key,
    missing: written(MISSING),
    different: written(DIFFERENT),
    same: written(SAME),
    removable: removed(SAME),
    removableDifferent: removed(DIFFERENT),
    differentKeys: named.map(({ key }) => key),
    triggers: table.triggers,
    warnings,
  };
}

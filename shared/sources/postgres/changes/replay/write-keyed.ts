import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import { plural } from '../../../../core/plural.ts';
import { query } from '../../connection/connection.ts';
import { quoteIdent } from '../../text/identifiers.ts';
import type { PendingChanges, PendingRow } from './pending-rows.ts';
import { columnList, countRows, rowsSql, run, valueSql } from './row-sql.ts';
import type { TargetColumn, TargetKey } from './target-table.ts';

/** A table as the stream has it and as the target has it. */
export interface WrittenTable {
  readonly place: string;
  readonly name: string;
  /** In the order of the stream; undefined for a column that is not written. */
  readonly columns: readonly (TargetColumn | undefined)[];
}

/** One that finds its rows by a key. */
export interface KeyedTable extends WrittenTable {
  readonly key: TargetKey;
  /** The key's places among the columns. */
  readonly places: readonly number[];
}

type Changed = PendingRow & { readonly base: readonly string[] };

const UNIQUE = ['23505', '23P01'];

/**
 * Makes rows what they are to be, in the open transaction.
 *
 * @throws E_RESTORE_DIFFERS if the target lacks a row that the stream changes, or has one that it adds
 */
export async function writeKeyed(
  client: pg.Client,
  table: KeyedTable,
  pending: PendingChanges,
  signal: AbortSignal,
): Promise<void> {
  const { gone, changed, added } = pending;
  if (gone.length + changed.length + added.length === 0) return;
  const groups = groupByUnchanged(changed);
  if (groups.every((group) => isUpdatable(table, group))) {
    const isDone = await tryWrite(client, signal, async () => {
      await remove(client, table, gone, signal);
      for (const group of groups) await update(client, table, group, signal);
      await insert(client, table, added, signal);
    });
    if (isDone) return;
  }
  // Rows that take each other's unique values: all go, then all come.
  try {
    await rewrite(client, table, { gone, groups, added }, signal);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new HoldfastError(
      'E_RESTORE_DIFFERS',
      `${table.name} has rows already that the stream adds: ${error.message}`,
      {
        cause: error,
        hint: 'Something else has written to the target since the backup was restored. Restore into an empty database again.',
      },
    );
  }
}

/** @returns false if unique values were in the way; then nothing was done */
async function tryWrite(client: pg.Client, signal: AbortSignal, work: () => Promise<void>): Promise<boolean> {
  await query(client, 'SAVEPOINT writing', signal);
  try {
    await work();
    await query(client, 'RELEASE SAVEPOINT writing', signal);
    return true;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await query(client, 'ROLLBACK TO SAVEPOINT writing', signal);
    await query(client, 'RELEASE SAVEPOINT writing', signal);
    return false;
  }
}

function isUniqueViolation(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && UNIQUE.includes(String(error.details['sqlState']));
}

/** Rows whose values are unchanged in the same columns. */
interface Group {
  /** Places of columns that keep the value that the target has. */
  readonly kept: readonly number[];
  readonly rows: Changed[];
}

function groupByUnchanged(rows: readonly Changed[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const kept = row.after.flatMap((value, place) => (value === undefined ? [place] : []));
    const group = groups.get(kept.join()) ?? { kept, rows: [] };
    groups.set(kept.join(), group);
    group.rows.push(row);
  }
  return [...groups.values()];
}

/** An identity column that is ALWAYS generated cannot be set by an UPDATE; as part of an unchanged key it need not be. */
function isUpdatable(table: KeyedTable, { kept, rows }: Group): boolean {
  return table.columns.every((column, place) => {
    if (!column?.isAlways || kept.includes(place)) return true;
    const inKey = table.places.indexOf(place);
    return inKey >= 0 && rows.every(({ base, after }) => base[inKey] === after[place]);
  });
}

async function remove(
  client: pg.Client,
  table: KeyedTable,
  keys: readonly (readonly string[])[],
  signal: AbortSignal,
): Promise<void> {
  if (keys.length === 0) return;
  const { from, values } = rowsSql(keyColumns(table), keys);
  const sql = `DELETE FROM ONLY ${table.place} t USING ${from} WHERE ${matches(table, 0)}`;
  await expect(table, 'removes', keys.length, countRows(client, sql, { values, object: table.name, signal }));
}

async function update(
  client: pg.Client,
  table: KeyedTable,
  { kept, rows }: Group,
  signal: AbortSignal,
): Promise<void> {
  const key = keyColumns(table);
  const written = writtenPlaces(table).filter(
    (place) => !kept.includes(place) && !table.columns[place]?.isAlways,
  );
  const columns = written.map((place) => columnAt(table, place));
  const source = rowsSql(
    [...key, ...columns],
    rows.map(({ base, after }) => [...base, ...written.map((place) => after[place])]),
  );
  const sets = columns.map((column, i) => `${quoteIdent(column.name)} = ${valueSql(column, key.length + i)}`);
  // Of a row whose values are all unchanged, only that it is there is looked at.
  if (sets.length === 0) return;
  const sql = `UPDATE ONLY ${table.place} t SET ${sets.join(', ')} FROM ${source.from} WHERE ${matches(table, 0)}`;
  const { values } = source;
  await expect(table, 'changes', rows.length, countRows(client, sql, { values, object: table.name, signal }));
}

/** @throws what the server says of values that are there already */
export async function insert(
  client: pg.Client,
  table: WrittenTable,
  rows: readonly PendingRow[],
  signal: AbortSignal,
): Promise<void> {
  if (rows.length === 0) return;
  const written = writtenPlaces(table);
  const columns = written.map((place) => columnAt(table, place));
  const { from, values } = rowsSql(
    columns,
    rows.map(({ after }) => after),
    written,
  );
  const selected = columns.map((column, i) => valueSql(column, i)).join(', ');
  const sql = `INSERT INTO ${table.place} ${namesOf(columns)} SELECT ${selected} FROM ${from}`;
  await expect(table, 'adds', rows.length, countRows(client, sql, { values, object: table.name, signal }));
}

async function rewrite(
  client: pg.Client,
  table: KeyedTable,
  {
    gone,
    groups,
    added,
  }: {
    readonly gone: PendingChanges['gone'];
    readonly groups: readonly Group[];
    readonly added: readonly PendingRow[];
  },
  signal: AbortSignal,
): Promise<void> {
  for (const [i, group] of groups.entries())
    await keep(client, table, { ...group, name: `kept${i}` }, signal);
  const bases = groups.flatMap(({ rows }) => rows.map(({ base }) => base));
  await remove(client, table, [...gone, ...bases], signal);
  for (const [i, group] of groups.entries())
    await putBack(client, table, { ...group, name: `kept${i}` }, signal);
  await insert(client, table, added, signal);
}

/** A group, and the name of the table that its unchanged values wait in. */
type Kept = Group & { readonly name: string };

async function keep(
  client: pg.Client,
  table: KeyedTable,
  { kept, rows, name }: Kept,
  signal: AbortSignal,
): Promise<void> {
  if (kept.length === 0) return;
  const key = keyColumns(table);
  const { from, values } = rowsSql(
    [...key, NUMBER],
    rows.map(({ base }, i) => [...base, String(i)]),
  );
  const columns = kept.map((place, i) => `t.${quoteIdent(columnAt(table, place).name)} AS k${i}`);
  await query(client, `DROP TABLE IF EXISTS pg_temp.${name}`, signal);
  await run(
    client,
    `CREATE TEMP TABLE ${name} AS SELECT s.c${key.length} AS n, ${columns.join(', ')}
       FROM ONLY ${table.place} t, ${from} WHERE ${matches(table, 0)}`,
    { values, object: table.name, signal },
  );
}

async function putBack(
  client: pg.Client,
  table: KeyedTable,
  group: Kept,
  signal: AbortSignal,
): Promise<void> {
  const { kept, rows, name } = group;
  if (kept.length === 0) return insert(client, table, rows, signal);
  const fresh = writtenPlaces(table).filter((place) => !kept.includes(place));
  const columns = fresh.map((place) => columnAt(table, place));
  const { from, values } = rowsSql(
    [NUMBER, ...columns],
    rows.map(({ after }, i) => [String(i), ...fresh.map((place) => after[place])]),
  );
  const selected = [...columns.map((column, i) => valueSql(column, i + 1)), ...kept.map((_, i) => `k.k${i}`)];
  const all = [...columns, ...kept.map((place) => columnAt(table, place))];
  const sql = `INSERT INTO ${table.place} ${namesOf(all)} SELECT ${selected.join(', ')}
     FROM ${from} JOIN pg_temp.${name} k ON k.n = s.c0`;
  await expect(table, 'changes', rows.length, countRows(client, sql, { values, object: table.name, signal }));
  await query(client, `DROP TABLE pg_temp.${name}`, signal);
}

const NUMBER = { arrayType: 'int4[]' };

/** A table without columns takes its rows all the same. */
function namesOf(columns: readonly TargetColumn[]): string {
  return columns.length === 0 ? '' : `(${columnList(columns)}) OVERRIDING SYSTEM VALUE`;
}

function keyColumns(table: KeyedTable): readonly TargetColumn[] {
  return table.places.map((place) => columnAt(table, place));
}

/** By the operators of the key's own index, so that it is used. */
function matches(table: KeyedTable, first: number): string {
  return table.places
    .map((place, i) => {
      const column = columnAt(table, place);
      return `t.${quoteIdent(column.name)} ${table.key.equals[i]} ${valueSql(column, first + i)}`;
    })
    .join(' AND ');
}

function writtenPlaces({ columns }: WrittenTable): readonly number[] {
  return columns.flatMap((column, place) => (column ? [place] : []));
}

function columnAt({ columns, name }: WrittenTable, place: number): TargetColumn {
  const column = columns[place];
  if (!column) throw new HoldfastError('E_INTERNAL', `${name} has no column at ${place}`);
  return column;
}

/** @throws E_RESTORE_DIFFERS */
async function expect(
  table: WrittenTable,
  does: string,
  wanted: number,
  counting: Promise<number>,
): Promise<void> {
  const found = await counting;
  if (found === wanted) return;
  throw new HoldfastError(
    'E_RESTORE_DIFFERS',
    `${table.name}: the stream ${does} ${plural(wanted, 'row')}, and the target has ${found} of them`,
    {
      hint: 'The backup and the stored changes do not fit together, or something else wrote to the target. Restore into an empty database again, or from another backup.',
    },
  );
}

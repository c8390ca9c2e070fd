import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { OnConflict } from '../../row-target.ts';
import { query } from '../connection/connection.ts';
import { quoteIdent } from '../text/identifiers.ts';
import {
  isAdded,
  isChanged,
  isRemoved,
  isWritten,
  keyText,
  type Staged,
  sameKey,
  sameValues,
} from './stage.ts';

const MOST_NAMED = 5;

/**
 * Removes, changes and adds rows of all tables in one statement: foreign keys are looked at when it ends, so it does not matter which
 * table comes first, and a key that moved with what refers to it is no violation.
 *
 * @throws E_ROWS_REFUSED if a constraint says no, E_SOURCE_CHANGED if others wrote the same rows
 */
export async function writeRows(
  client: pg.Client,
  all: readonly Staged[],
  onConflict: OnConflict,
  signal: AbortSignal,
): Promise<void> {
  const parts = all.flatMap((staged, i) => statementsOf(staged, i, onConflict));
  const names = all.flatMap((_, i) => [`gone${i}`, `changed${i}`, `added${i}`]);
  const counts = names.map((name) => `(SELECT pg_catalog.count(*) FROM ${name})`).join(' + ');
  try {
    await query(client, `WITH ${parts.join(',\n')} SELECT ${counts} AS rows`, signal);
    await query(client, 'SET CONSTRAINTS ALL IMMEDIATE', signal);
  } catch (error) {
    throw refusal(error);
  }
}

/** In this order: each waits for the one before, as it may need its unique values. */
function statementsOf(staged: Staged, i: number, onConflict: OnConflict): readonly string[] {
  const { table, columns, rows, gone } = staged;
  const { place, key } = table;
  const identities = new Set(table.columns.filter((one) => one.isIdentity).map(({ name }) => name));
  const list = columns.map(quoteIdent).join(', ');
  const sets = columns
    .filter((name) => !key.includes(name) && !identities.has(name))
    .map((name) => `${quoteIdent(name)} = s.${quoteIdent(name)}`);
  const overriding = identities.size > 0 ? ' OVERRIDING SYSTEM VALUE' : '';
  const after = (name: string) => `(SELECT pg_catalog.count(*) FROM ${name}) >= 0`;
  const change =
    onConflict === 'replace' && sets.length > 0
      ? `UPDATE ONLY ${place} t SET ${sets.join(', ')} FROM ${rows} s
          WHERE ${isChanged()} AND ${sameKey(table, 's', 't')} AND ${after(`gone${i}`)} RETURNING 1`
      : `SELECT 1 FROM gone${i} WHERE false`;
  return [
    `gone${i} AS (DELETE FROM ONLY ${place} t USING ${gone} g WHERE ${isRemoved(onConflict)} AND ${sameKey(table, 'g', 't')} RETURNING 1)`,
    `changed${i} AS (${change})`,
    `added${i} AS (INSERT INTO ${place} (${list})${overriding} SELECT ${list} FROM ${rows} s
       WHERE ${isAdded()} AND ${after(`gone${i}`)} AND ${after(`changed${i}`)} RETURNING 1)`,
  ];
}

/** Keys of rows that are not as they were written, and of those that are still there. */
export async function readBack(
  client: pg.Client,
  all: readonly Staged[],
  onConflict: OnConflict,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { dataset, table, columns, rows, gone } of all) {
    const wrong = await query<{ key: string }>(
      client,
      `SELECT ${keyText(table, 's')} AS key FROM ${rows} s WHERE ${isWritten(onConflict)} AND NOT EXISTS (
         SELECT 1 FROM ONLY ${table.place} t WHERE ${sameKey(table, 's', 't')} AND ${sameValues(columns, 's', 't')})
        UNION ALL
       SELECT ${keyText(table, 'g')} FROM ${gone} g JOIN ONLY ${table.place} t ON ${sameKey(table, 'g', 't')}
        WHERE ${isRemoved(onConflict)} LIMIT ${MOST_NAMED}`,
      signal,
    );
    found.push(...wrong.map(({ key }) => `${dataset} (${key})`));
  }
  return found;
}

function refusal(error: unknown): unknown {
  if (!isHoldfastError(error)) return error;
  const state = String(error.details['sqlState'] ?? '');
  const { details } = error;
  if (state === '40001' || state === '40P01')
    return new HoldfastError('E_SOURCE_CHANGED', `${error.message}; nothing was changed`, {
      cause: error,
      details,
      hint: 'Somebody else wrote the same rows. Run it again.',
    });
  if (!state.startsWith('23')) return error;
  return new HoldfastError('E_ROWS_REFUSED', `${error.message}; nothing was changed`, {
    cause: error,
    details,
    hint: 'Choose the rows that these need too, or put them into a new table: --beside NAME.',
  });
}

import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { OnConflict } from '../../row-target.ts';
import type { Session } from '../connection/connection.ts';
import { errorNumber } from '../errors.ts';
import { quoteName } from '../text/identifiers.ts';
import { DIFFERENT, isRemoved, isWritten, keyText, MISSING, STATE, sameKey, sameValues } from './matching.ts';
import type { Staged } from './stage.ts';

const MOST_NAMED = 5;
/** Deadlock; lock wait timeout. */
const BUSY = [1213, 1205];
/** Unique keys, foreign keys, checks, NULL, no default; what a trigger says with SIGNAL. */
const REFUSED = [1062, 1451, 1452, 3819, 4025, 1048, 1364, 1644];

/**
 * Removes, changes and adds rows of all tables, in this order, as each may need unique values of the one before. Foreign keys were
 * looked at before, and nobody can write what they refer to meanwhile.
 *
 * @throws E_ROWS_REFUSED if a constraint says no, E_SOURCE_CHANGED if others hold the same rows
 */
export async function writeRows(
  session: Session,
  all: readonly Staged[],
  onConflict: OnConflict,
  signal: AbortSignal,
): Promise<void> {
  const run = (of: Staged, sql: string) => session.query(sql, signal, { object: of.dataset });
  try {
    for (const of of all) await run(of, removal(of, onConflict));
    if (onConflict === 'replace') for (const of of all) for (const sql of change(of)) await run(of, sql);
    for (const of of all) await run(of, addition(of));
  } catch (error) {
    throw refusal(error);
  }
}

function removal({ table, gone }: Staged, onConflict: OnConflict): string {
  return `DELETE t FROM ${quoteName(table.name)} t JOIN ${gone} g ON ${sameKey(table, 'g', 't')} WHERE ${isRemoved(onConflict)}`;
}

/** All columns are named, as some would change by themselves. */
function change({ table, columns, rows }: Staged): readonly string[] {
  const sets = columns
    .filter(({ name }) => !table.key.includes(name))
    .map(({ name }) => `t.${quoteName(name)} = s.${quoteName(name)}`);
  if (sets.length === 0) return [];
  return [
    `UPDATE ${quoteName(table.name)} t JOIN ${rows} s ON ${sameKey(table, 's', 't')} SET ${sets.join(', ')} WHERE s.${STATE} = ${DIFFERENT}`,
  ];
}

function addition({ table, columns, rows }: Staged): string {
  const list = columns.map(({ name }) => quoteName(name)).join(', ');
  return `INSERT INTO ${quoteName(table.name)} (${list}) SELECT ${list} FROM ${rows} s WHERE s.${STATE} = ${MISSING}`;
}

/** Keys of rows that are not as they were written, and of those that are still there. */
export async function readBack(
  session: Session,
  all: readonly Staged[],
  onConflict: OnConflict,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { dataset, table, columns, rows, gone } of all) {
    const place = quoteName(table.name);
    const wrong = await session.query<{ key: string }>(
      `SELECT ${keyText(table, 's')} AS \`key\` FROM ${rows} s WHERE ${isWritten(onConflict)} AND NOT EXISTS (
         SELECT 1 FROM ${place} t WHERE ${sameKey(table, 's', 't')} AND ${sameValues(columns, 's', 't')})
        UNION ALL
       SELECT ${keyText(table, 'g')} FROM ${gone} g JOIN ${place} t ON ${sameKey(table, 'g', 't')} WHERE ${isRemoved(onConflict)}
       LIMIT ${MOST_NAMED}`,
      signal,
    );
    found.push(...wrong.map(({ key }) => `${dataset} (${key})`));
  }
  return found;
}

function refusal(error: unknown): unknown {
  const number = errorNumber(error);
  if (!isHoldfastError(error) || number === undefined) return error;
  const { details } = error;
  if (BUSY.includes(number))
    return new HoldfastError('E_SOURCE_CHANGED', `${error.message}; nothing was changed`, {
      cause: error,
      details,
      hint: 'Somebody else has locked the same rows. Run it again.',
    });
  if (!REFUSED.includes(number)) return error;
  return new HoldfastError('E_ROWS_REFUSED', `${error.message}; nothing was changed`, {
    cause: error,
    details,
    hint: 'Choose the rows that these need too, or put them into a new table: --beside NAME.',
  });
}

import type pg from 'pg';
import { HoldfastError } from '../../../../core/errors.ts';
import { plural } from '../../../../core/plural.ts';
import { quoteIdent } from '../../text/identifiers.ts';
import type { Row } from '../messages.ts';
import type { CountedRows } from './pending-rows.ts';
import { countRows, rowsSql, valueSql } from './row-sql.ts';
import { insert, type WrittenTable } from './write-keyed.ts';

/**
 * The same for a table without a key: rows are found by all that they hold, and of equal ones as many go as are to go.
 *
 * @throws E_RESTORE_DIFFERS if there are not as many
 */
export async function writeCounted(
  client: pg.Client,
  table: WrittenTable,
  pending: ReturnType<CountedRows['take']>,
  signal: AbortSignal,
): Promise<void> {
  await remove(
    client,
    table,
    pending.filter(({ count }) => count < 0),
    signal,
  );
  const added = pending.flatMap(({ row, count }) =>
    Array.from({ length: Math.max(count, 0) }, () => ({ base: undefined, after: row })),
  );
  await insert(client, table, added, signal);
}

async function remove(
  client: pg.Client,
  table: WrittenTable,
  rows: readonly { readonly row: Row; readonly count: number }[],
  signal: AbortSignal,
): Promise<void> {
  if (rows.length === 0) return;
  const columns = table.columns.flatMap((column, place) => (column ? [{ column, place }] : []));
  const { from, values } = rowsSql(
    [...columns.map(({ column }) => column), { arrayType: 'int4[]' }],
    rows.map(({ row, count }) => [...columns.map(({ place }) => row[place]), String(-count)]),
  );
  // As text by the types' own output: not every type knows what is equal.
  const here = columns.map(({ column }) => `t.${quoteIdent(column.name)}`).join(', ');
  const wanted = columns.map(({ column }, i) => valueSql(column, i)).join(', ');
  const sql = `DELETE FROM ONLY ${table.place} WHERE ctid IN (
    SELECT o.ctid
      FROM (SELECT t.ctid, x.content, row_number() OVER (PARTITION BY x.content) AS place
              FROM ONLY ${table.place} t, LATERAL (SELECT ROW(${here})::text AS content) x) o
      JOIN (SELECT ROW(${wanted})::text AS content, s.c${columns.length} AS most FROM ${from}) w
        ON w.content = o.content AND o.place <= w.most)`;
  const expected = rows.reduce((sum, { count }) => sum - count, 0);
  const found = await countRows(client, sql, { values, object: table.name, signal });
  if (found === expected) return;
  throw new HoldfastError(
    'E_RESTORE_DIFFERS',
    `${table.name}: the stream removes ${plural(expected, 'row')}, and the target has ${found} of them`,
    {
      hint: 'The backup and the stored changes do not fit together, or something else wrote to the target. Restore into an empty database again, or from another backup.',
    },
  );
}

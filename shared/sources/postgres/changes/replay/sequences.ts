import type pg from 'pg';
import { query } from '../../connection/connection.ts';
import { displayName, quoteQualified } from '../../text/identifiers.ts';

interface SequenceRow extends pg.QueryResultRow {
  readonly schema: string;
  readonly name: string;
  readonly step: string;
  readonly value: string | null;
  /** Column that takes its values, quoted, with its table; null for none. */
  readonly ofTable: string | null;
  readonly ofColumn: string | null;
}

const SEQUENCES = `
  SELECT n.nspname AS schema, c.relname AS name, s.seqincrement::text AS step,
         pg_catalog.pg_sequence_last_value(c.oid)::text AS value,
         pg_catalog.quote_ident(tn.nspname) || '.' || pg_catalog.quote_ident(t.relname) AS "ofTable",
         pg_catalog.quote_ident(a.attname) AS "ofColumn"
    FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
          AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    LEFT JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
   WHERE c.relpersistence <> 't'`;

/**
 * Sets sequences to the values that the last stretch has: at least what they were at the moment of the restore, so that none gives a
 * value twice. One whose value is not known goes past the greatest of its column.
 *
 * @param values by the names of sequences
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function setSequences(
  client: pg.Client,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  for (const sequence of await query<SequenceRow>(client, SEQUENCES, signal)) {
    const { schema, name } = sequence;
    const value = values[displayName(schema, name)] ?? (await greatestOf(client, sequence, signal));
    if (value === undefined || value === sequence.value) continue;
    await query(client, 'SELECT pg_catalog.setval($1::regclass, $2, true)', signal, {
      values: [quoteQualified(schema, name), value],
      object: displayName(schema, name),
    });
  }
}

async function greatestOf(
  client: pg.Client,
  { ofTable, ofColumn, step, value }: SequenceRow,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (ofTable === null || ofColumn === null) return undefined;
  const isDown = step.startsWith('-');
  const [row] = await query<{ value: string | null }>(
    client,
    `SELECT ${isDown ? 'least' : 'greatest'}(${isDown ? 'min' : 'max'}(${ofColumn})::bigint, $1::bigint)::text AS value FROM ${ofTable}`,
    signal,
    { values: [value] },
  );
  return row?.value ?? undefined;
}

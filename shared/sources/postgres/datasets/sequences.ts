import type pg from 'pg';
import { DDL_SCHEMA } from '../changes/names.ts';
import { query } from '../connection/connection.ts';
import { displayName, quoteLiteral, quoteQualified } from '../text/identifiers.ts';

/** A sequence, and whether its value may be read. */
export interface SequenceInfo {
  readonly schema: string;
  readonly name: string;
  readonly readable: boolean;
}

/** Those whose values pg_dump would write: an extension's only if the extension asks for it. */
export async function listSequences(
  client: pg.Client,
  signal: AbortSignal,
): Promise<readonly SequenceInfo[]> {
  return await query<{ schema: string; name: string; readable: boolean }>(
    client,
    `SELECT n.nspname AS schema, c.relname AS name,
            has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
             AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
       LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE c.relkind = 'S' AND c.relpersistence <> 't'
        AND CASE WHEN e.oid IS NULL THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${DDL_SCHEMA}')
                 ELSE c.oid = ANY (e.extconfig) END
      ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`,
    signal,
  );
}

/** Sequences in one statement: few round trips, and still a statement that the server's parser likes. */
const BATCH = 500;

/** COPY statements for the columns of SEQUENCE_COLUMNS. Values are not part of a snapshot: they never go back. */
export function sequenceCopies(
  sequences: readonly Pick<SequenceInfo, 'schema' | 'name'>[],
): readonly { sql: string; object: string }[] {
  const copies: { sql: string; object: string }[] = [];
  for (let start = 0; start < sequences.length; start += BATCH) {
    const batch = sequences.slice(start, start + BATCH);
    const selects = batch.map(
      ({ schema, name }) =>
        `SELECT ${quoteLiteral(schema)}, ${quoteLiteral(name)}, last_value, is_called FROM ${quoteQualified(schema, name)}`,
    );
    const object = batch.length === 1 && batch[0] ? displayName(batch[0].schema, batch[0].name) : 'sequences';
    copies.push({ sql: `COPY (${selects.join(' UNION ALL ')}) TO STDOUT`, object });
  }
  return copies;
}

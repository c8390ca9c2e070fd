import { HoldfastError } from '../../../core/errors.ts';
import { DDL_SCHEMA } from '../changes/names.ts';
import { query } from '../connection/connection.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { displayName, quoteQualified } from '../text/identifiers.ts';
import type { ColumnAttributes } from './attributes.ts';

/** A table as the catalog has it. */
export interface TableInfo {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  /** `r` holds rows; `p` is the parent of partitions, only locked. */
  readonly kind: 'r' | 'p';
  readonly columns: readonly ColumnAttributes[];
  /** Columns of the primary key; empty if there is none. */
  readonly key: readonly string[];
  readonly unlogged: boolean;
  readonly extension: string | null;
  readonly condition: string;
  /** Of an extension's table. */
  readonly foreignKeys: readonly {
    readonly name: string;
    readonly schema: string;
    readonly table: string;
    readonly deferrable: boolean;
  }[];
  /** Whether the rows are in pages that `ctid` counts. */
  readonly heap: boolean;
  readonly pages: number;
  readonly totalBytes: number;
  /** Why the role may not read all rows; null when it may. */
  readonly denied: string | null;
}

/** Tables that pg_dump would read rows of, and parents of partitions; in the order of their names' bytes. */
export async function listTables(snapshot: Snapshot, signal: AbortSignal): Promise<readonly TableInfo[]> {
  const generated = snapshot.version < 120_000 ? '' : "AND a.attgenerated = ''";
  const rows = await query<TableInfo & { pages: string; totalBytes: string }>(
    snapshot.client,
    `SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name, c.relkind AS kind,
            (SELECT coalesce(json_agg(json_build_object(
                      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum), '[]')
               FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ${generated}) AS columns,
            (SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]')
               FROM pg_catalog.pg_constraint p
              CROSS JOIN LATERAL unnest(p.conkey) WITH ORDINALITY k(attnum, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = p.conrelid AND a.attnum = k.attnum
              WHERE p.conrelid = c.oid AND p.contype = 'p') AS key,
            c.relpersistence = 'u' AS unlogged,
            e.extname AS extension,
            coalesce((SELECT e.extcondition[i] FROM generate_subscripts(e.extconfig, 1) i
                       WHERE e.extconfig[i] = c.oid), '') AS condition,
            CASE WHEN e.oid IS NULL THEN '[]' ELSE
              (SELECT coalesce(json_agg(json_build_object('name', f.conname, 'schema', fn.nspname, 'table', fc.relname,
                        'deferrable', f.condeferrable) ORDER BY f.conname::text COLLATE "C"), '[]')
                 FROM pg_catalog.pg_constraint f
                 JOIN pg_catalog.pg_class fc ON fc.oid = f.confrelid
                 JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
                WHERE f.conrelid = c.oid AND f.contype = 'f') END AS "foreignKeys",
            coalesce(am.amname = 'heap', true) AS heap,
            (coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int)::text AS pages,
            coalesce(pg_table_size(c.oid), 0)::text AS "totalBytes",
            CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'no USAGE on its schema'
                 WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'no SELECT'
                 WHEN ${ROWS_HIDDEN} THEN 'row security hides rows'
            END AS denied
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
       LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
             AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
       LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
      WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND CASE WHEN e.oid IS NULL THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${DDL_SCHEMA}')
                 ELSE c.oid = ANY (e.extconfig) END
      ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`,
    signal,
  );
  return rows.map((row) => ({ ...row, pages: Number(row.pages), totalBytes: Number(row.totalBytes) }));
}

/** With `row_security = off` such a read is an error; known here before hours of other reads. */
const ROWS_HIDDEN = `c.relrowsecurity
  AND (c.relforcerowsecurity OR NOT pg_has_role(c.relowner, 'USAGE'))
  AND NOT (SELECT r.rolsuper OR r.rolbypassrls FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)`;

const SHOWN = 10;

/** @throws E_SOURCE_DENIED naming the objects */
export function checkReadable(denied: readonly { readonly name: string; readonly why: string }[]): void {
  if (denied.length === 0) return;
  const shown = denied.slice(0, SHOWN).map(({ name, why }) => `${name} (${why})`);
  const more = denied.length > SHOWN ? ` and ${denied.length - SHOWN} more` : '';
  throw new HoldfastError('E_SOURCE_DENIED', `permission denied: ${shown.join(', ')}${more}`, {
    hint: 'Grant the role pg_read_all_data (and BYPASSRLS where row security is on), or the right on each.',
    details: { object: denied[0]?.name ?? '', objects: denied.length },
  });
}

/** Tables in one LOCK statement. */
const BATCH = 500;

/**
 * Keeps tables from being dropped, truncated or altered until the snapshot ends; reading and writing rows
 * goes on. Whatever happened to a table between the snapshot and its lock is noticed here.
 *
 * @throws E_SOURCE_CHANGED when a table was dropped, truncated or rewritten meanwhile
 */
export async function lockTables(
  { client }: Snapshot,
  tables: readonly TableInfo[],
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < tables.length; start += BATCH) {
    const batch = tables.slice(start, start + BATCH);
    const names = batch.map(({ schema, name }) => `ONLY ${quoteQualified(schema, name)}`);
    await query(client, `LOCK TABLE ${names.join(', ')} IN ACCESS SHARE MODE`, signal, {
      object: batch.length === 1 && batch[0] ? displayName(batch[0].schema, batch[0].name) : 'tables',
    });
  }
  // pg_class is read as it was at the snapshot, the function looks at what is there now. An old snapshot
  // sees a table that was truncated after it as empty. Before 12 a partitioned table has a file's number and no file.
  const changed = await query<{ schema: string; name: string }>(
    client,
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND c.relkind <> 'p' AND c.relfilenode <> 0
        AND pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode`,
    signal,
    { values: [tables.map(({ oid }) => oid)] },
  );
  if (changed[0] === undefined) return;
  const names = changed.slice(0, SHOWN).map(({ schema, name }) => displayName(schema, name));
  throw new HoldfastError(
    'E_SOURCE_CHANGED',
    `truncated or rewritten while the backup began: ${names.join(', ')}`,
    { hint: 'Run it again when no migration is running.' },
  );
}

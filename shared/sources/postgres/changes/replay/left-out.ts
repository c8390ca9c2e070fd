import type pg from 'pg';
import { query } from '../../connection/connection.ts';

/** What a target has as the base had it, because no stream carries its changes: sentences. @throws E_SOURCE_*, E_ABORTED */
export async function listUnstreamed(client: pg.Client, signal: AbortSignal): Promise<readonly string[]> {
  const [row] = await query<{ objects: boolean; unlogged: string | null; views: string | null }>(
    client,
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) AS objects,
            pg_catalog.string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid::regclass::text)
              FILTER (WHERE c.relkind = 'r' AND c.relpersistence = 'u') AS unlogged,
            pg_catalog.string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid::regclass::text)
              FILTER (WHERE c.relkind = 'm') AS views
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`,
    signal,
  );
  return [
    ...(row?.objects ? ['Large objects are as in the backup: the stream does not carry their changes.'] : []),
    ...(row?.unlogged ? [`Unlogged tables have the rows of the backup: ${row.unlogged}.`] : []),
    ...(row?.views
      ? [`Materialised views are as after the restore of the backup; refresh them: ${row.views}.`]
      : []),
  ];
}

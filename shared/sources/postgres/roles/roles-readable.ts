import type pg from 'pg';
import { query } from '../connection/connection.ts';

/** What the dataset `roles` is read from. Every login may read these unless somebody took that from it. */
const CATALOGS = ['pg_roles', 'pg_auth_members', 'pg_db_role_setting', 'pg_parameter_acl'];

/** Catalogs of roles that the login may not read. */
export async function findHiddenCatalogs(client: pg.Client, signal: AbortSignal): Promise<readonly string[]> {
  const rows = await query<{ name: string }>(
    client,
    `SELECT c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'pg_catalog' AND c.relname = ANY ($1) AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
      ORDER BY 1`,
    signal,
    { values: [CATALOGS] },
  );
  return rows.map(({ name }) => name);
}

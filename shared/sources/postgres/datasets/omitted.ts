import { DDL_SCHEMA } from '../changes/names.ts';
import { query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { displayName } from '../text/identifiers.ts';

const NO_PASSWORDS = 'Passwords of roles are not in the backup; rolePasswords takes their hashes in.';
const ALWAYS = [
  'Tablespaces, security labels of roles, and the settings of the server itself (postgresql.conf, pg_hba.conf) are not in the backup.',
  'Planner statistics are not in the backup; run ANALYZE after a restore.',
];

/** What this backup leaves out, one sentence each. */
export async function listOmitted(
  snapshot: Snapshot,
  {
    rolePasswords,
    hiddenCatalogs,
  }: Pick<PostgresOptions, 'rolePasswords'> & { readonly hiddenCatalogs: readonly string[] },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const relations = await query<{ schema: string; name: string; kind: string }>(
    snapshot.client,
    `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE (c.relkind IN ('f', 'm') OR c.relkind = 'r' AND c.relpersistence = 'u')
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${DDL_SCHEMA}')
      ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`,
    signal,
  );
  const names = (kind: string): string =>
    relations
      .filter((relation) => relation.kind === kind)
      .map(({ schema, name }) => displayName(schema, name))
      .join(', ');
  const omitted = [...(rolePasswords ? [] : [NO_PASSWORDS]), ...ALWAYS];
  if (hiddenCatalogs.length > 0)
    omitted.push(`Roles are not in the backup: the login may not read ${hiddenCatalogs.join(', ')}.`);
  if (names('f')) omitted.push(`Rows of foreign tables stay in their own databases: ${names('f')}.`);
  if (names('m')) omitted.push(`Rows of materialised views are computed again by a restore: ${names('m')}.`);
  if (names('r') && snapshot.standby)
    omitted.push(`The server is a standby, which has no rows of unlogged tables: ${names('r')}.`);
  if (await hasHiddenSubscriptions(snapshot, signal))
    omitted.push('Subscriptions are not in the backup: only a superuser may read them.');
  return omitted;
}

async function hasHiddenSubscriptions(snapshot: Snapshot, signal: AbortSignal): Promise<boolean> {
  if (snapshot.version < 100_000) return false;
  const rows = await query(
    snapshot.client,
    `SELECT 1 FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
      WHERE d.datname = current_database() AND current_setting('is_superuser') = 'off' LIMIT 1`,
    signal,
  );
  return rows.length > 0;
}

import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { connect, disconnect, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { type SessionUse, sessionSettings } from '../connection/session-settings.ts';
import { PG_DUMP_MAJOR } from '../pg-dump/pg-dump-run.ts';

/** As `server_version_num` counts: 180004 is 18.4. */
export type ServerVersion = number;

/** PostgreSQL 9.4: the first with `lo_get` and `json_build_object`. pg_dump itself would read 9.2. */
const OLDEST: ServerVersion = 90_400;

/** SQL_ASCII has no conversion: its bytes come and go as they are. */
const CLIENT_ENCODING =
  "CASE pg_catalog.current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END";

/**
 * Opens a session in which nothing depends on what the server, the database or the role set. Settings that a server
 * does not know, or that this login may not set, are passed over.
 *
 * @throws E_SOURCE_*, E_CONFIG, E_ABORTED; the session is closed then
 */
export async function openSession(
  options: PostgresOptions,
  signal: AbortSignal,
  { use = 'read' }: { readonly use?: SessionUse } = {},
): Promise<pg.Client> {
  const client = await connect(options, signal);
  try {
    await query(
      client,
      `SELECT pg_catalog.set_config(s.name, v.value, false)
         FROM (SELECT key AS name, value FROM pg_catalog.json_each_text($1)
                UNION ALL SELECT 'client_encoding', ${CLIENT_ENCODING}) AS v
         JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) = pg_catalog.lower(v.name)
        WHERE s.context = 'user' OR pg_catalog.current_setting('is_superuser') = 'on'`,
      signal,
      { values: [JSON.stringify(sessionSettings(options, use))] },
    );
    return client;
  } catch (error) {
    await disconnect(client);
    throw error;
  }
}

/** @throws E_SOURCE_UNSUPPORTED naming both versions */
export function checkVersion(version: ServerVersion, shown: string): void {
  const major = Math.floor(version / 10_000);
  if (major > PG_DUMP_MAJOR)
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `the server is PostgreSQL ${shown}; pg_dump ${PG_DUMP_MAJOR} cannot read a newer major version`,
      { hint: 'Update Holdfast to a release whose pg_dump is as new as the server.' },
    );
  if (version < OLDEST)
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `the server is PostgreSQL ${shown}; the oldest that can be backed up is 9.4`,
      { hint: 'Update the server, or back it up with its own pg_dump.' },
    );
}

import type pg from 'pg';
import { disconnect, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { openSession } from '../snapshot/session.ts';
import { quoteIdent } from '../text/identifiers.ts';

/** From this version on a database can be dropped with who is connected to it. */
const FIRST_WITH_FORCE = 130_000;
const FIRST_WITH_SUBSCRIPTIONS = 100_000;

/** Which database is dropped, and by whom. */
export interface DropOptions {
  /** Where the database is, with any database of that server. */
  readonly server: PostgresOptions;
  /** Even with clients connected, if the server can. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/**
 * Drops a scratch database, with what would keep the server from doing so.
 *
 * @param client a session of another database of the server
 * @returns whether it was there
 */
export async function dropDatabase(
  client: pg.Client,
  name: string,
  { server, force, signal }: DropOptions,
): Promise<boolean> {
  const [about] = await query<{ is_there: boolean; version: string }>(
    client,
    `SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1) AS is_there,
            pg_catalog.current_setting('server_version_num') AS version`,
    signal,
    { values: [name] },
  );
  if (about?.is_there !== true) return false;
  const version = Number(about.version);
  if (version >= FIRST_WITH_SUBSCRIPTIONS) await dropSubscriptions({ ...server, database: name }, signal);
  const how = force && version >= FIRST_WITH_FORCE ? ' WITH (FORCE)' : '';
  await query(client, `DROP DATABASE IF EXISTS ${quoteIdent(name)}${how}`, signal);
  return true;
}

/** Without a word to the publisher: the slot there belongs to the database that was backed up. */
async function dropSubscriptions(database: PostgresOptions, signal: AbortSignal): Promise<void> {
  const client = await openSession(database, signal);
  try {
    const found = await query<{ name: string }>(
      client,
      `SELECT subname AS name FROM pg_catalog.pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
      signal,
    );
    for (const { name } of found) {
      for (const change of ['DISABLE', 'SET (slot_name = NONE)'])
        await query(client, `ALTER SUBSCRIPTION ${quoteIdent(name)} ${change}`, signal);
      await query(client, `DROP SUBSCRIPTION ${quoteIdent(name)}`, signal);
    }
  } finally {
    await disconnect(client);
  }
}

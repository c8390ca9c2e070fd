import type pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import { connect, disconnect, query } from './connection.ts';
import type { PostgresOptions } from './options.ts';
import { PG_DUMP_MAJOR } from './pg-dump-run.ts';

/** As `server_version_num` counts: 180004 is 18.4. */
export type ServerVersion = number;

/** PostgreSQL 9.4: the first with `lo_get` and `json_build_object`. pg_dump itself would read 9.2. */
const OLDEST: ServerVersion = 90_400;

/**
 * What pg_dump sets, and what keeps rows in one order from run to run. Names that a server does not have
 * are passed over.
 */
function sessionSettings(options: PostgresOptions): Readonly<Record<string, string>> {
  return {
    client_encoding: 'UTF8',
    DateStyle: 'ISO',
    IntervalStyle: 'POSTGRES',
    extra_float_digits: '3',
    bytea_output: 'hex',
    xmloption: 'content',
    quote_all_identifiers: 'off',
    search_path: '',
    row_security: 'off',
    synchronize_seqscans: 'off',
    max_parallel_workers_per_gather: '0',
    // It may give the answer for one large object's descriptor to another with the same number.
    enable_memoize: 'off',
    jit: 'off',
    statement_timeout: '0',
    lock_timeout: String(options.lockTimeoutMs),
    idle_in_transaction_session_timeout: '0',
    idle_session_timeout: '0',
    transaction_timeout: '0',
  };
}

/** @throws E_SOURCE_*, E_CONFIG, E_ABORTED; the session is closed then */
export async function openSession(options: PostgresOptions, signal: AbortSignal): Promise<pg.Client> {
  const client = await connect(options, signal);
  try {
    await query(
      client,
      `SELECT pg_catalog.set_config(s.name, v.value, false)
         FROM pg_catalog.json_each_text($1) AS v(name, value)
         JOIN pg_catalog.pg_settings AS s ON pg_catalog.lower(s.name) = pg_catalog.lower(v.name)`,
      signal,
      { values: [JSON.stringify(sessionSettings(options))] },
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
    );
}

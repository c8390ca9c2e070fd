import type pg from 'pg';
import { DDL_SCHEMA } from '../changes/names.ts';
import { disconnect, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import type { DatasetRole } from '../datasets/attributes.ts';
import { firstWaitMs, giveWay, isLockTimeout } from '../snapshot/lock-to-read.ts';
import { snapshotLost } from '../snapshot/lost.ts';
import { openSession, type ServerVersion } from '../snapshot/session.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { runPgDump } from './pg-dump-run.ts';

/** A dataset that pg_dump writes. */
export type SchemaRole = Extract<DatasetRole, 'pre-data' | 'post-data' | 'database'>;

/**
 * What makes pg_dump write the part. `database` is what `--create` adds: taking a schema in and out again
 * leaves nothing else. Large objects come apart (large-objects.ts), else pg_dump would list each.
 */
const ARGS: Readonly<Record<SchemaRole, readonly string[]>> = {
  'pre-data': ['--section=pre-data', `--exclude-schema=${DDL_SCHEMA}`],
  'post-data': ['--section=post-data', `--exclude-schema=${DDL_SCHEMA}`],
  database: [
    '--section=pre-data',
    '--create',
    '--schema=information_schema',
    '--exclude-schema=information_schema',
  ],
};

/**
 * One part of the schema as SQL, the same bytes as long as nothing changes.
 *
 * @throws E_SOURCE_CHANGED too if somebody waits to alter a table, which pg_dump would wait for, E_SOURCE_*, E_ABORTED
 */
export async function dumpSchema(
  options: PostgresOptions,
  role: SchemaRole,
  snapshot: Pick<Snapshot, 'id' | 'version'>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    return await runOnce({ ...options, lockTimeoutMs: firstWaitMs(options) }, role, snapshot, signal);
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
  }
  const client = await openSession(options, signal);
  await giveWay(client, signal).finally(() => disconnect(client));
  return runOnce(options, role, snapshot, signal);
}

async function runOnce(
  options: PostgresOptions,
  role: SchemaRole,
  snapshot: Pick<Snapshot, 'id' | 'version'>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const client = await openSession(options, signal);
  const encoding = await clientEncoding(client, signal);
  const dump = await runPgDump(
    client,
    [
      ...ARGS[role],
      `--snapshot=${snapshot.id}`,
      `--lock-wait-timeout=${options.lockTimeoutMs}`,
      '--no-large-objects',
      '--no-sync',
      `--encoding=${encoding}`,
    ],
    signal,
  ).catch((error: unknown) => {
    throw snapshotLost(error);
  });
  return tidy(dump, role, snapshot.version);
}

/** That of the session: UTF8, or SQL_ASCII if the database has no encoding. */
async function clientEncoding(client: pg.Client, signal: AbortSignal): Promise<string> {
  const sql = "SELECT pg_catalog.current_setting('client_encoding') AS encoding";
  try {
    const [row] = await query<{ encoding: string }>(client, sql, signal);
    return row?.encoding ?? 'UTF8';
  } catch (error) {
    await disconnect(client);
    throw error;
  }
}

const VERSIONS = /^(--\n-- PostgreSQL database dump\n--\n)\n+(?:-- Dumped [^\n]*\n)+/;
/** Before 17 it is an error; pg_dump writes it whatever the server is. */
const TRANSACTION_TIMEOUT = /^SET transaction_timeout = 0;\n/gm;
/** Before 16 it is an error; pg_dump writes it whatever the server is. */
const RUN_AS_OWNER = /^(CREATE SUBSCRIPTION .*), run_as_owner = (?:true|false)/gm;
const HEADER_BYTES = 1024;

/**
 * The comment that names the versions of server and pg_dump would change with each update. Settings are in
 * the first lines, in the part `database` in several places.
 */
function tidy(dump: Uint8Array, role: SchemaRole, version: ServerVersion): Uint8Array {
  const headBytes = role === 'database' ? dump.length : HEADER_BYTES;
  const head = Buffer.from(dump.subarray(0, headBytes)).toString('latin1').replace(VERSIONS, '$1');
  const body = dump.subarray(headBytes);
  return Buffer.concat([
    Buffer.from(version < 170_000 ? head.replace(TRANSACTION_TIMEOUT, '') : head, 'latin1'),
    version < 160_000 && role === 'post-data' ? withoutRunAsOwner(body) : body,
  ]);
}

function withoutRunAsOwner(body: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(body).toString('latin1').replace(RUN_AS_OWNER, '$1'), 'latin1');
}
